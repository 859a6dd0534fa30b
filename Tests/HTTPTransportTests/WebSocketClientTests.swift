import Glibc
import HTTPTransport
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(1)))
struct WebSocketClientTests {
    @Test func `text and binary messages arrive whole and in order, in both directions`() async throws {
        try await Self.connected { client, reader, peer in
            try await peer.send(.text, "prix: 1 €")
            try await peer.send(.binary, bytes: [0, 255, 10])
            try await peer.send(.text, "")
            #expect(await reader.nextText() == "text prix: 1 €")
            #expect(await reader.nextText() == "binary [0, 255, 10]")
            #expect(await reader.nextText() == "text ")
            try client.send(text: "größer")
            try client.send(binary: [1, 2, 3])
            let text = try #require(await peer.frames.next())
            #expect(text.opcode == .text && text.fin && text.text == "größer")
            let binary = try #require(await peer.frames.next())
            #expect(binary.opcode == .binary && binary.fin && binary.data == ByteBuffer(bytes: [1, 2, 3]))
        }
    }

    @Test func `the upgrade request carries path, query and headers, and what follows the answer is kept`() async throws
    {
        try await WebSocketServer.run(greeting: "hello") { server in
            let reader = WebSocketReader()
            let url = "ws://127.0.0.1:\(server.port)/v2/iex?feed=a%20b"
            let client = try WebSocketClient(url: url, headers: [("APCA-API-KEY-ID", "key")], inbox: reader.inbox)
            client.connect()
            #expect(await reader.nextText() == "connected")
            #expect(await reader.nextText() == "text hello")
            let request = try #require(await server.connections.next()).request
            #expect(request.uri == "/v2/iex?feed=a%20b")
            #expect(request.headers["apca-api-key-id"] == ["key"])
            #expect(request.headers["host"] == ["127.0.0.1:\(server.port)"])
            client.close()
        }
    }

    @Test func `fragments are joined, and a ping between them keeps its place`() async throws {
        try await Self.connected { _, reader, peer in
            try await peer.send(.text, "one ", fin: false)
            try await peer.send(.continuation, "two ", fin: false)
            try await peer.send(.ping, "between")
            try await peer.send(.continuation, "three")
            try await peer.send(.binary, bytes: [1], fin: false)
            try await peer.send(.continuation, bytes: [2])
            #expect(await reader.nextText() == "ping between")
            #expect(await reader.nextText() == "text one two three")
            #expect(await reader.nextText() == "binary [1, 2]")
        }
    }

    @Test func `a ping is answered by its consumer alone, so its pong follows what came before it`() async throws {
        try await Self.connected { client, reader, peer in
            try await peer.send(.text, "before")
            try await peer.send(.ping, "settled?")
            #expect(await reader.nextText() == "text before")
            guard case .ping(let ping) = await reader.next() else {
                Issue.record("the ping is not behind the message")
                return
            }
            try client.send(text: "dealt with")
            ping.reply()
            // Had the ping been answered on arrival, its pong would be here.
            #expect(await peer.frames.next()?.text == "dealt with")
            let pong = try #require(await peer.frames.next())
            #expect(pong.opcode == .pong && pong.text == "settled?")
        }
    }

    @Test func `a full inbox stops the reading, loses nothing and does not hold up another connection`() async throws {
        let capacity = 8
        let size = 1024
        let total = 20_000
        // What one read of at most 64 KiB can bring beyond the capacity.
        let bound = capacity + 64
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        try await Self.connected(capacity: capacity, group: group) { _, reader, peer in
            let payload = [UInt8](repeating: 0, count: size - 10)
            for number in 0..<total {
                let bytes = withUnsafeBytes(of: UInt32(number)) { Array($0) } + payload
                let frame = WebSocketFrame(fin: true, opcode: .binary, data: ByteBuffer(bytes: bytes))
                peer.channel.write(frame, promise: nil)
            }
            peer.channel.flush()
            await reader.wait(for: capacity)
            try await Self.connected(group: group) { _, other, otherPeer in
                // Each round takes a turn of the event loop that the full connection shares.
                for number in 0..<200 {
                    try await otherPeer.send(.text, "\(number)")
                    #expect(await other.nextText() == "text \(number)")
                }
            }
            var highest = reader.inbox.count
            for number in 0..<total {
                highest = max(highest, reader.inbox.count)
                guard case .binary(let bytes) = await reader.next() else {
                    Issue.record("message \(number) is missing")
                    return
                }
                let received = bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
                try #require(received == number && bytes.count == size - 6)
            }
            #expect(highest >= capacity && highest <= bound)
        }
        try await group.shutdownGracefully()
    }

    @Test func `bytes fill an inbox as well as events do`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        try await Self.connected(maximumBytes: 100_000, group: group) { _, reader, peer in
            for _ in 0..<500 {
                let bytes = [UInt8](repeating: 1, count: 50_000)
                peer.channel.write(
                    WebSocketFrame(fin: true, opcode: .binary, data: ByteBuffer(bytes: bytes)),
                    promise: nil
                )
            }
            peer.channel.flush()
            await reader.wait(for: 2)
            try await Self.connected(group: group) { _, other, otherPeer in
                for number in 0..<200 {
                    try await otherPeer.send(.text, "\(number)")
                    #expect(await other.nextText() == "text \(number)")
                }
            }
            #expect(reader.inbox.count <= 4)
            for _ in 0..<500 {
                guard case .binary(let bytes) = await reader.next() else {
                    Issue.record("a message is missing")
                    return
                }
                #expect(bytes.count == 50_000)
            }
        }
        try await group.shutdownGracefully()
    }

    @Test func `what was sent before the peer closed is delivered, even through a full inbox`() async throws {
        try await Self.connected(capacity: 4) { _, reader, peer in
            for number in 0..<1000 {
                let frame = WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: "\(number)"))
                peer.channel.write(frame, promise: nil)
            }
            peer.channel.flush()
            try await peer.channel.close()
            for number in 0..<1000 { #expect(await reader.nextText() == "text \(number)") }
            #expect(await reader.nextText() == "disconnected the server closed the connection without a close frame")
        }
    }

    @Test(arguments: [429, 401, 200, 302])
    func `a refused upgrade names the status`(status: Int) async throws {
        try await ScriptedHTTPServer.run { _ in
            .send(ScriptedHTTPServer.answer(status))
        } _: { _, port in
            let reason = try await Self.onlyDisconnected("ws://127.0.0.1:\(port)/?key=s3cret")
            #expect(reason.contains("the server answered \(status) to the upgrade"))
            #expect(!reason.contains("s3cret"))
        }
    }

    @Test func `an answer that is no handshake, or none at all, is a disconnect`() async throws {
        let wrongKey = [
            "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: upgrade",
            "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "", "",
        ]
        for answer in [wrongKey.joined(separator: "\r\n"), "SSH-2.0-OpenSSH\r\n\r\n"] {
            try await ScriptedHTTPServer.run { _ in
                .send(answer)
            } _: { _, port in
                let reason = try await Self.onlyDisconnected("ws://127.0.0.1:\(port)/")
                #expect(reason.contains("no WebSocket handshake"))
            }
        }
        try await ScriptedHTTPServer.run { _ in
            .sendThenClose("")
        } _: { _, port in
            let reason = try await Self.onlyDisconnected("ws://127.0.0.1:\(port)/")
            #expect(reason.contains("closed the connection during the upgrade"))
        }
    }

    @Test func `connecting ends in time, refused or unanswered`() async throws {
        let port = try LoopbackPort.closed()
        let refused = try await Self.onlyDisconnected("ws://127.0.0.1:\(port)/")
        #expect(refused.contains("could not connect to 127.0.0.1:\(port)"))
        let silent = try LoopbackPort.silent()
        defer { silent.close() }
        var configuration = WebSocketConfiguration()
        configuration.connectTimeout = .milliseconds(100)
        let unanswered = try await Self.onlyDisconnected("ws://127.0.0.1:\(silent.port)/", configuration)
        #expect(unanswered.contains("no WebSocket connection to 127.0.0.1:\(silent.port) within 0.1 seconds"))
    }

    @Test func `a header that would become another is refused`() {
        let headers = [(name: "X-A", value: "b\r\nX-C: s3cret")]
        let error = #expect(throws: WebSocketError.self) {
            try WebSocketClient(url: "ws://127.0.0.1/", headers: headers, inbox: WebSocketInbox {})
        }
        #expect(error?.code == .malformedHeader)
        #expect(error.map { "\($0)".contains("s3cret") } == false)
    }

    @Test func `the peer's close frame is answered and its reason handed over`() async throws {
        try await Self.connected { client, reader, peer in
            var data = ByteBuffer()
            data.write(webSocketErrorCode: .goingAway)
            data.writeString("maintenance")
            try await peer.channel.writeAndFlush(WebSocketFrame(fin: true, opcode: .connectionClose, data: data))
            #expect(await reader.nextText() == "disconnected the server closed the connection: 1001 (maintenance)")
            var answer = try #require(await peer.frames.next())
            #expect(answer.opcode == .connectionClose)
            #expect(answer.data.readWebSocketErrorCode() == .goingAway)
            #expect(await peer.frames.next() == nil)
            let error = #expect(throws: WebSocketError.self) { try client.send(text: "late") }
            #expect(error?.code == .notConnected)
        }
    }

    @Test func `close says goodbye and ends with the peer's answer`() async throws {
        try await Self.connected { client, reader, peer in
            client.close()
            var goodbye = try #require(await peer.frames.next())
            #expect(goodbye.opcode == .connectionClose)
            #expect(goodbye.data.readWebSocketErrorCode() == .normalClosure)
            let error = #expect(throws: WebSocketError.self) { try client.send(text: "late") }
            #expect(error?.code == .notConnected)
            try await peer.send(.text, "still on its way")
            try await peer.send(.connectionClose, bytes: [3, 232])
            #expect(await reader.nextText() == "text still on its way")
            #expect(await reader.nextText() == "disconnected closed by this side")
            #expect(await peer.frames.next() == nil)
        }
    }

    @Test func `close does not wait for ever, nor for a connection in the making`() async throws {
        var configuration = WebSocketConfiguration()
        configuration.closeTimeout = .milliseconds(50)
        try await Self.connected(configuration) { client, reader, _ in
            client.close()
            #expect(await reader.nextText() == "disconnected closed by this side")
        }
        let silent = try LoopbackPort.silent()
        defer { silent.close() }
        let reader = WebSocketReader()
        let client = try WebSocketClient(url: "ws://127.0.0.1:\(silent.port)/", inbox: reader.inbox)
        client.connect()
        client.close()
        #expect(await reader.nextText() == "disconnected closed by this side")
    }

    @Test func `a server that vanishes is a disconnect, and a new client can use the inbox`() async throws {
        try await WebSocketServer.run { server in
            let reader = WebSocketReader()
            for byReset in [true, false] {
                let client = try WebSocketClient(url: "ws://127.0.0.1:\(server.port)/", inbox: reader.inbox)
                client.connect()
                #expect(await reader.nextText() == "connected")
                let peer = try #require(await server.connections.next())
                if byReset {
                    try await (peer.channel as? any SocketOptionProvider)?
                        .setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
                }
                try await peer.channel.close()
                let event = try #require(await reader.nextText())
                #expect(event.hasPrefix("disconnected the "))
                #expect(event.contains(byReset ? "Connection reset by peer" : "without a close frame"))
            }
        }
    }

    @Test func `a peer that answers no ping is given up`() async throws {
        var configuration = WebSocketConfiguration()
        configuration.pingInterval = .milliseconds(20)
        configuration.pongTimeout = .milliseconds(100)
        try await Self.connected(configuration) { _, reader, peer in
            #expect(await peer.frames.next()?.opcode == .ping)
            #expect(await reader.nextText() == "disconnected no pong within 0.1 seconds")
        }
    }

    @Test func `a peer that answers its pings is kept`() async throws {
        var configuration = WebSocketConfiguration()
        configuration.pingInterval = .milliseconds(20)
        configuration.pongTimeout = .milliseconds(500)
        try await Self.connected(configuration) { _, reader, peer in
            let end = ContinuousClock.now + configuration.pongTimeout * 2
            while ContinuousClock.now < end {
                let ping = try #require(await peer.frames.next())
                try #require(ping.opcode == .ping)
                try await peer.channel.writeAndFlush(WebSocketFrame(fin: true, opcode: .pong, data: ping.data))
            }
            try await peer.send(.text, "alive")
            #expect(await reader.nextText() == "text alive")
        }
    }

    @Test func `a full inbox is not held against the peer`() async throws {
        var configuration = WebSocketConfiguration()
        configuration.pingInterval = .milliseconds(20)
        configuration.pongTimeout = .milliseconds(400)
        try await Self.connected(configuration, capacity: 1) { _, reader, peer in
            try await peer.send(.text, "one")
            await reader.wait(for: 1)
            var ping = try #require(await peer.frames.next())
            try await peer.send(.text, "two")
            // Two timeouts pass before the pong is sent, which is still before the inbox is read.
            try await peer.channel.eventLoop.scheduleTask(in: .milliseconds(1000)) {}.futureResult.get()
            try await peer.channel.writeAndFlush(WebSocketFrame(fin: true, opcode: .pong, data: ping.data))
            #expect(await reader.nextText() == "text one")
            #expect(await reader.nextText() == "text two")
            ping = try #require(await peer.frames.next())
            #expect(ping.opcode == .ping)
        }
    }

    @Test func `a message over the limit ends the connection, in one frame or in several`() async throws {
        var configuration = WebSocketConfiguration()
        configuration.maximumMessageBytes = 1000
        let expected = "disconnected the server sent a message of more than 1000 bytes"
        for isFragmented in [false, true] {
            try await Self.connected(configuration) { _, reader, peer in
                try await peer.send(.binary, bytes: [UInt8](repeating: 1, count: 1000))
                #expect(await reader.nextText() == "binary \([UInt8](repeating: 1, count: 1000))")
                if isFragmented {
                    try await peer.send(.binary, bytes: [UInt8](repeating: 1, count: 600), fin: false)
                    try await peer.send(.continuation, bytes: [UInt8](repeating: 1, count: 401))
                } else {
                    try await peer.send(.binary, bytes: [UInt8](repeating: 1, count: 1001))
                }
                #expect(await reader.nextText() == expected)
                var answer = try #require(await peer.frames.next())
                #expect(answer.opcode == .connectionClose)
                #expect(answer.data.readWebSocketErrorCode() == .messageTooLarge)
            }
        }
    }

    @Test func `a broken protocol ends the connection`() async throws {
        let wrong: [(frame: WebSocketFrame, reason: String, code: WebSocketErrorCode)] = [
            (
                WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(bytes: [0xC3, 0x28])), "not UTF-8",
                .dataInconsistentWithMessage
            ),
            (
                WebSocketFrame(fin: true, opcode: .continuation, data: ByteBuffer(string: "x")), "had not begun",
                .protocolError
            ),
            (WebSocketFrame(fin: true, rsv1: true, opcode: .text, data: ByteBuffer()), "reserved bits", .protocolError),
            (
                WebSocketFrame(fin: true, opcode: .text, maskKey: [1, 2, 3, 4], data: ByteBuffer()), "masked frame",
                .protocolError
            ),
            (WebSocketFrame(fin: false, opcode: .ping, data: ByteBuffer()), "control frame", .protocolError),
        ]
        for (frame, reason, code) in wrong {
            try await Self.connected { _, reader, peer in
                try await peer.channel.writeAndFlush(frame)
                let event = try #require(await reader.nextText())
                #expect(event.hasPrefix("disconnected") && event.contains(reason))
                var answer = try #require(await peer.frames.next())
                #expect(answer.data.readWebSocketErrorCode() == code)
            }
        }
    }

    @Test func `sending more than the peer takes fails and costs no more memory`() async throws {
        var configuration = WebSocketConfiguration()
        configuration.maximumUnsentBytes = 100_000
        try await Self.connected(configuration) { client, _, peer in
            try await peer.channel.setOption(.autoRead, value: false).get()
            let message = [UInt8](repeating: 1, count: 50_000)
            let error = #expect(throws: WebSocketError.self) {
                // Far more than the kernel's buffers hold.
                for _ in 0..<10_000 { try client.send(binary: message) }
            }
            #expect(error?.code == .sendBufferFull)
        }
    }

    @Test func `sending before the connection is there fails`() throws {
        let client = try WebSocketClient(url: "ws://127.0.0.1:9/", inbox: WebSocketInbox {})
        let error = #expect(throws: WebSocketError.self) { try client.send(text: "early") }
        #expect(error?.code == .notConnected)
    }

    @Test(arguments: ["http://127.0.0.1/?s3cret", "127.0.0.1:80", "", "ws://user:s3cret@127.0.0.1/"])
    func `a URL it cannot serve is refused`(url: String) {
        let error = #expect(throws: WebSocketError.self) { try WebSocketClient(url: url, inbox: WebSocketInbox {}) }
        #expect(error?.code == .malformedURL)
        #expect(error.map { "\($0)".contains("s3cret") } == false)
    }

    /// A client connected to a server's `peer`, its `.connected` already taken.
    private static func connected(
        _ configuration: WebSocketConfiguration = WebSocketConfiguration(),
        capacity: Int = 1024,
        maximumBytes: Int = 8 << 20,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        _ body: (WebSocketClient, WebSocketReader, WebSocketServer.Connection) async throws -> Void
    ) async throws {
        try await WebSocketServer.run { server in
            let reader = WebSocketReader(capacity: capacity, maximumBytes: maximumBytes)
            let client = try WebSocketClient(
                url: "ws://127.0.0.1:\(server.port)/",
                inbox: reader.inbox,
                configuration: configuration,
                eventLoopGroup: group
            )
            client.connect()
            #expect(await reader.nextText() == "connected")
            let peer = try #require(await server.connections.next())
            try await body(client, reader, peer)
            peer.channel.close(promise: nil)
            while !reader.isOver { _ = await reader.next() }
        }
    }

    /// The reason of a connection that never came about.
    private static func onlyDisconnected(
        _ url: String,
        _ configuration: WebSocketConfiguration = WebSocketConfiguration()
    ) async throws -> String {
        let reader = WebSocketReader()
        try WebSocketClient(url: url, inbox: reader.inbox, configuration: configuration).connect()
        guard case .disconnected(let reason) = await reader.next() else {
            Issue.record("the first event is not the last")
            return ""
        }
        return reason
    }
}
