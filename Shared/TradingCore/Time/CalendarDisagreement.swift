/// A date on which the broker's calendar and the exchanges' rules (`MarketCalendar`) do not say the same.
///
/// Neither is trusted alone: a rule cannot foretell a day of mourning, and a calendar may be read wrongly. Trade only
/// where both say open.
package struct CalendarDisagreement: Hashable, Sendable, JSONCodable {
    package let date: CalendarDate
    /// Nil: the broker says that the market stays closed.
    package let broker: TradingSession?
    /// Nil: the rules say that the market stays closed.
    package let rules: TradingSession?

    package init(date: CalendarDate, broker: TradingSession?, rules: TradingSession?) {
        self.date = date
        self.broker = broker
        self.rules = rules
    }

    /// The sessions, or parts of sessions, of `dates` in which both have the market open, and where they differ.
    ///
    /// - Parameter broker: the broker's sessions of those dates; one outside of them is left out.
    package static func compare(
        broker: [TradingSession],
        in dates: ClosedRange<CalendarDate>
    ) -> (agreed: [TradingSession], disagreements: [CalendarDisagreement]) {
        var agreed: [TradingSession] = []
        var disagreements: [CalendarDisagreement] = []
        for day in dates.lowerBound.dayNumber...dates.upperBound.dayNumber {
            let date = CalendarDate(dayNumber: day)
            let told = broker.first { $0.date == date }
            let rules = MarketCalendar.session(on: date)
            if told != rules { disagreements.append(CalendarDisagreement(date: date, broker: told, rules: rules)) }
            guard let told, let rules else { continue }
            let both = TradingSession(date: date, open: max(told.open, rules.open), close: min(told.close, rules.close))
            if both.open < both.close { agreed.append(both) }
        }
        return (agreed, disagreements)
    }

    /// Such as "open 09:30 to 13:00" or "closed", in New York's time.
    package static func opinion(_ session: TradingSession?) -> String {
        guard let session else { return "closed" }
        return "open \(Self.timeOfDay(session.open)) to \(Self.timeOfDay(session.close))"
    }

    private static func timeOfDay(_ timestamp: Timestamp) -> String {
        let minutes = NewYorkTime.timeOfDay(of: timestamp) / 60
        return [minutes / 60, minutes % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            date: try object.value("date"),
            broker: try object.optional("broker_session"),
            rules: try object.optional("rules_session")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("date", self.date)
            $0.field("broker", Self.opinion(self.broker))
            $0.field("rules", Self.opinion(self.rules))
            $0.field("broker_session", self.broker)
            $0.field("rules_session", self.rules)
        }
    }
}
