import MarketSimulation
import Synchronization
import TradingCore

/// Takes the replay's steps, each when the system has settled. Runs on a thread of its own.
final class ReplayDriver: Sendable {
    enum State: String {
        /// No step was taken yet.
        case waiting
        case running
        /// The bars are over and the system has settled after the last of them.
        case finished
    }

    private let market: SharedMarket
    private let hub: StreamHub
    private let gate: SettleGate
    private let stateStorage = Mutex(State.waiting)
    /// Of which the streams were told that they are not traded.
    private let haltedSlots = Mutex(Set<Int>())

    init(market: SharedMarket, hub: StreamHub, gate: SettleGate) {
        self.market = market
        self.hub = hub
        self.gate = gate
    }

    var state: State { self.stateStorage.withLock { $0 } }

    /// Returns when the bars are over or the gate is stopped.
    func run(_ check: QuiescenceCheck?) {
        let (count, symbols) = self.market.withLock { ($0.schedule.sessions.count, $0.symbols) }
        guard self.gate.awaitSettled(check) else { return }
        self.stateStorage.withLock { $0 = .running }
        for index in 0..<count {
            let steps = self.market.withLock { $0.begin(session: index) }
            for step in steps {
                let hasUpdates = self.market.perform { market, updates in
                    updates = market.take(step, ofSession: index)
                    return !updates.isEmpty
                }
                // Whoever watches orders knows of a fill before anybody sees the price that made it, in every run alike.
                if hasUpdates, !self.gate.awaitSettled(check) { return }
                self.show(step, symbols)
                guard self.gate.awaitSettled(check) else { return }
            }
        }
        self.stateStorage.withLock { $0 = .finished }
    }

    /// Whether trading is halted, where that is news.
    private func statusNews(of tick: ReplayTick, isHalted: Bool) -> Bool? {
        self.haltedSlots.withLock { slots in
            guard slots.contains(tick.slot) != isHalted else { return nil }
            if isHalted { slots.insert(tick.slot) } else { slots.remove(tick.slot) }
            return isHalted
        }
    }

    private func show(_ step: ReplayStep, _ symbols: [Symbol]) {
        switch step {
        case .tick(let tick):
            let symbol = symbols[tick.slot]
            let (number, isHalted) = self.market.withLock { ($0.tickCount, $0.isHalted(tick.slot)) }
            let status = self.statusNews(of: tick, isHalted: isHalted)
            self.hub.publish { session, writer in
                if let status, session.wants(.statuses, symbol) {
                    writer.element(WireTradingStatus(symbol: symbol, isHalted: status, at: tick.at))
                }
                guard !isHalted else { return }
                if session.wants(.quotes, symbol) {
                    writer.element(WireQuote(symbol: symbol, price: tick.price, at: tick.at))
                }
                if session.wants(.trades, symbol) {
                    writer.element(WireTrade(symbol: symbol, price: tick.price, at: tick.at, number: number))
                }
            }
        case .sessionClosed(let close):
            let prices = self.market.withLock { market in
                symbols.indices.compactMap { slot in market.engine.lastPrice(slot: slot).map { (symbols[slot], $0) } }
            }
            self.hub.publish { session, writer in
                for (symbol, price) in prices where session.wants(.quotes, symbol) {
                    writer.element(WireQuote(symbol: symbol, price: price, at: close))
                }
            }
        case .barComplete(let slot, let bar, _):
            let symbol = symbols[slot]
            let isDaily = self.market.withLock { $0.folder.frequency == .daily }
            self.hub.publish { session, writer in
                if session.wants(isDaily ? .dailyBars : .bars, symbol) {
                    writer.element(WireBar(bar, kind: isDaily ? "d" : "b", symbol: symbol))
                }
            }
        }
        self.hub.publish(self.market.withLock { SchwabMarketNews(step, $0) })
    }
}

/// The market behind its lock. REST calls and the replay take it briefly.
final class SharedMarket: Sendable {
    private let market: Mutex<SimulatedMarket>
    private let hub: StreamHub
    private let hold: ReplayHold

    init(_ market: SimulatedMarket, hub: StreamHub, hold: ReplayHold) {
        self.market = Mutex(market)
        self.hub = hub
        self.hold = hold
    }

    func withLock<Value: Sendable>(_ body: (inout sending SimulatedMarket) -> sending Value) -> sending Value {
        self.market.withLock(body)
    }

    /// Runs `body` and publishes the updates it reports before anybody else gets at the market.
    func perform<Value: Sendable>(_ body: (inout SimulatedMarket, inout [OrderUpdate]) -> Value) -> Value {
        self.market.withLock { market in
            var updates: [OrderUpdate] = []
            let value = body(&market, &updates)
            self.hub.publish(updates, market.takeSchwabActivities(for: updates))
            for aftermath in market.aftermaths { self.complete(aftermath) }
            market.aftermaths = []
            for pause in market.pauses(after: updates) { self.hold.after(pause) }
            return value
        }
    }

    private func complete(_ aftermath: OrderAftermath) {
        self.hold.after(aftermath.delay) {
            self.perform { market, updates in updates = market.complete(aftermath) }
        }
    }
}
