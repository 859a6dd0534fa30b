import BrokerSimulator
import Logging
import MarketSimulation
import Testing
import TradingCore

/// Two symbols, two daily sessions in winter.
let sampleBars = [
    "AAPL": ["2009-01-02,90,95,85,88,1000", "2009-01-05,89,99,88,98,1100"],
    "MSFT": ["2009-01-02,20,22,19,21.5,2000", "2009-01-05,19.25,20,18,19,2100"],
]

func barFolder(_ rows: [String: [String]]) throws -> BarFolder {
    try BarFolder(
        files: rows.map { symbol, rows in
            let text = ([BarFile.header] + rows).joined(separator: "\n")
            return try BarFile(path: "\(symbol).csv", bytes: Array(text.utf8))
        }
    )
}

func quietLogger() -> Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

/// Starts a simulator, runs `body` and stops it.
func withSimulator(
    _ configuration: BrokerSimulatorConfiguration = .init(),
    bars: [String: [String]] = sampleBars,
    check: (@Sendable () -> QuiescenceCheck)? = nil,
    _ body: (BrokerSimulator) async throws -> Void
) async throws {
    let simulator = try await BrokerSimulator.start(
        configuration,
        bars: try barFolder(bars),
        logger: quietLogger(),
        makeQuiescenceCheck: check
    )
    do {
        try await body(simulator)
    } catch {
        await simulator.stop()
        throw error
    }
    await simulator.stop()
}

/// A simulator whose replay this test moves step by step: it stands still while the data client owes a pong.
final class Stage {
    let simulator: BrokerSimulator
    let http: HTTPClient
    let data: StreamClient

    init(_ simulator: BrokerSimulator) throws {
        self.simulator = simulator
        self.http = try HTTPClient(port: simulator.port)
        self.data = try StreamClient(port: simulator.port, path: "/v2/iex")
        try self.data.send(#"{"action":"auth","key":"key","secret":"secret"}"#)
        try self.data.send(#"{"action":"subscribe","quotes":["*"],"dailyBars":["*"],"bars":["*"]}"#)
        for _ in 0..<3 { _ = try self.data.nextText() }
    }

    static func run(
        matching: MatchingEngine.Configuration = .init(),
        bars: [String: [String]] = sampleBars,
        _ body: (Stage) throws -> Void
    ) async throws {
        let configuration = BrokerSimulatorConfiguration(matching: matching, requiredStreams: [.marketData])
        try await withSimulator(configuration, bars: bars) { try body(try Stage($0)) }
    }

    /// Lets the replay take steps, each of which shows one frame; returns the last.
    @discardableResult
    func step(_ count: Int = 1) throws -> String {
        var text = ""
        for _ in 0..<count { text = try self.data.nextText() }
        return text
    }

    func get(_ target: String) throws -> HTTPAnswer { try self.http.call("GET", target) }
    func post(_ body: String) throws -> HTTPAnswer { try self.http.call("POST", "/v2/orders", body) }

    /// Ticks and steps of one session of `sampleBars`: eight ticks, the close, two bars.
    static let stepsPerSession = 11
}

extension JSONValue {
    subscript(_ index: Int) -> JSONValue? {
        guard case .array(let values) = self, values.indices.contains(index) else { return nil }
        return values[index]
    }

    var text: String? {
        switch self {
        case .string(let text), .number(let text): text
        default: nil
        }
    }

    var count: Int {
        if case .array(let values) = self { values.count } else { -1 }
    }
}
