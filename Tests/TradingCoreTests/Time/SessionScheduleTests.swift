import Testing
import TradingCore

@Suite struct SessionScheduleTests {
    /// Wednesday to Monday around Thanksgiving 2025: 26 November, the half day on the 28th, 1 December.
    private let schedule: SessionSchedule
    private let wednesday: TradingSession
    private let friday: TradingSession
    private let monday: TradingSession

    init() throws {
        let dates = try Self.date("2025-11-26")...Self.date("2025-12-01")
        let sessions = MarketCalendar.sessions(in: dates)
        try #require(sessions.count == 3)
        (self.wednesday, self.friday, self.monday) = (sessions[0], sessions[1], sessions[2])
        self.schedule = try SessionSchedule(sessions)
    }

    @Test func `finds the session of a date`() throws {
        #expect(try self.schedule.session(on: Self.date("2025-11-26")) == self.wednesday)
        #expect(try self.schedule.session(on: Self.date("2025-11-28")) == self.friday)
        #expect(try self.schedule.session(on: Self.date("2025-12-01")) == self.monday)
        for closed in ["2025-11-25", "2025-11-27", "2025-11-29", "2025-12-02"] {
            #expect(try self.schedule.session(on: Self.date(closed)) == nil)
        }
    }

    @Test func `covers the dates from its first to its last session`() throws {
        #expect(try !self.schedule.covers(Self.date("2025-11-25")))
        #expect(try self.schedule.covers(Self.date("2025-11-26")))
        #expect(try self.schedule.covers(Self.date("2025-11-27")))
        #expect(try self.schedule.covers(Self.date("2025-12-01")))
        #expect(try !self.schedule.covers(Self.date("2025-12-02")))
    }

    @Test func `covers the dates that were asked for`() throws {
        let weekend = try Self.date("2025-11-29")...Self.date("2025-11-30")
        let empty = try SessionSchedule([], covering: weekend)
        #expect(empty.covers(weekend.lowerBound) && empty.covers(weekend.upperBound))
        #expect(!empty.covers(self.friday.date) && !empty.covers(self.monday.date))
        #expect(try !SessionSchedule([]).covers(weekend.lowerBound))
    }

    @Test func `lists sessions by their close`() {
        let close = self.friday.close
        let later = close + .nanoseconds(1)
        let end = self.monday.close
        #expect(Array(self.schedule.sessions(closingAfter: self.wednesday.close, upTo: close)) == [self.friday])
        #expect(self.schedule.sessions(closingAfter: self.wednesday.close, upTo: close - .nanoseconds(1)) == [])
        #expect(Array(self.schedule.sessions(closingAfter: close - .nanoseconds(1), upTo: close)) == [self.friday])
        #expect(Array(self.schedule.sessions(closingAfter: close, upTo: end)) == [self.monday])
        #expect(self.schedule.sessions(closingAfter: later, upTo: later) == [])
        #expect(self.schedule.sessions(closingAfter: end, upTo: close) == [])
        #expect(
            Array(
                self.schedule.sessions(closingAfter: Timestamp(nanoseconds: .min), upTo: Timestamp(nanoseconds: .max))
            )
                == [self.wednesday, self.friday, self.monday]
        )
    }

    @Test func `lists boundaries after the first instant and up to the last`() {
        let open = SessionBoundary(kind: .open, session: self.friday)
        let close = SessionBoundary(kind: .close, session: self.friday)
        #expect(open.at == self.friday.open && close.at == self.friday.close)

        #expect(self.schedule.boundaries(after: self.wednesday.close, upTo: self.friday.close) == [open, close])
        #expect(self.schedule.boundaries(after: open.at - .nanoseconds(1), upTo: open.at) == [open])
        #expect(self.schedule.boundaries(after: open.at, upTo: open.at + .seconds(60)) == [])
        #expect(self.schedule.boundaries(after: open.at, upTo: close.at) == [close])
        #expect(self.schedule.boundaries(after: open.at, upTo: close.at - .nanoseconds(1)) == [])
        #expect(self.schedule.boundaries(after: close.at, upTo: close.at) == [])
        #expect(self.schedule.boundaries(after: close.at, upTo: open.at) == [])
    }

    @Test(arguments: [1, 17, 390, 1440, 10_000])
    func `stretches that follow one another give every boundary once and in order`(minutes: Int) throws {
        let sessions = MarketCalendar.sessions(in: try Self.date("2025-01-01")...Self.date("2025-12-31"))
        let schedule = try SessionSchedule(sessions)
        let last = try #require(sessions.last)
        var now = try #require(sessions.first).open - .nanoseconds(1)
        var boundaries: [SessionBoundary] = []
        // A fine step through the whole year would take long: a month shows as much.
        let end = minutes < 300 ? sessions[20].close : last.close
        while now < end {
            let next = now + .seconds(minutes * 60)
            boundaries += schedule.boundaries(after: now, upTo: next)
            now = next
        }
        let expected = sessions.filter { $0.close <= now }.flatMap { [$0.open, $0.close] }
        #expect(boundaries.prefix(expected.count).map(\.at) == expected)
        #expect(expected.count >= 42)
        #expect(boundaries.enumerated().allSatisfy { ($0.element.kind == .open) == $0.offset.isMultiple(of: 2) })
    }

    @Test func `a close comes before an open at the same instant`() throws {
        let first = TradingSession(
            date: self.wednesday.date,
            open: Timestamp(seconds: 100),
            close: Timestamp(seconds: 200)
        )
        let second = TradingSession(
            date: self.friday.date,
            open: Timestamp(seconds: 200),
            close: Timestamp(seconds: 300)
        )
        let schedule = try SessionSchedule([first, second])
        let boundaries = schedule.boundaries(after: Timestamp(seconds: 100), upTo: Timestamp(seconds: 200))
        #expect(boundaries.map(\.kind) == [.close, .open])
    }

    @Test func `finds the next open and close`() {
        #expect(self.schedule.nextOpen(after: self.wednesday.open - .nanoseconds(1)) == self.wednesday.open)
        #expect(self.schedule.nextOpen(after: self.wednesday.open) == self.friday.open)
        #expect(self.schedule.nextClose(after: self.wednesday.open) == self.wednesday.close)
        #expect(self.schedule.nextClose(after: self.wednesday.close) == self.friday.close)
        #expect(self.schedule.nextOpen(after: self.monday.open) == nil)
        #expect(self.schedule.nextClose(after: self.monday.open) == self.monday.close)
        #expect(self.schedule.nextClose(after: self.monday.close) == nil)
    }

    @Test func `refuses a list that is not in order`() throws {
        #expect(throws: SessionScheduleError.unsorted(self.wednesday, after: self.friday)) {
            try SessionSchedule([self.friday, self.wednesday])
        }
        #expect(throws: SessionScheduleError.unsorted(self.friday, after: self.friday)) {
            try SessionSchedule([self.friday, self.friday])
        }
        let backwards = TradingSession(
            date: self.friday.date,
            open: self.friday.close,
            close: self.friday.open
        )
        #expect(throws: SessionScheduleError.opensAfterClose(backwards)) { try SessionSchedule([backwards]) }
        let early = TradingSession(
            date: self.friday.date,
            open: self.wednesday.close - .nanoseconds(1),
            close: self.friday.close
        )
        #expect(throws: SessionScheduleError.overlapping(early, previous: self.wednesday)) {
            try SessionSchedule([self.wednesday, early])
        }
        let covered = self.wednesday.date...self.friday.date
        #expect(throws: SessionScheduleError.outsideCoveredDates(self.monday, covered: covered)) {
            try SessionSchedule([self.wednesday, self.monday], covering: covered)
        }
    }

    @Test func `an error names the session and the remedy`() {
        let error = SessionScheduleError.unsorted(self.wednesday, after: self.friday)
        #expect(
            error.description
                == "session 2025-11-26 follows 2025-11-28; list each date once, in ascending order"
        )
    }

    private static func date(_ text: String) throws -> CalendarDate {
        try #require(CalendarDate(text))
    }
}
