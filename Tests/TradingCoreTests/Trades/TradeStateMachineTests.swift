import Testing
import TradingCore

@Suite struct TradeStateMachineTests {
    /// From, trigger, to. Every other pair of a state and a trigger leads nowhere.
    private static let table = """
        SCANNING        strategy.candidate.found  SETUP_DETECTED
        SETUP_DETECTED  risk.trade.approved       ENTRY_APPROVED
        SETUP_DETECTED  risk.trade.rejected       SCANNING
        ENTRY_APPROVED  order.submitted           ORDER_PLACED
        ENTRY_APPROVED  order.cancelled           CANCELLED
        ENTRY_APPROVED  order.rejected            CANCELLED
        ORDER_PLACED    order.filled              FILLED
        ORDER_PLACED    order.cancelled           CANCELLED
        ORDER_PLACED    order.rejected            CANCELLED
        FILLED          position.stop.set         HOLDING
        FILLED          position.unprotected      EXIT_TRIGGERED
        HOLDING         position.target.hit       EXIT_TRIGGERED
        HOLDING         position.stop.hit         EXIT_TRIGGERED
        HOLDING         strategy.exit.signal      EXIT_TRIGGERED
        HOLDING         position.unprotected      EXIT_TRIGGERED
        CANCELLED       order.filled              FILLED
        EXIT_TRIGGERED  order.submitted           ORDER_CLOSING
        ORDER_CLOSING   order.filled              CLOSED
        ORDER_CLOSING   order.cancelled           EXIT_TRIGGERED
        ORDER_CLOSING   order.rejected            EXIT_TRIGGERED
        """

    private static let rows = table.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }

    @Test func `every state and trigger leads where the table says`() {
        var steps: [[String]] = []
        for state in TradeState.allCases {
            for trigger in TradeTrigger.allCases {
                guard let next = TradeStateMachine.next(state, on: trigger) else { continue }
                steps.append([state.rawValue, trigger.rawValue, next.rawValue])
            }
        }
        #expect(Set(steps) == Set(Self.rows))
        #expect(TradeState.allCases.count == 10)
    }

    @Test func `only the table's steps pass, all others name states and trigger`() {
        for from in TradeState.allCases {
            for to in TradeState.allCases {
                for trigger in TradeTrigger.allCases {
                    let step = [from.rawValue, trigger.rawValue, to.rawValue]
                    do {
                        try TradeStateMachine.check(from: from, to: to, on: trigger)
                        #expect(Self.rows.contains(step))
                    } catch {
                        #expect(!Self.rows.contains(step))
                        #expect(error == InvalidTransition(from: step[0], to: step[2], trigger: step[1]))
                    }
                }
            }
        }
    }

    @Test func `everything leads to an end, and out of one only a late fill`() {
        #expect(TradeState.allCases.filter(\.isTerminal) == [.closed, .cancelled])
        for state in TradeState.allCases {
            var reached: Set<TradeState> = [state]
            for _ in TradeState.allCases {
                for from in reached {
                    reached.formUnion(TradeTrigger.allCases.compactMap { TradeStateMachine.next(from, on: $0) })
                }
            }
            #expect(reached.contains { $0.isTerminal })
            #expect((reached == [state]) == (state == .closed))
        }
        #expect(TradeTrigger.allCases.filter { TradeStateMachine.next(.cancelled, on: $0) != nil } == [.orderFilled])
    }

    @Test func `triggers are named after their events`() {
        for trigger in TradeTrigger.allCases { #expect(EventName(rawValue: trigger.rawValue) != nil) }
    }

    @Test func `the refusal reads as a sentence`() {
        let refusal = InvalidTransition(from: "CLOSED", to: "HOLDING", trigger: "position.stop.set")
        #expect(
            refusal.description
                == "InvalidTransition: CLOSED → HOLDING on position.stop.set is no step of the state machine"
        )
    }
}
