import BrokerSimulator
import Dispatch
import MessageBus
import Synchronization
import TestSupport
import Testing

/// Runs `awaitSettled` on a thread of its own.
private final class Waiter: Sendable {
    private let gate: SettleGate
    private let outcome = Mutex<Bool?>(nil)

    init(_ gate: SettleGate, _ check: (@Sendable () throws -> Quiescence)? = nil) {
        self.gate = gate
        DispatchQueue.global().async {
            let result = gate.awaitSettled(check)
            self.outcome.withLock { $0 = result }
        }
    }

    /// Nil while it waits.
    var result: Bool? { self.outcome.withLock { $0 } }

    /// Waits until the gate says that it waits for this, and has not been passed.
    func waits(for text: String) -> Bool {
        eventually { self.gate.waitingFor?.contains(text) == true } && self.result == nil
    }

    func passes() -> Bool { eventually { self.result == true } }
}

/// A client that remembers its pings and answers them when told to.
private final class FakeClient: Sendable {
    private let gate: SettleGate
    private let id: Int
    private let pings = Mutex<[Int]>([])

    init(_ gate: SettleGate, id: Int, _ role: StreamRole) {
        self.gate = gate
        self.id = id
        gate.joined(id, [role]) { number in self.pings.withLock { $0.append(number) } }
    }

    var pingCount: Int { self.pings.withLock { $0.count } }

    func answer() {
        for number in self.pings.withLock({ Array($0) }) { self.gate.pong(number, from: self.id) }
    }
}

private final class FakeBus: Sendable {
    private let state: Mutex<(result: Result<Quiescence, MessageBusError>, calls: Int)>

    init(_ result: Result<Quiescence, MessageBusError>) {
        self.state = Mutex((result, 0))
    }

    var callCount: Int { self.state.withLock { $0.calls } }

    func answer(_ result: Result<Quiescence, MessageBusError>) {
        self.state.withLock { $0.result = result }
    }

    func quiescence() throws -> Quiescence {
        try self.state.withLock { state in
            state.calls += 1
            return state.result
        }.get()
    }
}

struct SettleGateTests {
    private static func gate(_ roles: Set<StreamRole> = []) -> SettleGate {
        SettleGate(requiredRoles: roles, logger: quietLogger())
    }

    @Test func `without requirements it settles at once`() {
        #expect(Self.gate().awaitSettled(nil))
    }

    @Test func `waits for each required client`() {
        let gate = Self.gate([.marketData, .tradeUpdates])
        let waiter = Waiter(gate)
        #expect(waiter.waits(for: "market-data client"))
        let data = FakeClient(gate, id: 1, .marketData)
        #expect(waiter.waits(for: "trade-updates client"))
        let updates = FakeClient(gate, id: 2, .tradeUpdates)
        #expect(waiter.waits(for: "answer to a ping"))
        #expect(eventually { data.pingCount == 1 && updates.pingCount == 1 })
        data.answer()
        updates.answer()
        #expect(waiter.passes())
    }

    @Test func `waits for the pong that follows the last frame`() {
        let gate = Self.gate([.marketData])
        let client = FakeClient(gate, id: 1, .marketData)
        let first = Waiter(gate)
        #expect(eventually { client.pingCount == 1 })
        // A frame after the ping: the pong to that ping proves nothing about it.
        gate.sent(to: 1)
        client.answer()
        #expect(eventually { client.pingCount == 2 })
        #expect(first.result == nil)
        client.answer()
        #expect(first.passes())
        // Nothing sent since: no further ping is needed.
        #expect(gate.awaitSettled(nil))
        #expect(client.pingCount == 2)
    }

    @Test func `a pong nobody asked for proves nothing`() {
        let gate = Self.gate([.marketData])
        let client = FakeClient(gate, id: 1, .marketData)
        gate.sent(to: 1)
        gate.pong(99, from: 1)
        let waiter = Waiter(gate)
        #expect(waiter.waits(for: "answer to a ping"))
        client.answer()
        #expect(waiter.passes())
    }

    @Test func `waits for a client that is lost to come back`() {
        let gate = Self.gate([.tradeUpdates])
        _ = FakeClient(gate, id: 1, .tradeUpdates)
        let waiter = Waiter(gate)
        #expect(waiter.waits(for: "answer to a ping"))
        gate.left(1)
        #expect(waiter.waits(for: "trade-updates client"))
        let again = FakeClient(gate, id: 2, .tradeUpdates)
        #expect(eventually { again.pingCount == 1 })
        again.answer()
        #expect(waiter.passes())
    }

    @Test func `waits while a request is in flight`() {
        let gate = Self.gate()
        gate.requestBegan()
        gate.requestBegan()
        let waiter = Waiter(gate)
        #expect(waiter.waits(for: "2 HTTP requests"))
        gate.requestEnded()
        #expect(waiter.waits(for: "1 HTTP request"))
        gate.requestEnded()
        #expect(waiter.passes())
    }

    @Test func `waits while the bus is busy or away`() {
        let gate = Self.gate()
        let bus = FakeBus(.success(.busy("2 messages of order.filled")))
        let waiter = Waiter(gate) { try bus.quiescence() }
        #expect(waiter.waits(for: "2 messages of order.filled"))
        bus.answer(.failure(MessageBusError(.unreachable, "no connection")))
        #expect(waiter.waits(for: "no connection"))
        bus.answer(.success(.settled))
        #expect(waiter.passes())
        #expect(gate.waitingFor == nil)
    }

    @Test func `asks again when anything happened during the bus's answer`() {
        let gate = Self.gate()
        let bus = FakeBus(.success(.settled))
        let settled = gate.awaitSettled {
            if bus.callCount < 2 {
                gate.requestBegan()
                gate.requestEnded()
            }
            return try bus.quiescence()
        }
        #expect(settled)
        #expect(bus.callCount == 3)
    }

    @Test func `a stop ends the wait`() {
        let gate = Self.gate([.marketData])
        let waiter = Waiter(gate)
        #expect(waiter.waits(for: "market-data client"))
        gate.stop()
        #expect(eventually { waiter.result == false })
        #expect(!gate.awaitSettled(nil))
    }
}
