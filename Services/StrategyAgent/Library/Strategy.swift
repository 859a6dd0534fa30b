package import TradingCore

/// A trading strategy: pure functions of completed bars. Write one in a file of `Strategies/` and name it in
/// `StrategyRegistry`; README.md beside this file shows how.
package protocol Strategy: Sendable {
    /// What is remembered of one symbol's past. Stored with every bar, so that a restart goes on where it was.
    associatedtype State: JSONCodable & Sendable

    /// The name by which configuration chooses it.
    static var name: String { get }

    /// Throws what is wrong with the parameters.
    init(parameters: StrategyParameters) throws

    var initialState: State { get }

    /// Takes in a completed bar. Called once for each, oldest first.
    func observe(_ bar: Bar, state: inout State)

    /// `scan_candidates`: whether `bar`, the one observed last, makes its symbol worth an entry. Asked only for
    /// symbols without an open trade.
    func isCandidate(_ bar: Bar, state: State) -> Bool

    /// `evaluate_setup`: at which prices to enter, to give up and to take the profit.
    func plan(for candidate: ScanResult) throws -> EntryPlan

    /// Whether an entry that follows from the last intraday bar of a session is meant for the next session. Where it is
    /// not, such an entry is refused. Entries that follow from daily bars are always meant for the next session.
    var entersNextSession: Bool { get }

    /// `manage_position`: asked after each session's close. Returns why the position should be sold at the next open,
    /// or nil to keep it.
    func exitReason(for position: HeldPosition) -> String?
}

extension Strategy {
    package var entersNextSession: Bool { false }
}

/// A position as its strategy sees it.
package struct HeldPosition: Hashable, Sendable {
    package var symbol: Symbol
    /// The session in which the entry was filled.
    package var entryDate: CalendarDate
    /// Sessions that have closed since, the entry's own not counted.
    package var sessionsHeld: Int
}

/// A strategy's parameters by name, as configuration gives them. What is read is remembered, so that a misspelt
/// parameter can be refused.
package struct StrategyParameters: Sendable {
    package let values: [String: String]

    package init(_ values: [String: String] = [:]) {
        self.values = values
    }

    package func int(_ name: String, default value: Int, in range: ClosedRange<Int>) throws(StrategyParameterError)
        -> Int
    {
        guard let text = self.values[name] else { return value }
        guard let number = Int(text), range.contains(number) else {
            throw StrategyParameterError(
                name: name,
                value: text,
                expected: "a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    package func decimal(
        _ name: String,
        default value: Rate,
        in range: ClosedRange<Rate>
    ) throws(StrategyParameterError) -> Rate {
        guard let text = self.values[name] else { return value }
        guard let number = Rate(text), range.contains(number) else {
            throw StrategyParameterError(
                name: name,
                value: text,
                expected: "a decimal from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    /// Refuses parameters that the strategy does not have.
    package func allow(_ names: String...) throws(StrategyParameterError) {
        for name in self.values.keys.sorted() where !names.contains(name) {
            throw StrategyParameterError(
                name: name,
                value: self.values[name] ?? "",
                expected: "one of the parameters \(names.joined(separator: ", "))"
            )
        }
    }
}

package struct StrategyParameterError: Error, Hashable, CustomStringConvertible {
    package let name: String
    package let value: String
    package let expected: String

    package var description: String {
        "STRATEGY_PARAMETERS (strategy.parameters): \(self.name)=\(self.value): expected \(self.expected)"
    }
}
