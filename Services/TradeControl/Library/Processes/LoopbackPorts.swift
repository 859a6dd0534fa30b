import Glibc

/// TCP ports of the loopback interface for processes that are about to start.
package struct LoopbackPorts {
    private var taken: Set<UInt16> = []
    private var generator = SystemRandomNumberGenerator()

    package init() {}

    // Below the range out of which Linux gives ports to outgoing connections: a process that is started again finds its
    // port free.
    private static let range: Range<UInt16> = 15_000..<32_000

    /// A port that nobody listens on and that has not been given before.
    package mutating func next() throws(CommandFailure) -> UInt16 {
        for _ in 0..<200 {
            let port = UInt16.random(in: Self.range, using: &self.generator)
            if !self.taken.contains(port), Self.isFree(port) {
                self.taken.insert(port)
                return port
            }
        }
        throw CommandFailure(
            .failed,
            "No free port was found on 127.0.0.1 from \(Self.range.lowerBound) to \(Self.range.upperBound)."
        )
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard listener >= 0 else { return false }
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafeBytes(of: &address) { bytes in
            bind(listener, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) == 0
        }
    }
}
