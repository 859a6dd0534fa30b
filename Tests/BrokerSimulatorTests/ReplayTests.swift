import BrokerSimulator
import MarketSimulation
import MessageBus
import Synchronization
import TestSupport
import Testing
import TradingCore

/// A market-data and a trading client that answer every ping as it comes.
private final class Audience {
    let data: StreamClient
    let updates: StreamClient
    private(set) var frames: [String] = []
    private(set) var events: [String] = []

    init(_ simulator: BrokerSimulator) throws {
        self.data = try StreamClient(port: simulator.port, path: "/v2/iex")
        self.updates = try StreamClient(port: simulator.port, path: "/stream")
        try self.data.send(#"{"action":"auth","key":"key","secret":"secret"}"#)
        try self.data.send(#"{"action":"subscribe","quotes":["*"],"dailyBars":["*"]}"#)
        try self.updates.send(#"{"action":"auth","key":"key","secret":"secret"}"#)
        try self.updates.send(#"{"action":"listen","data":{"streams":["trade_updates"]}}"#)
        for _ in 0..<3 { _ = try self.data.nextText() }
        for _ in 0..<2 { _ = try self.updates.nextText() }
    }

    func watch(until condition: () -> Bool) throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(30)
        while !condition() {
            guard ContinuousClock.now < deadline else { return false }
            if !self.data.isReadable(within: 1), !self.updates.isReadable(within: 1) { continue }
            self.frames += try self.data.drain()
            self.events += try self.updates.drain()
        }
        return true
    }
}

struct ReplayTests {
    @Test func `a replay runs to its end and reports it`() async throws {
        try await withSimulator { simulator in
            let control = try HTTPClient(port: simulator.controlPort)
            let before = try control.call("GET", "/status").json
            #expect(before["state"] == .string("waiting"))
            #expect(before["sessions"] == .number("2"))
            let http = try HTTPClient(port: simulator.port)
            _ = try http.call(
                "POST",
                "/v2/orders",
                #"{"symbol":"MSFT","qty":"10","side":"buy","type":"market","time_in_force":"day","limit_price":null,"client_order_id":"m"}"#
            )
            let order = try http.call(
                "POST",
                "/v2/orders",
                #"{"symbol":"MSFT","qty":"10","side":"buy","type":"limit","time_in_force":"day","limit_price":"20.5","client_order_id":"l"}"#
            )
            #expect(order.status == 200)
            let audience = try Audience(simulator)
            #expect(try audience.watch { simulator.isFinished })
            #expect(audience.frames.count == 2 * Stage.stepsPerSession)
            #expect(audience.events.count == 2)
            let status = try control.call("GET", "/status").json
            #expect(status["state"] == .string("finished"))
            #expect(status["ticks"] == .number("16"))
            #expect(status["date"] == .string("2009-01-05"))
            #expect(status["open_orders"] == .number("0"))
            let result = try control.call("GET", "/result").json
            #expect(result["sessions"] == .number("2"))
            #expect(result["account"]?["cash"] == .number("9800"))
            #expect(result["account"]?["equity"] == .number("9990"))
            #expect(result["account"]?["peak_equity"] == .number("10015"))
            #expect(result["equity_curve"]?[0]?["equity"] == .number("10015"))
            #expect(result["positions"]?[0]?["qty"] == .string("10"))
            #expect(result["orders"]?[0]?["status"] == .string("filled"))
            // The API stays up.
            #expect(try http.call("GET", "/v2/positions").json.count == 1)
            #expect(try control.call("GET", "/nothing").status == 404)
        }
    }

    @Test func `fills are told and dealt with before their tick is shown`() async throws {
        try await withSimulator { simulator in
            let http = try HTTPClient(port: simulator.port)
            _ = try http.call(
                "POST",
                "/v2/orders",
                #"{"symbol":"AAPL","qty":1,"side":"buy","type":"limit","time_in_force":"day","limit_price":"91"}"#
            )
            let audience = try Audience(simulator)
            // The data client answers everything; the trading client does not answer its first ping.
            guard case .ping(let first) = try audience.updates.next() else {
                Issue.record("no ping")
                return
            }
            try audience.updates.pong(first)
            var texts: [String] = []
            while texts.count < 2 {
                texts += try audience.data.drain()
                if audience.updates.isReadable(within: 1), case .text(let text) = try audience.updates.next() {
                    texts.append(text)
                }
            }
            #expect(texts[0].contains(#""event":"new""#))
            #expect(texts[1].contains(#""event":"fill""#))
            #expect(try audience.data.drain().isEmpty)
            #expect(try audience.watch { simulator.isFinished })
            #expect(audience.frames.count == 2 * Stage.stepsPerSession)
        }
    }

    @Test func `a client that dies stops the replay until another takes its place`() async throws {
        try await withSimulator { simulator in
            let control = try HTTPClient(port: simulator.controlPort)
            let status = { try control.call("GET", "/status").json }
            try Self.watchThreeTicks(simulator)
            #expect(eventually { (try? status()["waiting_for"]?.text?.contains("client")) == true })
            #expect(try status()["ticks"] == .number("3"))
            #expect(try status()["state"] == .string("running"))
            let second = try Audience(simulator)
            #expect(try second.watch { simulator.isFinished })
        }
    }

    /// An audience that is gone before it has dealt with the third tick.
    private static func watchThreeTicks(_ simulator: BrokerSimulator) throws {
        let audience = try Audience(simulator)
        guard case .ping(let ping) = try audience.updates.next() else { throw ClientError("no ping") }
        try audience.updates.pong(ping)
        for _ in 0..<3 { _ = try audience.data.nextText() }
    }

    @Test func `the replay stands while the bus is busy`() async throws {
        let isBusy = Flag()
        try await withSimulator(check: { { isBusy.value ? .busy("a message of order.filled") : .settled } }) {
            simulator in
            let control = try HTTPClient(port: simulator.controlPort)
            let audience = try Audience(simulator)
            #expect(
                try audience.watch {
                    (try? control.call("GET", "/status").json["waiting_for"]) == .string("a message of order.filled")
                }
            )
            #expect(try control.call("GET", "/status").json["ticks"] == .number("0"))
            #expect(audience.frames.isEmpty)
            isBusy.clear()
            #expect(try audience.watch { simulator.isFinished })
        }
    }

    @Test func `tools can use the simulator without clients`() async throws {
        try await withSimulator(.init(requiredStreams: [])) { simulator in
            #expect(eventually { simulator.isFinished })
        }
    }

    @Test func `the ports are written to a file`() async throws {
        let folder = try TemporaryFolder()
        try await withSimulator(.init(portFile: "\(folder.path)/ports.json")) { simulator in
            #expect(
                folder.text("ports.json")
                    == "{\"port\":\(simulator.port),\"control_port\":\(simulator.controlPort)}\n"
            )
        }
    }

    @Test func `a port that is taken is refused with what to do`() async throws {
        try await withSimulator { simulator in
            let bars = try barFolder(sampleBars)
            let error = await #expect(throws: BrokerSimulatorError.self) {
                _ = try await BrokerSimulator.start(.init(port: simulator.port), bars: bars, logger: quietLogger())
            }
            #expect(error?.description.contains("choose another port") == true)
        }
    }
}

/// Busy until cleared.
private final class Flag: Sendable {
    private let storage = Mutex(true)
    var value: Bool { self.storage.withLock { $0 } }
    func clear() { self.storage.withLock { $0 = false } }
}
