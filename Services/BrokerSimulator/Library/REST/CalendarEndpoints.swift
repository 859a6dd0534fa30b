import MarketSimulation
import TradingCore

enum CalendarEndpoints {
    static func clock(_ request: RESTRequest, _ market: SimulatedMarket) -> RESTReply {
        let nextOpen = market.isOpen ? market.sessionAfterComing?.open : market.comingSession?.open
        return RESTReply.object { writer in
            writer.field("timestamp", (market.now + market.clockOffset + request.clockOffset).newYorkText)
            writer.field("is_open", market.isOpen)
            writer.field("next_open", (nextOpen ?? MarketCalendar.nextOpen(after: market.now)).newYorkText)
            writer.field(
                "next_close",
                (market.comingSession?.close ?? MarketCalendar.nextClose(after: market.now)).newYorkText
            )
        }
    }

    static func calendar(_ request: RESTRequest, _ market: SimulatedMarket) throws(RESTFailure) -> RESTReply {
        let sessions = market.schedule.sessions
        let start = try request.date("start") ?? sessions.first?.date ?? NewYorkTime.date(of: market.now)
        let end = try request.date("end") ?? max(sessions.last?.date ?? start, start)
        guard start <= end else { throw .unprocessable("start must not be after end") }
        // The days after the end are there for the settlement date of the last session.
        let found = Self.sessions(in: start...end.adding(days: 10), market)
        return RESTReply.array { writer in
            for (index, session) in found.enumerated() where session.date <= end {
                let next = index + 1 < found.count ? found[index + 1].date : session.date.adding(days: 1)
                writer.element(WireCalendarDay(session: session, settlement: next))
            }
        }
    }

    /// Between the first and the last bar the bars say which dates are sessions, outside of them the calendar does.
    static func sessions(in dates: ClosedRange<CalendarDate>, _ market: SimulatedMarket) -> [TradingSession] {
        let replayed = market.schedule.sessions
        guard let first = replayed.first?.date, let last = replayed.last?.date else {
            return MarketCalendar.sessions(in: dates)
        }
        var sessions: [TradingSession] = []
        if dates.lowerBound < first {
            sessions += MarketCalendar.sessions(in: dates.lowerBound...min(dates.upperBound, first.adding(days: -1)))
        }
        sessions += replayed.filter { dates.contains($0.date) }
        if dates.upperBound > last {
            sessions += MarketCalendar.sessions(in: max(dates.lowerBound, last.adding(days: 1))...dates.upperBound)
        }
        return sessions
    }
}

private struct WireCalendarDay: JSONEncodable {
    let session: TradingSession
    let settlement: CalendarDate

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("date", self.session.date)
            $0.field("open", Self.clock(self.session.open, separator: ":"))
            $0.field("close", Self.clock(self.session.close, separator: ":"))
            $0.field("session_open", "0400")
            $0.field("session_close", Self.clock(self.session.close + .seconds(4 * 3600), separator: ""))
            $0.field("settlement_date", self.settlement)
        }
    }

    private static func clock(_ timestamp: Timestamp, separator: String) -> String {
        let minutes = NewYorkTime.timeOfDay(of: timestamp) / 60
        return [minutes / 60, minutes % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: separator)
    }
}
