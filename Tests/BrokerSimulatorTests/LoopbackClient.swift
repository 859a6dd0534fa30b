import Glibc
import Testing
import TradingCore

struct ClientError: Error {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A blocking TCP connection to a loopback port. A read that waits half a minute fails.
final class LoopbackConnection {
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    init(port: Int) throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = self.descriptor
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) }
        }
        guard result == 0 else { throw ClientError("cannot connect to \(port)") }
        var timeout = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { Glibc.close(self.descriptor) }

    func write(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw ClientError("the connection broke") }
            sent += count
        }
    }

    func read(_ count: Int) throws -> [UInt8] {
        while self.buffer.count < count { try self.fill() }
        defer { self.buffer.removeFirst(count) }
        return Array(self.buffer.prefix(count))
    }

    /// Up to and with the blank line that ends an HTTP head.
    func readHead() throws -> String {
        while true {
            let text = String(decoding: self.buffer, as: UTF8.self)
            if let end = text.firstRange(of: "\r\n\r\n") {
                let head = String(text[..<end.lowerBound])
                self.buffer.removeFirst(head.utf8.count + 4)
                return head
            }
            try self.fill()
        }
    }

    /// Whether bytes wait to be read, at most so long from now.
    func isReadable(within milliseconds: Int32) -> Bool {
        guard self.buffer.isEmpty else { return true }
        var entry = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, milliseconds) > 0
    }

    private func fill() throws {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(self.descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { throw ClientError(count == 0 ? "the peer closed" : "nothing came for half a minute") }
        self.buffer += chunk[..<count]
    }
}

struct HTTPAnswer {
    let status: Int
    let text: String
    let headers: [String]

    /// The value of the first such header.
    func header(_ name: String) -> String? {
        self.headers.first { $0.lowercased().hasPrefix("\(name.lowercased()): ") }
            .map { String($0.dropFirst(name.count + 2)) }
    }

    var json: JSONValue { (try? JSONValue(parsing: Array(self.text.utf8))) ?? .null }
}

/// An HTTP client that keeps its connection.
final class HTTPClient {
    private let connection: LoopbackConnection
    var headers = "APCA-API-KEY-ID: key\r\nAPCA-API-SECRET-KEY: secret\r\n"

    init(port: Int) throws {
        self.connection = try LoopbackConnection(port: port)
    }

    func send(_ method: String, _ target: String, _ body: String = "") throws {
        try self.connection.write(
            Array(
                ("\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n\(self.headers)"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)").utf8
            )
        )
    }

    func receive() throws -> HTTPAnswer {
        let head = try self.connection.readHead()
        let lines = head.split(separator: "\r\n")
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        let length =
            lines.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.split(separator: " ").last ?? "") } ?? 0
        let text = String(decoding: try self.connection.read(length), as: UTF8.self)
        return HTTPAnswer(status: status, text: text, headers: lines.dropFirst().map(String.init))
    }

    func call(_ method: String, _ target: String, _ body: String = "") throws -> HTTPAnswer {
        try self.send(method, target, body)
        return try self.receive()
    }
}

/// A WebSocket client that answers pings only when it is told to.
final class StreamClient {
    enum Frame: Equatable {
        case text(String)
        case binary([UInt8])
        case ping([UInt8])
        case pong([UInt8])
        case close
    }

    private let connection: LoopbackConnection

    init(port: Int, path: String, headers: String = "") throws {
        self.connection = try LoopbackConnection(port: port)
        try self.connection.write(
            Array(
                """
                GET \(path) HTTP/1.1\r
                Host: localhost\r
                Connection: Upgrade\r
                Upgrade: websocket\r
                Sec-WebSocket-Version: 13\r
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
                \(headers)\r

                """.utf8
            )
        )
        let head = try self.connection.readHead()
        guard head.hasPrefix("HTTP/1.1 101") else { throw ClientError(head) }
    }

    func send(_ text: String) throws { try self.frame(opcode: 1, Array(text.utf8)) }
    func pong(_ payload: [UInt8]) throws { try self.frame(opcode: 10, payload) }

    func frame(opcode: UInt8, isFinal: Bool = true, _ payload: [UInt8]) throws {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | opcode]
        if payload.count < 126 {
            bytes.append(0x80 | UInt8(payload.count))
        } else {
            bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        }
        let mask: [UInt8] = [1, 2, 3, 4]
        bytes += mask
        bytes += payload.enumerated().map { $0.element ^ mask[$0.offset % 4] }
        try self.connection.write(bytes)
    }

    func next() throws -> Frame {
        let head = try self.connection.read(2)
        var length = Int(head[1] & 0x7F)
        if length == 126 {
            length = try self.connection.read(2).reduce(0) { $0 << 8 | Int($1) }
        } else if length == 127 {
            length = try self.connection.read(8).reduce(0) { $0 << 8 | Int($1) }
        }
        let payload = try self.connection.read(length)
        switch head[0] & 15 {
        case 2: return .binary(payload)
        case 8: return .close
        case 9: return .ping(payload)
        case 10: return .pong(payload)
        default: return .text(String(decoding: payload, as: UTF8.self))
        }
    }

    /// The next text; pings before it are answered.
    func nextText() throws -> String {
        while true {
            switch try self.next() {
            case .text(let text): return text
            case .binary: throw ClientError("a binary frame came where text was due")
            case .ping(let payload): try self.pong(payload)
            case .pong: continue
            case .close: throw ClientError("the stream was closed")
            }
        }
    }

    /// The next binary frame; pings before it are answered.
    func nextBinary() throws -> [UInt8] {
        while true {
            switch try self.next() {
            case .binary(let bytes): return bytes
            case .text(let text): throw ClientError("\(text) came where a binary frame was due")
            case .ping(let payload): try self.pong(payload)
            case .pong: continue
            case .close: throw ClientError("the stream was closed")
            }
        }
    }

    func isReadable(within milliseconds: Int32) -> Bool { self.connection.isReadable(within: milliseconds) }

    /// Handles what has arrived: answers pings, collects texts.
    func drain() throws -> [String] {
        var texts: [String] = []
        while self.isReadable(within: 0) {
            switch try self.next() {
            case .text(let text): texts.append(text)
            case .ping(let payload): try self.pong(payload)
            default: continue
            }
        }
        return texts
    }
}
