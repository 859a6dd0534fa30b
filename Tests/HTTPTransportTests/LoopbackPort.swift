import Glibc

/// Loopback TCP ports with nobody behind them.
struct LoopbackPort {
    struct Failure: Error {}

    let port: Int
    private let sockets: [CInt]

    /// A port that refuses connections.
    static func closed() throws -> Int {
        let listener = try LoopbackPort.silent()
        listener.close()
        return listener.port
    }

    /// A port whose connections come about in the kernel; nobody ever reads them.
    static func silent() throws -> LoopbackPort {
        let listener = try Self.boundSocket()
        guard listen(listener.socket, 8) == 0 else { throw Failure() }
        return LoopbackPort(port: listener.port, sockets: [listener.socket])
    }

    /// A port whose queue of connections is full, so that the kernel drops further attempts.
    static func unresponsive() throws -> LoopbackPort {
        let listener = try Self.boundSocket()
        guard listen(listener.socket, 0) == 0 else { throw Failure() }
        let fillers = (0..<4).map { _ in
            socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        }
        var address = Self.address(port: UInt16(listener.port))
        for filler in fillers {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = connect(filler, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        return LoopbackPort(port: listener.port, sockets: fillers + [listener.socket])
    }

    func close() {
        for socket in self.sockets { Glibc.close(socket) }
    }

    private static func boundSocket() throws -> (socket: CInt, port: Int) {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = Self.address(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard isBound else { throw Failure() }
        return (listener, Int(UInt16(bigEndian: address.sin_port)))
    }

    private static func address(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        return address
    }
}
