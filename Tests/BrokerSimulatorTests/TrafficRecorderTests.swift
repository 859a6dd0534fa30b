import BrokerSimulator
import TestSupport
import Testing
import TradingCore

struct TrafficRecorderTests {
    /// The lines of a file as JSON.
    private static func lines(_ path: String) throws -> [JSONValue] {
        let bytes = try #require(Files.bytes(path))
        return try bytes.split(separator: UInt8(ascii: "\n")).map { try JSONValue(parsing: Array($0)) }
    }

    @Test func `requests, answers and messages are recorded as they come, keys are not`() async throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/recording"
        var configuration = BrokerSimulatorConfiguration()
        configuration.recording = path
        configuration.schwab.refreshToken = "planted-refresh"
        try await withSimulator(configuration) { simulator in
            let http = try HTTPClient(port: simulator.port)
            http.headers = "APCA-API-KEY-ID: planted-key\r\nAPCA-API-SECRET-KEY: planted-secret\r\n"
            _ = try http.call("GET", "/v2/orders?status=all")
            _ = try http.call("POST", "/v2/orders", #"{"symbol":"NONE"}"#)
            http.headers = "Authorization: Basic cGxhbnRlZC1rZXk6cGxhbnRlZC1zZWNyZXQ=\r\n"
            let token = try http.call(
                "POST",
                "/v1/oauth/token?client_id=planted-key",
                "grant_type=refresh_token&refresh_token=planted-refresh"
            )
            let access = try #require(token.json["access_token"]?.text)
            let stream = try StreamClient(port: simulator.port, path: "/stream")
            try stream.send(#"{"action":"authenticate","data":{"key_id":"planted-key","secret_key":"planted-secret"}}"#)
            try stream.send("no JSON")
            let schwab = try StreamClient(port: simulator.port, path: "/ws")
            try schwab.send(
                #"{"requests":[{"service":"ADMIN","command":"LOGIN","parameters":{"Authorization":"\#(access)"}}]}"#
            )
            for _ in 0..<2 { _ = try stream.nextText() }
            _ = try schwab.nextText()

            let lines = try Self.lines(path)
            #expect(lines.count == 6)
            #expect(
                JSONWriter.text(lines[0])
                    == #"{"kind":"request","method":"GET","target":"/v2/orders?status=all","body":null,"status":200,"answer":"[]"}"#
            )
            #expect(lines[1]["body"]?.text == #"{"symbol":"NONE"}"#)
            #expect(lines[1]["status"] == .number("422"))
            #expect(
                JSONWriter.text(lines[2])
                    == #"{"kind":"request","method":"POST","target":"/v1/oauth/token","body":null,"status":200,"answer":null}"#
            )
            #expect(lines.contains { $0["target"]?.text == "/stream" && $0["message"] == .null })
            let whole = lines.map { JSONWriter.text($0) }.joined()
            #expect(whole.contains(#""secret_key":"redacted""#))
            #expect(whole.contains(#""Authorization":"redacted""#))
            #expect(!whole.contains("planted"))
            #expect(!whole.contains(access))
        }
    }

    @Test func `a recording that cannot be written is an error at the start`() async throws {
        var configuration = BrokerSimulatorConfiguration()
        configuration.recording = "/nowhere/recording"
        await #expect(throws: BrokerSimulatorError.self) { try await withSimulator(configuration) { _ in } }
    }
}
