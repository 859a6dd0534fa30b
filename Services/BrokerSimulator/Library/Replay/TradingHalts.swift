import MarketSimulation
import TradingCore

/// Which symbols are not traded. Their ticks are not shown and match nothing.
struct TradingHalts {
    /// By place: those in which trading of every symbol is halted between its opening and its closing tick.
    var sessions: Set<Int> = []
    /// By slot: halted until somebody says otherwise.
    private var commanded: Set<Int> = []
    /// By slot: halted when last ticked.
    private var halted: Set<Int> = []
    /// By slot: of the session under way, if it is one of `sessions`.
    private var closings: [Int: Timestamp] = [:]

    func isHalted(_ slot: Int) -> Bool { self.halted.contains(slot) || self.commanded.contains(slot) }

    mutating func set(_ isHalted: Bool, _ slot: Int) {
        if isHalted { self.commanded.insert(slot) } else { self.commanded.remove(slot) }
    }

    mutating func begin(session index: Int, _ steps: [ReplayStep]) {
        self.closings = [:]
        guard self.sessions.contains(index) else { return }
        for case .tick(let tick) in steps { self.closings[tick.slot] = tick.at }
    }

    /// - Returns: Whether the tick falls into a halt.
    mutating func take(_ tick: ReplayTick) -> Bool {
        let isInHaltedSession = self.closings[tick.slot].map { tick.at < $0 && !tick.isOpening } ?? false
        let isHalted = isInHaltedSession || self.commanded.contains(tick.slot)
        if isHalted { self.halted.insert(tick.slot) } else { self.halted.remove(tick.slot) }
        return isHalted
    }
}
