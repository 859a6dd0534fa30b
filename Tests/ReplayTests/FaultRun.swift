import TestSupport
import Testing
import TradingCore

/// A run of the real agents against a broker that misbehaves as ordered, and what has to hold of any such run.
///
/// That ledger, positions and broker agree in the end, and that all that is held lies under a stop or a sale, is
/// tradectl's own audit: it ends with 1 where they do not.
struct FaultRun {
    let report: RunReport
    /// Of the broker's account, in order of entry.
    let orders: [BrokerOrder]
    /// Shares held at the end.
    let positions: [String: Int]
    let strikes: [Int]
    /// Messages of the agents' error lines.
    let alarms: [String]
    /// Of the agents' warnings the messages, with their reasons.
    let warnings: [String]

    /// - Parameter faults: Several separated by commas; each has to strike.
    static func make(
        _ faults: String,
        dialect: String,
        bars: BarTexts,
        environment: [String: String] = [:],
        within limit: Duration = .seconds(240)
    ) async throws -> FaultRun {
        let folder = try bars.folder()
        let files = try TemporaryFolder()
        let resultFile = files.path + "/result.json"
        let run = try ReplayRunner(
            bars: folder.path,
            options: ["--broker-dialect", dialect],
            environment: ["FAULTS": faults, "RESULT_FILE": resultFile].merging(environment) { $1 }
        )
        let report = try await run.report(within: limit)
        let result = try JSONValue(parsing: Array(try #require(Files.text(resultFile)).utf8))
        let faultRun = FaultRun(
            report: report,
            orders: try (result["orders"]?.elements ?? []).map(BrokerOrder.init),
            positions: (result["positions"]?.elements ?? []).reduce(into: [:]) { positions, position in
                positions[position["symbol"]?.text ?? ""] = position["qty"]?.text.flatMap { Int($0) }
            },
            strikes: run.strikes,
            alarms: run.lines("error"),
            warnings: run.lines("warning")
        )
        #expect(faultRun.strikes.count == faults.split(separator: ",").count)
        #expect(faultRun.strikes.allSatisfy { $0 > 0 }, "\(faults): \(faultRun.strikes)")
        return faultRun
    }

    /// What is not as it must be, whatever the broker does.
    ///
    /// - Parameter limit: For how long, in market time, a position may be without a stop.
    func defects(withoutStopUpTo limit: Duration = .seconds(60)) -> [String] {
        self.duplicates + self.oversales + self.nakedPositions + self.lateStops(limit)
            + (self.report.deadLetters == 0 ? [] : ["\(self.report.deadLetters) dead letters"])
    }

    /// Two orders of one symbol and side that were live at one time, or two of one client order id.
    private var duplicates: [String] {
        var defects: [String] = []
        for (index, order) in self.orders.enumerated() {
            for earlier in self.orders[..<index] where earlier.symbol == order.symbol && earlier.side == order.side {
                if earlier.clientOrderID == order.clientOrderID {
                    defects.append("\(order.clientOrderID) was placed twice")
                } else if order.replaces != earlier.id, order.isLive(with: earlier) {
                    defects.append("\(earlier) and \(order) were live at one time")
                }
            }
        }
        return defects
    }

    private var oversales: [String] {
        Set(self.orders.map(\.symbol)).sorted().compactMap { symbol in
            let orders = self.orders.filter { $0.symbol == symbol }
            let bought = orders.filter { $0.side == "buy" }.reduce(0) { $0 + $1.filled }
            let sold = orders.filter { $0.side == "sell" }.reduce(0) { $0 + $1.filled }
            let held = self.positions[symbol] ?? 0
            return bought - sold == held && held >= 0
                ? nil : "\(symbol): \(bought) bought, \(sold) sold, \(held) held"
        }
    }

    /// At the end.
    private var nakedPositions: [String] {
        self.positions.sorted { $0.key < $1.key }.compactMap { symbol, held in
            let resting = self.orders.filter { $0.symbol == symbol && $0.side == "sell" && $0.end == nil }
            let covered = resting.reduce(0) { $0 + $1.quantity - $1.filled }
            return covered == held ? nil : "\(symbol): \(held) held, \(covered) under resting sales"
        }
    }

    private func lateStops(_ limit: Duration) -> [String] {
        (self.report.trades + self.report.openTrades).compactMap { trade in
            let steps = trade["history"]?.elements ?? []
            guard let fill = steps.last(where: { $0["to"] == .string("FILLED") }),
                let next = steps.last(where: { $0["from"] == .string("FILLED") }),
                let filledAt = Timestamp(fill["timestamp"]?.text ?? ""),
                let nextAt = Timestamp(next["timestamp"]?.text ?? ""), nextAt - filledAt > limit
            else { return nil }
            return "\(trade["trade_id"]?.text ?? ""): \(nextAt - filledAt) without a stop"
        }
    }
}

/// An order as the broker has it at the end.
struct BrokerOrder: CustomStringConvertible {
    let id: String
    let clientOrderID: String
    let symbol: String
    let side: String
    let type: String
    let status: String
    let quantity: Int
    let filled: Int
    let replaces: String?
    let start: Timestamp
    /// Nil while it is open.
    let end: Timestamp?

    init(_ json: JSONValue) throws {
        func text(_ name: String) throws -> String { try #require(json[name]?.text, "\(name) of an order") }
        self.id = try text("id")
        self.clientOrderID = try text("client_order_id")
        self.symbol = try text("symbol")
        self.side = try text("side")
        self.type = try text("type")
        self.status = try text("status")
        self.quantity = try #require(Int(try text("qty")))
        self.filled = try #require(Int(try text("filled_qty")))
        self.replaces = json["replaces"]?.text
        self.start = try #require(Timestamp(try text("created_at")))
        let isEnded = ["filled", "canceled", "expired", "replaced", "rejected"].contains(self.status)
        self.end = isEnded ? Timestamp(try text("updated_at")) : nil
    }

    func isLive(with other: BrokerOrder) -> Bool {
        let (start, end) = (max(self.start, other.start), [self.end, other.end].compactMap(\.self).min())
        return end.map { start < $0 } ?? true
    }

    var description: String { "\(self.side) \(self.quantity) \(self.symbol) \(self.type) \(self.clientOrderID)" }
}

extension ReplayRunner {
    /// What the processes have said at this level, with the reason where there is one, in no certain order.
    func lines(_ level: String) -> [String] {
        Files.names(in: "\(self.directory)/logs").filter { $0.hasSuffix(".log") }.flatMap { name in
            (Files.text("\(self.directory)/logs/\(name)") ?? "").split(separator: "\n").compactMap { line in
                guard let json = try? JSONValue(parsing: Array(line.utf8)), json["level"] == .string(level),
                    let message = json["message"]?.text
                else { return nil }
                return message + (json["metadata"]?["reason"]?.text.map { ": \($0)" } ?? "")
            }
        }
    }

    /// The simulator's control port, once it is open.
    func controlURL() async throws -> String {
        try await awaited("the simulator's control port") {
            guard let ports = Files.text("\(self.directory)/broker-simulator.ports"),
                case .number(let port)? = try? JSONValue(parsing: Array(ports.utf8))["control_port"]
            else { return nil }
            return "http://127.0.0.1:\(port)"
        }
    }
}
