/// The sessions of a stretch of dates, as a broker's calendar call or a replay's bars give them.
///
/// It knows nothing outside the dates it covers: ask ``covers(_:)`` before taking the absence of a session for a
/// closed market.
package struct SessionSchedule: Hashable, Sendable {
    /// In order of date and time; no two overlap.
    package let sessions: [TradingSession]

    /// The dates about which the schedule speaks; nil if there are none.
    package let coveredDates: ClosedRange<CalendarDate>?

    /// - Parameters:
    ///   - sessions: Ascending, one a date at most, each opening before it closes and not before the previous closes.
    ///   - coveredDates: The dates that were asked for, so that a closed day at either end is known to be closed; if
    ///     nil, the dates from the first session to the last.
    /// - Throws: ``SessionScheduleError`` for the first session that breaks the order.
    package init(
        _ sessions: [TradingSession],
        covering coveredDates: ClosedRange<CalendarDate>? = nil
    ) throws(SessionScheduleError) {
        var previous: TradingSession?
        for session in sessions {
            guard session.open < session.close else { throw .opensAfterClose(session) }
            if let coveredDates, !coveredDates.contains(session.date) {
                throw .outsideCoveredDates(session, covered: coveredDates)
            }
            if let previous {
                guard previous.date < session.date else { throw .unsorted(session, after: previous) }
                guard previous.close <= session.open else { throw .overlapping(session, previous: previous) }
            }
            previous = session
        }
        self.sessions = sessions
        if let coveredDates {
            self.coveredDates = coveredDates
        } else if let first = sessions.first, let last = sessions.last {
            self.coveredDates = first.date...last.date
        } else {
            self.coveredDates = nil
        }
    }

    /// Whether the schedule knows if there is a session on `date`.
    package func covers(_ date: CalendarDate) -> Bool {
        self.coveredDates?.contains(date) ?? false
    }

    /// The session of a date; nil if the market stays closed or the date is not covered.
    package func session(on date: CalendarDate) -> TradingSession? {
        let index = self.firstIndex { $0.date >= date }
        guard index < self.sessions.endIndex, self.sessions[index].date == date else { return nil }
        return self.sessions[index]
    }

    /// Whether a session is open at that instant, its opening included and its close not; nil if its date in New York is
    /// not covered.
    package func isOpen(at timestamp: Timestamp) -> Bool? {
        let date = NewYorkTime.date(of: timestamp)
        guard self.covers(date) else { return nil }
        return self.session(on: date).map { $0.open <= timestamp && timestamp < $0.close } ?? false
    }

    /// The sessions whose close lies after `after` and not after `end`, in order.
    package func sessions(closingAfter after: Timestamp, upTo end: Timestamp) -> ArraySlice<TradingSession> {
        guard after < end else { return [] }
        return self.sessions[self.firstIndex { $0.close > after }..<self.firstIndex { $0.close > end }]
    }

    /// The opens and closes that lie after `after` and not after `end`, in order of time.
    ///
    /// Calls whose stretches follow one another return each boundary exactly once. Where one session closes at the
    /// instant the next opens, the close comes first.
    package func boundaries(after: Timestamp, upTo end: Timestamp) -> [SessionBoundary] {
        guard after < end else { return [] }
        return self.sessions[self.firstIndex { $0.close > after }...]
            .prefix { $0.open <= end }
            .flatMap { session in
                [
                    SessionBoundary(kind: .open, session: session),
                    SessionBoundary(kind: .close, session: session),
                ]
            }
            .filter { after < $0.at && $0.at <= end }
    }

    /// The first open later than `timestamp`; nil if the schedule ends before it.
    package func nextOpen(after timestamp: Timestamp) -> Timestamp? {
        let index = self.firstIndex { $0.open > timestamp }
        return index < self.sessions.endIndex ? self.sessions[index].open : nil
    }

    /// The first close later than `timestamp`; nil if the schedule ends before it.
    package func nextClose(after timestamp: Timestamp) -> Timestamp? {
        let index = self.firstIndex { $0.close > timestamp }
        return index < self.sessions.endIndex ? self.sessions[index].close : nil
    }

    /// The first opening or closing later than `timestamp`; nil if the schedule ends before it.
    package func nextBoundary(after timestamp: Timestamp) -> Timestamp? {
        [self.nextOpen(after: timestamp), self.nextClose(after: timestamp)].compactMap(\.self).min()
    }

    /// The index of the first session that is past some point, by a test that holds for all sessions after it too.
    private func firstIndex(where isPast: (TradingSession) -> Bool) -> Int {
        var range = self.sessions.indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = isPast(self.sessions[middle]) ? range.lowerBound..<middle : middle + 1..<range.upperBound
        }
        return range.lowerBound
    }
}

/// An open or a close of a session.
package struct SessionBoundary: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case open
        case close
    }

    package let kind: Kind
    package let session: TradingSession

    package init(kind: Kind, session: TradingSession) {
        self.kind = kind
        self.session = session
    }

    /// The instant of the boundary.
    package var at: Timestamp {
        switch self.kind {
        case .open: self.session.open
        case .close: self.session.close
        }
    }
}

/// Why a list of sessions is not a schedule.
package enum SessionScheduleError: Error, Hashable, Sendable {
    case opensAfterClose(TradingSession)
    case unsorted(TradingSession, after: TradingSession)
    case overlapping(TradingSession, previous: TradingSession)
    case outsideCoveredDates(TradingSession, covered: ClosedRange<CalendarDate>)
}

extension SessionScheduleError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .opensAfterClose(let session):
            """
            session \(session.date) opens at \(session.open), which is not before its close \(session.close); \
            correct its times
            """
        case .unsorted(let session, let previous):
            "session \(session.date) follows \(previous.date); list each date once, in ascending order"
        case .overlapping(let session, let previous):
            """
            session \(session.date) opens at \(session.open), before \(previous.date) closes at \(previous.close); \
            correct the times of one
            """
        case .outsideCoveredDates(let session, let covered):
            """
            session \(session.date) lies outside the dates \(covered.lowerBound) to \(covered.upperBound) that the \
            schedule covers; leave it out or widen the dates
            """
        }
    }
}
