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

    init(market: SharedMarket, hub: StreamHub, gate: SettleGate) {
        self.market = market
        self.hub = hub
        self.gate = gate
    }

    var state: State { self.stateStorage.withLock { $0 } }

    /// Returns when the bars are over or the gate is stopped.
    func run(_ check: QuiescenceCheck?) {
        let schedule = self.market.withLock { $0.schedule }
        guard self.gate.awaitSettled(check) else { return }
        self.stateStorage.withLock { $0 = .running }
        for index in schedule.sessions.indices {
            for step in schedule.steps(ofSession: index) {
                let hasUpdates = self.market.perform { market, updates in
                    updates = market.take(step, ofSession: index)
                    return !updates.isEmpty
                }
                // Whoever watches orders knows of a fill before anybody sees the price that made it, in every run alike.
                if hasUpdates, !self.gate.awaitSettled(check) { return }
                self.show(step, schedule.symbols)
                guard self.gate.awaitSettled(check) else { return }
            }
        }
        self.stateStorage.withLock { $0 = .finished }
    }

    private func show(_ step: ReplayStep, _ symbols: [Symbol]) {
        switch step {
        case .tick(let tick):
            let symbol = symbols[tick.slot]
            let number = self.market.withLock { $0.tickCount }
            self.hub.publish { session, writer in
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

    init(_ market: SimulatedMarket, hub: StreamHub) {
        self.market = Mutex(market)
        self.hub = hub
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
            return value
        }
    }
}
