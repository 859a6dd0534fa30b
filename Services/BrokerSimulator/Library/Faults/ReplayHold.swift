import NIOCore

/// Does things later, in real time, and keeps the replay where it is until they are done.
struct ReplayHold: Sendable {
    let gate: SettleGate
    let eventLoop: any EventLoop

    /// - Parameter work: Runs on the event loop; not at all once that has stopped.
    func after(_ delay: Duration, _ work: @escaping @Sendable () -> Void = {}) {
        self.gate.requestBegan()
        let gate = self.gate
        self.eventLoop.scheduleTask(in: TimeAmount(delay)) {
            work()
            gate.requestEnded()
        }
    }
}
