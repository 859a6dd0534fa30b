import BrokerSimulator
import Dispatch
import MarketSimulation
import Synchronization
import TestSupport
import Testing
import TradingCore

struct SchwabReplayTests {
    private static let configuration = SchwabCalls.configuration(requiredStreams: Set(StreamRole.allCases))

    private static func logIn(_ simulator: BrokerSimulator) throws -> SchwabStream {
        let (http, token) = try SchwabCalls.client(simulator)
        let stream = try SchwabStream(port: simulator.port, http: http)
        #expect(try stream.logIn(token) == 0)
        return stream
    }

    private static func waits(_ simulator: BrokerSimulator, for text: String) throws -> Bool {
        let control = try HTTPClient(port: simulator.controlPort)
        return eventually { (try? control.call("GET", "/status").json["waiting_for"]?.text?.contains(text)) == true }
    }

    private static func watch(_ stream: SchwabStream, until condition: () -> Bool) throws -> [JSONValue] {
        var frames: [JSONValue] = []
        let deadline = ContinuousClock.now + .seconds(30)
        while !condition() {
            guard ContinuousClock.now < deadline else { throw ClientError("nothing happened for half a minute") }
            guard stream.socket.isReadable(within: 1) else { continue }
            frames += try stream.socket.drain().map { try JSONValue(parsing: Array($0.utf8)) }
        }
        return frames.filter { $0["data"] != nil }
    }

    @Test func `one stream has both roles, and the replay waits for each`() async throws {
        try await withSimulator(Self.configuration) { simulator in
            let stream = try Self.logIn(simulator)
            #expect(try Self.waits(simulator, for: "a market-data client"))
            #expect(try stream.subscribe("LEVELONE_EQUITIES", keys: "AAPL", fields: "0,1,8,34") == 0)
            #expect(try Self.waits(simulator, for: "a market-data client"))
            #expect(try stream.request("LEVELONE_EQUITIES", "ADD", #""keys":"MSFT""#) == 0)
            #expect(try Self.waits(simulator, for: "a trade-updates client"))
            #expect(try stream.subscribe("ACCT_ACTIVITY", keys: "X", fields: "0,1,2,3") == 0)
            // The greeting, and then it owes the answer to a ping.
            #expect(try stream.nextData()[0]?["content"]?[0]?["2"] == .string("SUBSCRIBED"))
            #expect(try Self.waits(simulator, for: "the answer to a ping"))
            let frames = try Self.watch(stream) { simulator.isFinished }
            // Eight ticks, the close and two volumes a session.
            #expect(frames.count == 22)
        }
    }

    @Test func `the streams of both dialects can share the roles`() async throws {
        try await withSimulator(Self.configuration) { simulator in
            let updates = try StreamClient(port: simulator.port, path: "/stream")
            try updates.send(#"{"action":"auth","key":"key","secret":"secret"}"#)
            try updates.send(#"{"action":"listen","data":{"streams":["trade_updates"]}}"#)
            for _ in 0..<2 { _ = try updates.nextText() }
            let stream = try Self.logIn(simulator)
            #expect(try stream.subscribe("LEVELONE_EQUITIES", keys: "AAPL,MSFT", fields: "0,1,34") == 0)
            _ = try Self.watch(stream) {
                _ = try? updates.drain()
                return simulator.isFinished
            }
        }
    }

    @Test func `a fill is told before the tick that made it`() async throws {
        try await withSimulator(Self.configuration) { simulator in
            let (http, _) = try SchwabCalls.client(simulator)
            let numbers = try http.call("GET", "/trader/v1/accounts/accountNumbers").json
            let path = "/trader/v1/accounts/\(numbers[0]?["hashValue"]?.text ?? "")/orders"
            let order = SchwabCalls.order("BUY", 10, "MSFT", type: "LIMIT", price: "19.50")
            #expect(try http.call("POST", path, order).status == 201)
            let stream = try Self.logIn(simulator)
            #expect(try stream.subscribe("ACCT_ACTIVITY", keys: "X", fields: "0,1,2,3") == 0)
            #expect(try stream.subscribe("LEVELONE_EQUITIES", keys: "AAPL,MSFT", fields: "0,1,34") == 0)
            let frames = try Self.watch(stream) { simulator.isFinished }
            let filled = frames.firstIndex { JSONWriter.text($0).contains("OrderFillCompleted") }
            let low = frames.firstIndex { JSONWriter.text($0).contains(#""key":"MSFT","1":19"#) }
            #expect(try #require(filled) + 1 == (try #require(low)))
            let answer = try http.call("GET", "\(path)/1000000001").json
            #expect(answer["orderActivityCollection"]?[0]?["executionLegs"]?[0]?["price"] == .number("19.5"))
        }
    }

    @Test func `a stream that is bumped leaves its place to the new one`() async throws {
        try await withSimulator(Self.configuration) { simulator in
            let first = try Self.logIn(simulator)
            for (service, keys) in [("LEVELONE_EQUITIES", "AAPL,MSFT"), ("ACCT_ACTIVITY", "X")] {
                #expect(try first.subscribe(service, keys: keys, fields: "0,1,2,3,34") == 0)
            }
            let second = try Self.logIn(simulator)
            #expect(try Self.waits(simulator, for: "a market-data client"))
            for (service, keys) in [("LEVELONE_EQUITIES", "AAPL,MSFT"), ("ACCT_ACTIVITY", "X")] {
                #expect(try second.subscribe(service, keys: keys, fields: "0,1,2,3,34") == 0)
            }
            _ = try Self.watch(second) { simulator.isFinished }
        }
    }

    @Test func `a stream that takes another role still owes its answers`() {
        let gate = SettleGate(requiredRoles: Set(StreamRole.allCases), logger: quietLogger())
        let pings = PingRecord()
        let ping: @Sendable (Int) -> Void = { number in
            pings.note(number)
            DispatchQueue.global().async { gate.pong(number, from: 1) }
        }
        gate.joined(1, [.marketData], ping: ping)
        gate.sent(to: 1)
        gate.joined(1, [.marketData, .tradeUpdates], ping: ping)
        #expect(gate.awaitSettled(nil))
        #expect(pings.numbers == [1])
    }
}

private final class PingRecord: Sendable {
    private let storage = Mutex<[Int]>([])

    var numbers: [Int] { self.storage.withLock { $0 } }
    func note(_ number: Int) { self.storage.withLock { $0.append(number) } }
}
