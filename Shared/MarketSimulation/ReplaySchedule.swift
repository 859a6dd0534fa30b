package import TradingCore

/// One price of one symbol at one moment of a replay.
package struct ReplayTick: Hashable, Sendable {
    /// The symbol's place among the replay's symbols.
    package var slot: Int
    package var price: Price
    /// The symbol's first tick of its session.
    package var isOpening: Bool
    package var at: Timestamp

    package init(slot: Int, price: Price, isOpening: Bool, at: Timestamp) {
        self.slot = slot
        self.price = price
        self.isOpening = isOpening
        self.at = at
    }
}

package enum ReplayStep: Hashable, Sendable {
    case tick(ReplayTick)
    /// Comes after the session's last tick: day orders expire.
    case sessionClosed(at: Timestamp)
    /// The bar may be seen from now on.
    case barComplete(slot: Int, bar: Bar, at: Timestamp)
}

/// Bars in the order in which the market would have shown them.
///
/// A bar is four ticks: open, then low and high (high first when the close is below the open), then close. The bars
/// of one time share their four phases; within a phase symbols tick in alphabetical order. A daily bar's ticks come at
/// its session's open, at 3/13 and 9/13 of it (11:00 and 14:00 of a full day) and a second before its close; an
/// intraday bar's at its start, at one and two thirds and a second before its end.
package struct ReplaySchedule: Hashable, Sendable {
    package let symbols: [Symbol]
    /// Ascending and apart from each other. A date on which there are bars is a session, whatever the calendar says.
    package private(set) var sessions: [TradingSession]

    private let bars: [[Bar]]
    private let frequency: BarFolder.Frequency
    /// All bars by time and slot.
    private let entries: [Entry]
    /// Where each session's bars lie in `entries`.
    private var ranges: [Range<Int>]

    private struct Entry: Hashable {
        var slot: Int
        var bar: Int
    }

    package init(_ folder: BarFolder) {
        let bars = folder.bars
        let entries = bars.indices
            .flatMap { slot in bars[slot].indices.map { Entry(slot: slot, bar: $0) } }
            .sorted {
                let (left, right) = (bars[$0.slot][$0.bar].timestamp, bars[$1.slot][$1.bar].timestamp)
                return left == right ? $0.slot < $1.slot : left < right
            }
        var sessions: [TradingSession] = []
        var ranges: [Range<Int>] = []
        var start = entries.startIndex
        while start < entries.endIndex {
            let first = bars[entries[start].slot][entries[start].bar].timestamp
            let date = NewYorkTime.date(of: first)
            let end =
                entries[start...].firstIndex { NewYorkTime.date(of: bars[$0.slot][$0.bar].timestamp) != date }
                ?? entries.endIndex
            let last = bars[entries[end - 1].slot][entries[end - 1].bar].timestamp
            sessions.append(Self.session(on: date, firstBar: first, lastBar: last, frequency: folder.frequency))
            ranges.append(start..<end)
            start = end
        }
        self.symbols = folder.symbols
        self.bars = bars
        self.frequency = folder.frequency
        self.entries = entries
        self.ranges = ranges
        self.sessions = sessions
    }

    /// Lets a session close early. Its intraday bars from then on are left out.
    ///
    /// - Returns: False, with nothing changed, unless `close` lies in the session and after its first bar's start.
    package mutating func shorten(session index: Int, to close: Timestamp) -> Bool {
        let session = self.sessions[index]
        guard let first = self.ranges[index].first.map({ self.bar(self.entries[$0]).timestamp }),
            max(session.open, first) < close, close < session.close
        else { return false }
        self.sessions[index] = TradingSession(date: session.date, open: session.open, close: close)
        if case .intraday = self.frequency {
            let start = self.ranges[index].lowerBound
            let kept = self.entries[self.ranges[index]].prefix { self.bar($0).timestamp < close }.count
            self.ranges[index] = start..<(start + kept)
        }
        return true
    }

    /// The steps of the session at this place in `sessions`, in order; their times never run backwards.
    package func steps(ofSession index: Int) -> [ReplayStep] {
        let session = self.sessions[index]
        let entries = self.entries[self.ranges[index]]
        var steps: [ReplayStep] = []
        steps.reserveCapacity(entries.count * 5 + 1)
        var hasTicked = [Bool](repeating: false, count: self.symbols.count)
        var start = entries.startIndex
        while start < entries.endIndex {
            let timestamp = self.bar(entries[start]).timestamp
            let end = entries[start...].firstIndex { self.bar($0).timestamp != timestamp } ?? entries.endIndex
            let group = entries[start..<end]
            let times = self.tickTimes(of: timestamp, in: session)
            for phase in 0..<4 {
                for entry in group {
                    steps.append(
                        .tick(
                            ReplayTick(
                                slot: entry.slot,
                                price: Self.price(of: self.bar(entry), phase: phase),
                                isOpening: !hasTicked[entry.slot],
                                at: times[phase]
                            )
                        )
                    )
                    hasTicked[entry.slot] = true
                }
            }
            var completion = session.close
            if end == entries.endIndex {
                steps.append(.sessionClosed(at: session.close))
            } else if case .intraday(let interval) = self.frequency {
                completion = timestamp + interval
            }
            for entry in group {
                steps.append(.barComplete(slot: entry.slot, bar: self.bar(entry), at: completion))
            }
            start = end
        }
        return steps
    }

    private func bar(_ entry: Entry) -> Bar { self.bars[entry.slot][entry.bar] }

    private static func price(of bar: Bar, phase: Int) -> Price {
        switch phase {
        case 0: bar.open
        case 1: bar.close < bar.open ? bar.high : bar.low
        case 2: bar.close < bar.open ? bar.low : bar.high
        default: bar.close
        }
    }

    private func tickTimes(of timestamp: Timestamp, in session: TradingSession) -> [Timestamp] {
        switch self.frequency {
        case .daily:
            let minutes = (session.close - session.open).components.seconds / 60
            return [
                session.open, session.open + .seconds(minutes * 3 / 13 * 60),
                session.open + .seconds(minutes * 9 / 13 * 60), session.close - .seconds(1),
            ]
        case .intraday(let interval):
            return [
                timestamp, timestamp + interval / 3, timestamp + interval * 2 / 3, timestamp + interval - .seconds(1),
            ]
        }
    }

    private static func session(
        on date: CalendarDate,
        firstBar: Timestamp,
        lastBar: Timestamp,
        frequency: BarFolder.Frequency
    ) -> TradingSession {
        let usual =
            MarketCalendar.session(on: date)
            ?? TradingSession(
                date: date,
                open: NewYorkTime.timestamp(on: date, hour: 9, minute: 30),
                close: NewYorkTime.timestamp(on: date, hour: 16)
            )
        guard case .intraday(let interval) = frequency else { return usual }
        return TradingSession(
            date: date,
            open: min(usual.open, firstBar),
            close: max(usual.close, lastBar + interval)
        )
    }
}
