import Glibc
import HTTPTransport
import NIOHTTP1
import Testing

@Suite(.timeLimit(.minutes(1)))
struct CurlHTTPClientTests {
    private typealias Server = ScriptedHTTPServer

    @Test(arguments: [200, 201, 301, 302, 307, 404, 422, 429, 500, 503])
    func `every status is an answer, and redirects are not followed`(status: Int) async throws {
        try await Server.run { _ in
            .send(Server.answer(status, headers: ["Location: /elsewhere"], body: "so"))
        } _: {
            server,
            port in
            let response = try CurlHTTPClient().perform(HTTPRequest(method: .get, url: "http://127.0.0.1:\(port)/a"))
            #expect(response.status == status)
            #expect(response.body == Array("so".utf8))
            #expect(server.requests.map(\.target) == ["/a"])
        }
    }

    @Test func `headers are found whatever their case, the first of several wins`() async throws {
        let headers = ["X-RateLimit-Remaining:  17 ", "Set-Cookie: a=1", "Set-Cookie: b=2", "X-Empty:"]
        try await Server.run { _ in
            .send(Server.answer(headers: headers))
        } _: { _, port in
            let response = try CurlHTTPClient().perform(HTTPRequest(method: .get, url: "http://127.0.0.1:\(port)/"))
            #expect(response.header("x-ratelimit-remaining") == "17")
            #expect(response.header("SET-COOKIE") == "a=1")
            #expect(response.header("x-empty") == "")
            #expect(response.header("x-absent") == nil)
        }
    }

    @Test func `the headers of an interim answer are not the answer's`() async throws {
        let text = "HTTP/1.1 103 Early Hints\r\nX-Which: interim\r\n\r\n" + Server.answer(headers: ["X-Which: final"])
        try await Server.run { _ in
            .send(text)
        } _: { _, port in
            let response = try CurlHTTPClient().perform(HTTPRequest(method: .get, url: "http://127.0.0.1:\(port)/"))
            #expect(response.status == 200)
            #expect(response.header("x-which") == "final")
        }
    }

    @Test(arguments: [HTTPRequest.Method.get, .post, .patch, .delete], [nil, [], Array(0...255)] as [[UInt8]?])
    func `method, target, headers and body arrive as given`(method: HTTPRequest.Method, body: [UInt8]?) async throws {
        try await Server.run { _ in
            .send(Server.answer())
        } _: { server, port in
            let request = HTTPRequest(
                method: method,
                url: "http://127.0.0.1:\(port)/v2/orders?symbols=A%2CB",
                headers: [("APCA-API-KEY-ID", "key"), ("X-Empty", "")],
                body: body
            )
            #expect(try CurlHTTPClient().perform(request).status == 200)
            let received = try #require(server.requests.first)
            #expect(received.method == method.rawValue)
            #expect(received.target == "/v2/orders?symbols=A%2CB")
            #expect(received.body == body ?? [])
            #expect(received.headers["apca-api-key-id"] == ["key"])
            #expect(received.headers["x-empty"] == [""])
            #expect(received.headers["user-agent"] == ["quintet"])
            #expect(received.headers["content-type"] == [])
        }
    }

    @Test func `a large body goes out without waiting for a 100 Continue`() async throws {
        let body = [UInt8](repeating: 7, count: 3 << 20)
        try await Server.run {
            .send(Server.answer(body: "\($0.body.count)"))
        } _: { server, port in
            let url = "http://127.0.0.1:\(port)/"
            let request = HTTPRequest(method: .post, url: url, headers: [("Content-Type", "x/y")], body: body)
            #expect(try CurlHTTPClient().perform(request).body == Array("\(body.count)".utf8))
            let received = try #require(server.requests.first)
            #expect(received.headers["expect"] == [])
            #expect(received.headers["content-type"] == ["x/y"])
        }
    }

    @Test func `GETs share one connection, every other request has its own`() async throws {
        try await Server.run { _ in
            .send(Server.answer())
        } _: { server, port in
            let client = CurlHTTPClient()
            for method in [HTTPRequest.Method.post, .get, .get, .patch, .get, .delete, .get] {
                _ = try client.perform(HTTPRequest(method: method, url: "http://127.0.0.1:\(port)/"))
            }
            #expect(server.requests.map(\.connection) == [1, 2, 2, 3, 2, 4, 2])
        }
    }

    @Test(
        arguments: [HTTPRequest.Method.post, .patch, .delete],
        [nil, Array(#"{"symbol":"AAPL"}"#.utf8)] as [[UInt8]?]
    )
    func `what is not a GET is never sent twice, even if the server hangs up on a kept connection`(
        method: HTTPRequest.Method,
        body: [UInt8]?
    ) async throws {
        try await Server.run {
            $0.method == "GET" ? .send(Server.answer()) : .sendThenClose("")
        } _: { server, port in
            let client = CurlHTTPClient()
            let url = "http://127.0.0.1:\(port)/"
            _ = try client.perform(HTTPRequest(method: .get, url: url))
            let error = try #require(throws: HTTPTransportError.self) {
                _ = try client.perform(HTTPRequest(method: method, url: url, body: body))
            }
            #expect(error.code == .connectionLost)
            #expect(error.requestMayHaveBeenSent)
            #expect(server.requests.map(\.method) == ["GET", method.rawValue])
            #expect(server.requests.last?.body == body ?? [])
        }
    }

    @Test func `a GET survives the end of a kept connection`() async throws {
        let script: @Sendable (Server.Request) -> Server.Reply = { request in
            request.connection == 1 && request.target == "/again" ? .sendThenClose("") : .send(Server.answer())
        }
        try await Server.run(script) { server, port in
            let client = CurlHTTPClient()
            _ = try client.perform(HTTPRequest(method: .get, url: "http://127.0.0.1:\(port)/"))
            #expect(try client.perform(HTTPRequest(method: .get, url: "http://127.0.0.1:\(port)/again")).status == 200)
            #expect(server.requests.map(\.connection) == [1, 1, 2])
        }
    }

    @Test func `a server that does not answer is given up after the total timeout`() async throws {
        try await Server.run { _ in
            .nothing
        } _: { server, port in
            let url = "http://127.0.0.1:\(port)/"
            let request = HTTPRequest(method: .post, url: url, body: [1], totalTimeout: .milliseconds(200))
            let start = ContinuousClock.now
            let error = Self.failure(of: request)
            #expect(error?.code == .timedOut)
            #expect(error?.requestMayHaveBeenSent == true)
            #expect(error?.message.contains("no complete answer within 0.2 seconds") == true)
            #expect(ContinuousClock.now - start >= .milliseconds(200))
            #expect(server.requests.count == 1)
        }
    }

    @Test func `a request that is withdrawn ends long before its time-out, and the client goes on`() async throws {
        try await Server.run { _ in
            .nothing
        } _: { _, port in
            let client = CurlHTTPClient()
            let url = "http://127.0.0.1:\(port)/"
            var request = HTTPRequest(method: .post, url: url, body: [1], totalTimeout: .seconds(60))
            let start = ContinuousClock.now
            request.isWithdrawn = { ContinuousClock.now - start > .milliseconds(100) }
            let error = #expect(throws: HTTPTransportError.self) { try client.perform(request) }
            #expect(error?.code == .withdrawn)
            #expect(ContinuousClock.now - start < .seconds(30))
            let next = HTTPRequest(method: .post, url: url, body: [1], totalTimeout: .milliseconds(200))
            #expect(throws: HTTPTransportError.self) { try client.perform(next) }
        }
    }

    @Test func `a server that answers half and stops is given up after the total timeout`() async throws {
        try await Server.run { _ in
            .send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        } _: { _, port in
            let url = "http://127.0.0.1:\(port)/"
            let error = Self.failure(of: HTTPRequest(method: .get, url: url, totalTimeout: .milliseconds(200)))
            #expect(error?.code == .timedOut)
        }
    }

    @Test func `a refused connection has sent nothing`() throws {
        let port = try LoopbackPort.closed()
        let error = Self.failure(of: HTTPRequest(method: .post, url: "http://127.0.0.1:\(port)/", body: [1]))
        #expect(error?.code == .couldNotConnect)
        #expect(error?.requestMayHaveBeenSent == false)
        #expect(error?.message.contains("POST to 127.0.0.1:\(port)") == true)
    }

    @Test func `a connection that does not come about in time has sent nothing`() throws {
        let listener = try LoopbackPort.unresponsive()
        defer { listener.close() }
        let request = HTTPRequest(
            method: .post,
            url: "http://127.0.0.1:\(listener.port)/",
            body: [1],
            connectTimeout: .milliseconds(100)
        )
        let error = Self.failure(of: request)
        #expect(error?.code == .timedOut)
        #expect(error?.requestMayHaveBeenSent == false)
    }

    @Test func `a TLS handshake that fails or hangs has sent nothing`() async throws {
        try await Server.run { _ in
            .nothing
        } _: { server, port in
            let url = "https://127.0.0.1:\(port)/"
            let error = Self.failure(of: HTTPRequest(method: .post, url: url, body: [1]))
            #expect(error?.code == .tls)
            #expect(error?.requestMayHaveBeenSent == false)
            #expect(server.requests.isEmpty)
        }
        let listener = try LoopbackPort.silent()
        defer { listener.close() }
        let url = "https://127.0.0.1:\(listener.port)/"
        let error = Self.failure(
            of: HTTPRequest(method: .post, url: url, body: [1], connectTimeout: .milliseconds(100))
        )
        #expect(error?.code == .timedOut)
        #expect(error?.requestMayHaveBeenSent == false)
    }

    @Test func `a name that cannot be resolved has sent nothing`() {
        // A label of more than 63 characters fails without a question to any name server.
        let host = String(repeating: "a", count: 64) + ".invalid"
        let error = Self.failure(of: HTTPRequest(method: .post, url: "http://\(host)/", body: [1]))
        #expect(error?.code == .couldNotResolve)
        #expect(error?.requestMayHaveBeenSent == false)
        #expect(error?.message.contains("\(host):80") == true)
    }

    @Test(arguments: [true, false])
    func `a connection that ends inside the answer is lost`(byReset: Bool) async throws {
        let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
        try await Server.run { _ in
            byReset ? .sendThenReset(half) : .sendThenClose(half)
        } _: { _, port in
            let error = Self.failure(of: HTTPRequest(method: .get, url: "http://127.0.0.1:\(port)/"))
            #expect(error?.code == .connectionLost)
            #expect(error?.requestMayHaveBeenSent == true)
        }
    }

    @Test func `a body over the limit is refused, and the client goes on`() async throws {
        let script: @Sendable (Server.Request) -> Server.Reply = { request in
            .send(Server.answer(body: String(repeating: "x", count: request.target == "/over" ? 1001 : 1000)))
        }
        try await Server.run(script) { _, port in
            let client = CurlHTTPClient(maximumResponseBytes: 1000)
            let over = HTTPRequest(method: .get, url: "http://127.0.0.1:\(port)/over")
            let error = try #require(throws: HTTPTransportError.self) { _ = try client.perform(over) }
            #expect(error.code == .responseTooLarge)
            #expect(error.requestMayHaveBeenSent)
            let exact = HTTPRequest(method: .get, url: "http://127.0.0.1:\(port)/exact")
            #expect(try client.perform(exact).body.count == 1000)
        }
    }

    @Test func `headers without end are refused`() async throws {
        let line = "X-Long: " + String(repeating: "x", count: 60_000) + "\r\n"
        let text = "HTTP/1.1 200 OK\r\n" + String(repeating: line, count: 5) + "\r\n"
        try await Server.run { _ in
            .send(text)
        } _: { _, port in
            let error = Self.failure(of: HTTPRequest(method: .get, url: "http://127.0.0.1:\(port)/"))
            #expect(error?.code == .responseTooLarge)
        }
    }

    @Test(arguments: [
        "", "127.0.0.1/", "/relative", "file:///etc/hostname", "ftp://127.0.0.1/", "ws://127.0.0.1/", "http://",
        "http://user:s3cret@127.0.0.1/", "http://127.0.0.1:99999/", "http://127.0.0.1/a b", "http://127.0.0.1/a\0b",
    ])
    func `a malformed URL is refused before anything is sent`(url: String) {
        let error = Self.failure(of: HTTPRequest(method: .post, url: url, body: [1]))
        #expect(error?.code == .malformedURL)
        #expect(error?.requestMayHaveBeenSent == false)
        #expect(error.map { "\($0)".contains("s3cret") } == false)
    }

    @Test(arguments: [("X-A", "b\r\nX-C: d"), ("X-A\r\nX-C", "b"), ("X-A", "b\0"), ("", "b"), ("X:A", "b"), ("X;", "")])
    func `a header that would become another is refused`(name: String, value: String) async throws {
        try await Server.run { _ in
            .send(Server.answer())
        } _: { server, port in
            let url = "http://127.0.0.1:\(port)/"
            let error = Self.failure(of: HTTPRequest(method: .get, url: url, headers: [(name, value)]))
            #expect(error?.code == .other)
            #expect(error?.requestMayHaveBeenSent == false)
            #expect(server.requests.isEmpty)
        }
    }

    @Test func `errors and descriptions hold no secret of the request`() async throws {
        let port = try LoopbackPort.closed()
        let urls = [
            "http://127.0.0.1:\(port)/x?token=s3cret", "https://127.0.0.1:\(port)/?s3cret", "gopher://h/?s3cret",
            "http://\(String(repeating: "a", count: 64))/?s3cret",
        ]
        for url in urls {
            let request = HTTPRequest(
                method: .post,
                url: url,
                headers: [("Authorization", "Bearer s3cret")],
                body: Array("s3cret".utf8)
            )
            let error = try #require(Self.failure(of: request))
            #expect(!"\(error)".contains("s3cret"))
            #expect(!String(reflecting: error).contains("s3cret"))
            #expect(!"\(request)".contains("s3cret"))
        }
    }

    private static func failure(of request: HTTPRequest) -> HTTPTransportError? {
        do throws(HTTPTransportError) {
            _ = try CurlHTTPClient().perform(request)
            return nil
        } catch {
            return error
        }
    }
}
