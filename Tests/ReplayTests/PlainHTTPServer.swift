import Glibc
import TestSupport

/// An HTTP server that is no broker: answers each request with what its script makes of the request's text, and ends
/// the connection. On a thread of its own; stop it before the test ends.
final class PlainHTTPServer {
    private let listener: Int32
    private let thread: TestThread

    /// On loopback.
    init(port: UInt16, _ script: @escaping @Sendable (_ request: String) -> (status: Int, body: String)) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isBound = withUnsafeBytes(of: &address) { bytes in
            bind(listener, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) == 0
        }
        guard isBound, listen(listener, 16) == 0 else {
            close(listener)
            throw TestFailure("port \(port) could not be opened: error \(errno)")
        }
        self.listener = listener
        self.thread = TestThread {
            // Until the listener is shut down.
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                Self.serve(connection, script)
            }
        }
    }

    func stop() {
        shutdown(self.listener, Int32(SHUT_RDWR))
        self.thread.join()
        close(self.listener)
    }

    private static func serve(_ connection: Int32, _ script: (String) -> (status: Int, body: String)) {
        defer { close(connection) }
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var request: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while !Self.isWhole(request) {
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0, request.count < 1 << 16 else { return }
            request += chunk[..<count]
        }
        let (status, body) = script(String(decoding: request, as: UTF8.self))
        let type = body.hasPrefix("<") ? "text/html" : "application/json"
        let answer = Array(
            ("HTTP/1.1 \(status) Answer\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
                + "Connection: close\r\n\r\n\(body)").utf8
        )
        _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
    }

    /// Head and, where it names a length, body.
    private static func isWhole(_ request: [UInt8]) -> Bool {
        let text = String(decoding: request, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n") else { return false }
        let lengths = text[..<end.lowerBound].lowercased().split(separator: "\r\n").compactMap { line in
            line.hasPrefix("content-length:") ? Int(line.dropFirst(15).filter(\.isNumber)) : nil
        }
        return text[end.upperBound...].utf8.count >= lengths.first ?? 0
    }
}
