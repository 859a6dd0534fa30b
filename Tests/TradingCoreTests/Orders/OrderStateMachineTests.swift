import Testing
import TradingCore

@Suite struct OrderStateMachineTests {
    /// One row a state, one column an event: `.` absorbed, `=` moves to the state, `!` an alarmed fill with the state.
    private static let table = """
        state            submitted  accepted  partially_filled  filled  cancelled  rejected  expired  outcome_unknown
        intent           =submitted =accepted =partially_filled =filled =cancelled =rejected =expired =unknown
        submitted        .          =accepted =partially_filled =filled =cancelled =rejected =expired .
        accepted         .          .         =partially_filled =filled =cancelled =rejected =expired .
        partially_filled .          .         =partially_filled =filled =cancelled =rejected =expired .
        filled           .          .         .                 .       .          .         .        .
        cancelled        .          .         !cancelled        !filled .          .         .        .
        rejected         .          .         !rejected         !filled .          .         .        .
        expired          .          .         !expired          !filled .          .         .        .
        unknown          =submitted =accepted =partially_filled =filled =cancelled =rejected =expired .
        """

    @Test func `every state and event step as the table says`() throws {
        let rows = Self.table.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows[0].dropFirst() == OrderEvent.allCases.map(\.rawValue)[...])
        #expect(rows.dropFirst().map { $0[0] } == OrderState.allCases.map(\.rawValue))
        for row in rows.dropFirst() {
            let state = try #require(OrderState(rawValue: row[0]))
            for (event, cell) in zip(OrderEvent.allCases, row.dropFirst()) {
                let written =
                    switch OrderStateMachine.step(state, on: event) {
                    case .absorbed: "."
                    case .moves(let next): "=\(next.rawValue)"
                    case .alarmedFill(let next): "!\(next.rawValue)"
                    }
                #expect(written == cell, "\(state) on \(event)")
            }
        }
    }

    @Test func `terminal states are those the broker is finished with`() {
        #expect(OrderState.allCases.filter(\.isTerminal) == [.filled, .cancelled, .rejected, .expired])
    }
}
