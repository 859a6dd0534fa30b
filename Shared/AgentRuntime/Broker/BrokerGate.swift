package import TradingCore

/// Keeps a process from its broker until the broker has said whose account this is, so that a wrong key, host or account
/// leads to one line and to nothing sent. Safe from any thread.
package final class BrokerGate: Sendable {
    private let isOpen = StopSignal()
    private let isOpenForProtection = StopSignal()

    /// The end of the process opens it, too.
    package init(stop: StopSignal) {
        stop.onStop { self.open() }
    }

    /// For all calls, for good.
    package func open() {
        self.isOpenForProtection.give()
        self.isOpen.give()
    }

    /// For stops, exits and cancels, for good: that nobody knows yet whose account this is must not keep them back.
    package func openForProtection() { self.isOpenForProtection.give() }

    package func isOpen(for lane: BrokerLane) -> Bool { self.signal(for: lane).isGiven }

    /// Blocks the thread.
    package func wait(for lane: BrokerLane, beating heartbeat: Heartbeat) {
        let signal = self.signal(for: lane)
        while !signal.wait(for: .seconds(60), beating: heartbeat) {}
    }

    /// Calls `listener` once market data may be asked for; at once if it already may.
    package func onOpen(_ listener: @escaping @Sendable () -> Void) { self.isOpen.onStop(listener) }

    private func signal(for lane: BrokerLane) -> StopSignal {
        switch lane {
        case .protective: self.isOpenForProtection
        case .marketData, .entries, .account: self.isOpen
        }
    }
}
