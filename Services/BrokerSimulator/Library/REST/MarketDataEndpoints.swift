import MarketSimulation
import TradingCore

/// The data API: only bars that are complete and prices that have ticked.
struct MarketDataEndpoints {
    private let market: SimulatedMarket

    init(_ market: SimulatedMarket) {
        self.market = market
    }

    /// - Parameter path: What follows `/v2/stocks`.
    func reply(_ request: RESTRequest, _ path: [String]) throws(RESTFailure) -> RESTReply {
        switch (path.count, path.last) {
        case (1, "bars"):
            let page = try self.page(request, slots: try self.slots(request))
            return RESTReply.object { writer in
                writer.object("bars") { writer in
                    for (slot, bars) in page.bars {
                        writer.field(self.market.symbols[slot].rawValue, bars.map(WireBar.init))
                    }
                }
                writer.nullable("next_page_token", page.nextToken)
            }
        case (2, "bars"):
            let page = try self.page(request, slots: self.slots(named: path[0]))
            return RESTReply.object { writer in
                writer.nullable("bars", page.bars.first?.bars.map(WireBar.init))
                writer.field("symbol", path[0])
                writer.nullable("next_page_token", page.nextToken)
            }
        case (2, "latest"):
            return try self.latest(path[0], slots: try self.slots(request))
        case (3, "latest"):
            return try self.latest(path[1], symbol: path[0])
        case (1, "snapshots"):
            let slots = try self.slots(request)
            return RESTReply.object { writer in
                for slot in slots { writer.field(self.market.symbols[slot].rawValue, WireSnapshot(self.market, slot)) }
            }
        case (2, "snapshot"):
            guard let slot = self.slots(named: path[0]).first else { throw .notFound("no snapshot for \(path[0])") }
            return RESTReply(body: JSONWriter.bytes(WireSnapshot(self.market, slot)))
        default:
            throw .notFound("endpoint not found.")
        }
    }

    private func latest(_ kind: String, slots: [Int]) throws(RESTFailure) -> RESTReply {
        let values = try slots.map { slot throws(RESTFailure) in (slot, try self.latestValue(kind, slot: slot)) }
        return RESTReply.object { writer in
            writer.object(kind) { writer in
                for case (let slot, let value?) in values {
                    writer.field(self.market.symbols[slot].rawValue, value)
                }
            }
        }
    }

    private func latest(_ kind: String, symbol: String) throws(RESTFailure) -> RESTReply {
        guard let slot = self.slots(named: symbol).first, let value = try self.latestValue(kind, slot: slot) else {
            throw .notFound("no \(kind.dropLast()) found for \(symbol)")
        }
        return RESTReply.object { writer in
            writer.field("symbol", symbol)
            writer.field(String(kind.dropLast()), value)
        }
    }

    private func latestValue(_ kind: String, slot: Int) throws(RESTFailure) -> (any JSONEncodable)? {
        switch kind {
        case "quotes": return WireQuote(self.market, slot)
        case "trades": return WireTrade(self.market, slot)
        case "bars": return self.market.bars(slot: slot).last.map(WireBar.init)
        default: throw .notFound("endpoint not found.")
        }
    }

    /// Symbols that are not in the replay have no data, which is no error.
    private func slots(_ request: RESTRequest) throws(RESTFailure) -> [Int] {
        guard let names = request.parameter("symbols") else {
            throw RESTFailure(status: 400, code: 40_010_001, message: "symbols is required")
        }
        return Set(names.split(separator: ",").flatMap { self.slots(named: String($0)) }).sorted()
    }

    private func slots(named name: String) -> [Int] {
        guard let symbol = Symbol(name), let slot = self.market.engine.slot(of: symbol) else { return [] }
        return [slot]
    }

    private func page(
        _ request: RESTRequest,
        slots: [Int]
    ) throws(RESTFailure) -> (bars: [(slot: Int, bars: [Bar])], nextToken: String?) {
        let timeframe = request.parameter("timeframe") ?? ""
        guard Self.isSame(timeframe, self.market.folder.timeframe) else {
            throw RESTFailure(
                status: 400,
                code: 40_010_001,
                message: "timeframe \"\(timeframe.prefix(16))\" is not in this replay, "
                    + "whose bars are \(self.market.folder.timeframe)"
            )
        }
        let limit = try request.number("limit", default: 1000, in: 1...10_000)
        let isAscending = try request.choice("sort", default: "asc", of: ["asc", "desc"]) == "asc"
        let start = try request.time("start")
        let end = try request.time("end", endOfDay: true)
        var remaining = limit
        var from = try self.position(request.parameter("page_token"), slots: slots)
        var found: [(slot: Int, bars: [Bar])] = []
        for slot in slots where slot >= from.slot {
            let bars = self.market.bars(slot: slot)
            let lower = start.map { start in bars.partitioningIndex { $0.timestamp >= start } } ?? bars.startIndex
            let upper = end.map { end in bars.partitioningIndex { $0.timestamp > end } } ?? bars.endIndex
            let inRange = bars[lower..<max(lower, upper)]
            let ordered = isAscending ? Array(inRange) : inRange.reversed()
            let rest = ordered.dropFirst(from.offset)
            if !rest.isEmpty, remaining == 0 { return (found, "\(slot)-\(from.offset)") }
            let taken = rest.prefix(remaining)
            if !taken.isEmpty { found.append((slot, Array(taken))) }
            remaining -= taken.count
            if taken.count < rest.count { return (found, "\(slot)-\(from.offset + taken.count)") }
            from = (slot + 1, 0)
        }
        return (found, nil)
    }

    private func position(_ token: String?, slots: [Int]) throws(RESTFailure) -> (slot: Int, offset: Int) {
        guard let token else { return (0, 0) }
        let parts = token.split(separator: "-").map { Int($0) }
        guard parts.count == 2, let slot = parts[0], let offset = parts[1], slots.contains(slot), offset >= 0 else {
            throw RESTFailure(status: 400, code: 40_010_001, message: "page_token is not one of this request")
        }
        return (slot, offset)
    }

    private static func isSame(_ text: String, _ timeframe: String) -> Bool {
        switch text {
        case "1Day", "1D", "D": timeframe == "1Day"
        default:
            if text.hasSuffix("T") {
                "\(text.dropLast())Min" == timeframe
            } else if text.hasSuffix("H") {
                "\(text.dropLast())Hour" == timeframe
            } else {
                text == timeframe
            }
        }
    }
}

extension RandomAccessCollection {
    /// Where the elements begin for which `belongs` holds, which it does for all that follow one for which it holds.
    func partitioningIndex(_ belongs: (Element) -> Bool) -> Index {
        var (low, count) = (self.startIndex, self.count)
        while count > 0 {
            let middle = self.index(low, offsetBy: count / 2)
            if belongs(self[middle]) {
                count /= 2
            } else {
                low = self.index(after: middle)
                count -= count / 2 + 1
            }
        }
        return low
    }
}

private struct WireSnapshot: JSONEncodable {
    private let market: SimulatedMarket
    private let slot: Int

    init(_ market: SimulatedMarket, _ slot: Int) {
        self.market = market
        self.slot = slot
    }

    func write(to writer: inout JSONWriter) {
        let bars = self.market.bars(slot: self.slot)
        let isDaily = self.market.folder.frequency == .daily
        writer.object {
            $0.nullable("latestTrade", WireTrade(self.market, self.slot))
            $0.nullable("latestQuote", WireQuote(self.market, self.slot))
            $0.nullable("minuteBar", isDaily ? nil : bars.last.map(WireBar.init))
            $0.nullable("dailyBar", isDaily ? bars.last.map(WireBar.init) : nil)
            $0.nullable("prevDailyBar", isDaily ? bars.dropLast().last.map(WireBar.init) : nil)
        }
    }
}
