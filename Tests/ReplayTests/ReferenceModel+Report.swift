import TradingCore

extension ReferenceModel {
    /// Where a run's report differs from this.
    func differences(from report: RunReport) -> [String] {
        var differences: [String] = []
        func compare<Value: Equatable>(_ what: String, _ found: Value, _ expected: Value) {
            if found != expected { differences.append("\(what): \(found), expected \(expected)") }
        }
        let order = { (left: Trade, right: Trade) in
            (left.signaledAt, left.symbol) < (right.signaledAt, right.symbol)
        }
        let trades = report.trades.map(Trade.init).sorted(by: order)
        compare("closed trades", trades.count, self.closed.count)
        for (found, expected) in zip(trades, self.closed.sorted(by: order)) { compare("trade", found, expected) }
        compare("open trades", report.openTrades.map(Trade.init).sorted { $0.symbol < $1.symbol }, self.open)
        compare("cancelled", report.json["cancelled"]?.integer, self.cancelled)
        compare("rejections", Set(report.rejections.map(Rejection.init)), Set(self.rejections))
        compare("rejections", report.rejections.count, self.rejections.count)
        for trade in report.trades {
            let numbers = ["quantity", "fill_price", "exit_price", "pnl"].map { Self.amount(trade[$0]?.digits ?? "") }
            compare(
                "\(trade["trade_id"]?.text ?? "") pnl",
                numbers[3],
                numbers[0] / 100_000_000 * (numbers[2] - numbers[1])
            )
        }
        for (name, value) in [
            ("cash", self.cash), ("equity", self.equity), ("peak_equity", self.peak),
            ("max_drawdown", self.maximumDrawdown),
        ] {
            compare(name, Self.amount(report.json["account"]?[name]?.digits ?? ""), value)
        }
        return differences
    }
}

extension ReferenceModel.Trade {
    fileprivate init(_ json: JSONValue) {
        func amount(_ name: String) -> Int64? { (json[name]?.digits).map(ReferenceModel.amount) }
        self.init(
            symbol: json["symbol"]?.text ?? "",
            signaledAt: json["signaled_at"]?.text ?? "",
            quantity: (amount("quantity") ?? 0) / 100_000_000,
            entry: amount("entry_price") ?? 0,
            stop: amount("stop_price") ?? 0,
            target: amount("target_price") ?? 0,
            fill: amount("fill_price"),
            filledOn: (json["filled_at"]?.text).map { String($0.prefix(10)) },
            exit: amount("exit_price"),
            closedOn: (json["closed_at"]?.text).map { String($0.prefix(10)) },
            reason: json["exit_reason"]?.text
        )
    }
}

extension ReferenceModel.Rejection {
    fileprivate init(_ json: JSONValue) {
        self.init(
            timestamp: json["timestamp"]?.text ?? "",
            symbol: json["symbol"]?.text ?? "",
            rule: json["reason"]?.text.map { String($0.prefix { $0 != ":" }) } ?? ""
        )
    }
}
