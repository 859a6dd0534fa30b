import HTTPTransport
import NIOCore
import NIOHTTP1
import NIOWebSocket
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1)))
struct TLSTests {
    private let certificates: TestCertificates

    init() throws { self.certificates = try TestCertificates() }

    @Test func `a WebSocket over TLS carries frames of any size both ways and ends with either side`() async throws {
        try await WebSocketServer.run { server in
            let terminator = try self.terminator(self.certificates.valid, to: server.port)
            defer { terminator.stop() }
            let reader = WebSocketReader()
            let client = try self.client("wss://127.0.0.1:\(terminator.port)/stream", reader)
            client.connect()
            #expect(await reader.nextText() == "connected")
            let peer = try #require(await server.connections.next())
            #expect(peer.request.uri == "/stream")
            // Larger than what the tunnel carries at a time, and than a TLS record.
            let large = [UInt8](repeating: 7, count: 500_000)
            for _ in 0..<4 {
                try client.send(binary: large)
                #expect(await peer.frames.next()?.data == ByteBuffer(bytes: large))
                try await peer.send(.binary, bytes: large)
                guard case .binary(let bytes) = await reader.next() else {
                    Issue.record("no binary message came")
                    return
                }
                #expect(bytes == large)
            }
            peer.channel.close(promise: nil)
            guard case .disconnected = await reader.next() else {
                Issue.record("the server's end was not told")
                return
            }
        }
    }

    @Test(arguments: ["stranger", "other host", "expired", "system"])
    func `a certificate that proves nothing ends the connection before anything is sent`(what: String) async throws {
        try await WebSocketServer.run { server in
            let certificate =
                switch what {
                case "other host": self.certificates.otherHost
                case "expired": self.certificates.expired
                default: self.certificates.valid
                }
            let terminator = try self.terminator(certificate, to: server.port)
            defer { terminator.stop() }
            let authority: String? =
                switch what {
                case "stranger": self.certificates.stranger
                case "system": nil
                default: self.certificates.authority
                }
            let reader = WebSocketReader()
            let url = "wss://127.0.0.1:\(terminator.port)/stream?key=s3cret"
            try self.client(url, reader, authority: authority).connect()
            guard case .disconnected(let reason) = await reader.next() else {
                Issue.record("the connection was made")
                return
            }
            #expect(reason.contains("127.0.0.1:\(terminator.port)"))
            #expect(reason.contains("certificate") || reason.contains("SSL"), "\(reason)")
            #expect(!reason.contains("s3cret"))

            let http = CurlHTTPClient(tls: TLSSettings(authoritiesFile: authority))
            let request = HTTPRequest(method: .post, url: "https://127.0.0.1:\(terminator.port)/", body: [1])
            let error = #expect(throws: HTTPTransportError.self) { try http.perform(request) }
            #expect(error?.code == .tls)
            #expect(error?.requestMayHaveBeenSent == false)
        }
    }

    @Test func `a server that is not there, and one that says nothing`() async throws {
        let closed = try LoopbackPort.closed()
        let silent = try LoopbackPort.silent()
        defer { silent.close() }
        for port in [closed, silent.port] {
            let reader = WebSocketReader()
            var configuration = WebSocketConfiguration()
            configuration.connectTimeout = .milliseconds(300)
            try WebSocketClient(
                url: "wss://127.0.0.1:\(port)/",
                inbox: reader.inbox,
                configuration: configuration
            ).connect()
            guard case .disconnected(let reason) = await reader.next() else {
                Issue.record("there was nobody to connect to")
                return
            }
            #expect(reason.contains("127.0.0.1:\(port)"))
        }
    }

    @Test func `a tunnel closed before anything was said ends its connection`() async throws {
        try await WebSocketServer.run { server in
            let terminator = try self.terminator(self.certificates.valid, to: server.port)
            defer { terminator.stop() }
            let reader = WebSocketReader()
            let client = try self.client("wss://localhost:\(terminator.port)/", reader)
            client.connect()
            #expect(await reader.nextText() == "connected")
            let peer = try #require(await server.connections.next())
            client.close()
            while await peer.frames.next() != nil {}
            while !reader.isOver { _ = await reader.next() }
        }
    }

    private func terminator(_ certificate: String, to backend: Int) throws -> TLSTerminator {
        try TLSTerminator(certificate: certificate, key: self.certificates.key, to: backend)
    }

    private func client(_ url: String, _ reader: WebSocketReader, authority: String?) throws -> WebSocketClient {
        var configuration = WebSocketConfiguration()
        configuration.tls = TLSSettings(authoritiesFile: authority)
        return try WebSocketClient(url: url, inbox: reader.inbox, configuration: configuration)
    }

    private func client(_ url: String, _ reader: WebSocketReader) throws -> WebSocketClient {
        try self.client(url, reader, authority: self.certificates.authority)
    }
}
