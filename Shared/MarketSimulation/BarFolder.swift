package import TradingCore

/// All bars of a replay: one file a symbol, all daily or all intraday.
package struct BarFolder: Hashable, Sendable {
    package enum Frequency: Hashable, Sendable {
        case daily
        /// The smallest distance between two bar times of the folder, at least four seconds.
        case intraday(interval: Duration)
    }

    /// Alphabetical. A symbol's place here is its slot everywhere in the simulation.
    package let symbols: [Symbol]
    /// By slot; each in ascending order of time and not empty.
    package let bars: [[Bar]]
    package let frequency: Frequency

    /// - Throws: ``BarFileError`` when there is no file, when two hold the same symbol or when daily and intraday mix.
    package init(files: [BarFile]) throws(BarFileError) {
        let files = files.sorted { $0.symbol < $1.symbol }
        guard let first = files.first else {
            throw BarFileError(file: "bars", problem: "there is no file", remedy: "give at least one SYMBOL.csv")
        }
        for (file, next) in zip(files, files.dropFirst()) {
            guard file.symbol != next.symbol else {
                throw BarFileError(
                    file: next.path,
                    problem: "\(file.path) holds the same symbol",
                    remedy: "keep one of the two"
                )
            }
            guard file.frequency == next.frequency else {
                throw BarFileError(
                    file: next.path,
                    problem:
                        "its bars are \(next.frequency.rawValue), those of \(file.path) \(file.frequency.rawValue)",
                    remedy: "keep one kind in the folder"
                )
            }
        }
        self.symbols = files.map(\.symbol)
        self.bars = files.map(\.bars)
        switch first.frequency {
        case .daily: self.frequency = .daily
        case .intraday:
            let interval = Self.smallestDistance(self.bars)
            guard interval >= .seconds(4) else {
                throw BarFileError(
                    file: first.path,
                    problem: "bar times of the folder lie \(interval) apart",
                    remedy: "give bars at least 4 seconds long"
                )
            }
            self.frequency = .intraday(interval: interval)
        }
    }

    /// What a person should know of bars on days without trading; nil when there are none.
    static func closedDaysWarning(_ files: [BarFile]) -> String? {
        guard let file = files.first(where: { $0.closedDays != nil }), let first = file.closedDays else { return nil }
        let count = files.reduce(0) { $0 + ($1.closedDays?.count ?? 0) }
        return
            "\(file.path):\(first.line): the US exchanges are closed on \(first.date); bars of the folder on such days: "
            + "\(count). Each day is replayed as a session; remove the bars unless your data follows another calendar."
    }

    /// One minute when there is only one bar time.
    private static func smallestDistance(_ bars: [[Bar]]) -> Duration {
        let times = Set(bars.joined().map(\.timestamp)).sorted()
        return zip(times.dropFirst(), times).map { $0 - $1 }.min() ?? .seconds(60)
    }
}
