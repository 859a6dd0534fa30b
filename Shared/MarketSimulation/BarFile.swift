package import TradingCore

/// The bars of one symbol, as one CSV file holds them.
package struct BarFile: Hashable, Sendable {
    package enum Frequency: String, Hashable, Sendable {
        case daily
        case intraday
    }

    package static let header = "timestamp,open,high,low,close,volume"

    /// The path as it was given.
    package let path: String
    package let symbol: Symbol
    package let frequency: Frequency
    /// In ascending order of time, at least one. A daily bar's timestamp is its date's midnight in New York.
    package let bars: [Bar]
    /// The bars on days on which the US exchanges are closed all day, if there are any.
    package let closedDays: ClosedDays?

    package struct ClosedDays: Hashable, Sendable {
        /// The line and date of the first such bar.
        package var line: Int
        package var date: CalendarDate
        /// How many bars there are.
        package var count: Int
    }

    /// Agents look up to a year ahead, and every date they come across has to be one that can be written and read.
    package static let years = 1901...2198

    /// Reads the text of `SYMBOL.csv`. Lines may end in CRLF; blank lines may follow the last bar.
    ///
    /// - Parameters:
    ///   - path: Ends in the file's name, which gives the symbol.
    ///   - strict: Refuses every open or close outside low to high. Vendors round the four prices one by one, so such
    ///     bars are common, and by default those that are no more than a cent or a hundredth outside are taken.
    package init(path: String, bytes: [UInt8], strict: Bool = false) throws(BarFileError) {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard name.hasSuffix(".csv"), let symbol = Symbol(name.dropLast(4)) else {
            throw BarFileError(
                file: path,
                problem: "\"\(name)\" is not named after a ticker symbol",
                remedy: "name it SYMBOL.csv, in capitals, such as AAPL.csv"
            )
        }
        var reader = BarFileReader(path: path, strict: strict)
        try reader.read(bytes)
        guard let frequency = reader.frequency else {
            throw BarFileError(
                file: path,
                problem: "there are no bars",
                remedy: "add lines after the header or remove it"
            )
        }
        self.path = path
        self.symbol = symbol
        self.frequency = frequency
        self.bars = reader.bars
        self.closedDays = reader.closedDays
    }
}

private struct BarFileReader {
    let path: String
    let strict: Bool
    var frequency: BarFile.Frequency?
    var bars: [Bar] = []
    var closedDays: BarFile.ClosedDays?
    private var line = 0
    private var lastDate: (date: CalendarDate, isClosed: Bool)?

    init(path: String, strict: Bool) {
        self.path = path
        self.strict = strict
    }

    mutating func read(_ bytes: [UInt8]) throws(BarFileError) {
        // Spreadsheets put a byte order mark first.
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        var firstBlankLine: Int?
        var start = text.startIndex
        while start < text.endIndex {
            let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.endIndex
            var row = text[start..<end]
            if row.last == UInt8(ascii: "\r") { row.removeLast() }
            start = end < text.endIndex ? end + 1 : end
            self.line += 1
            if self.line == 1 {
                try self.checkHeader(String(decoding: row, as: UTF8.self))
            } else if row.isEmpty {
                firstBlankLine = firstBlankLine ?? self.line
            } else if let firstBlankLine {
                self.line = firstBlankLine
                throw self.failure("a blank line stands between bars", "remove it")
            } else {
                try self.append(String(decoding: row, as: UTF8.self))
            }
        }
        if self.line == 0 {
            throw BarFileError(file: self.path, problem: "the file is empty", remedy: "begin it with \(BarFile.header)")
        }
    }

    private func checkHeader(_ header: String) throws(BarFileError) {
        guard header != BarFile.header else { return }
        let expected = BarFile.header.split(separator: ",")
        let found = header.split(separator: ",", omittingEmptySubsequences: false)
        let missing = expected.filter { !found.contains($0) }
        let extra = found.filter { !expected.contains($0) }
        let problem =
            if !missing.isEmpty {
                "the header lacks the column \(missing.joined(separator: ", "))"
                    + (extra.isEmpty ? "" : " and has \"\(extra.joined(separator: ",").prefix(60))\"")
            } else if !extra.isEmpty {
                "the header has the extra column \"\(extra.joined(separator: ",").prefix(60))\""
            } else {
                "the header's columns are repeated or in another order"
            }
        throw self.failure(problem, "make it exactly \(BarFile.header)")
    }

    private mutating func append(_ row: String) throws(BarFileError) {
        let fields = row.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count == 6 else {
            throw self.failure("\(fields.count) columns stand here instead of 6", "complete or remove the line")
        }
        let timestamp = try self.timestamp(fields[0])
        let bar = Bar(
            timestamp: timestamp,
            open: try self.price(fields[1], "open"),
            high: try self.price(fields[2], "high"),
            low: try self.price(fields[3], "low"),
            close: try self.price(fields[4], "close"),
            volume: try self.volume(fields[5])
        )
        guard bar.high >= bar.low else {
            throw self.failure("high \(bar.high) is below low \(bar.low)", "correct the line")
        }
        for (column, price) in [("open", bar.open), ("close", bar.close)] {
            let distance = max(price - bar.high, bar.low - price)
            let tolerance = self.strict ? .zero : max(Price(raw: Price.unit / 100), Price(raw: price.raw / 100))
            guard distance <= tolerance else {
                throw self.failure("\(column) \(price) is outside low to high", "correct the line")
            }
        }
        if let previous = self.bars.last {
            guard timestamp != previous.timestamp else {
                throw self.failure("\(fields[0]) stands twice", "keep one of the two lines")
            }
            guard timestamp > previous.timestamp else {
                throw self.failure("\(fields[0]) is earlier than the line before", "sort the lines by time, ascending")
            }
        }
        self.bars.append(bar)
        self.noteClosedDay(timestamp)
    }

    private mutating func noteClosedDay(_ timestamp: Timestamp) {
        let date = NewYorkTime.date(of: timestamp)
        if self.lastDate?.date != date { self.lastDate = (date, MarketCalendar.session(on: date) == nil) }
        guard self.lastDate?.isClosed == true else { return }
        self.closedDays = self.closedDays ?? .init(line: self.line, date: date, count: 0)
        self.closedDays?.count += 1
    }

    private mutating func timestamp(_ text: Substring) throws(BarFileError) -> Timestamp {
        let timestamp: Timestamp
        let frequency: BarFile.Frequency
        if let date = CalendarDate(text) {
            timestamp = NewYorkTime.timestamp(on: date, hour: 0)
            frequency = .daily
        } else if let instant = Timestamp(text) {
            timestamp = instant
            frequency = .intraday
        } else {
            throw self.failure(
                "\"\(text.prefix(40))\" is neither a date nor a time with its offset",
                "write daily bars as 2009-01-02 and intraday bars as 2009-01-02T09:30:00-05:00"
            )
        }
        guard BarFile.years.contains(NewYorkTime.date(of: timestamp).year) else {
            throw self.failure(
                "\(text.prefix(40)) lies outside the years \(BarFile.years.lowerBound) to \(BarFile.years.upperBound)",
                "correct or remove the line"
            )
        }
        if let known = self.frequency, known != frequency {
            throw self.failure(
                "\(frequency.rawValue) and \(known.rawValue) bars are mixed",
                "keep one kind in the folder"
            )
        }
        self.frequency = frequency
        return timestamp
    }

    private func price(_ text: Substring, _ column: String) throws(BarFileError) -> Price {
        guard let price = Price(text) ?? Self.shortened(text).flatMap(Price.init) else {
            throw self.failure(
                "\(column) \"\(text.prefix(40))\" is not a number up to 92 billion",
                "write a decimal such as 19.66"
            )
        }
        guard price > .zero else {
            throw self.failure("\(column) \(price) is not a positive price", "correct the line")
        }
        return price
    }

    /// A plain decimal without its digits past the eighth place, where fixed-point numbers end. Exports from binary
    /// floating point carry up to seventeen.
    private static func shortened(_ text: Substring) -> Substring? {
        guard let point = text.firstIndex(of: "."),
            text.utf8.allSatisfy({ $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") })
        else { return nil }
        let end = text.index(point, offsetBy: 9, limitedBy: text.endIndex) ?? text.endIndex
        guard text[end...].allSatisfy({ ("0"..."9").contains($0) }) else { return nil }
        return text[..<end]
    }

    private func volume(_ text: Substring) throws(BarFileError) -> Int64 {
        guard let volume = Quantity(text) else {
            throw self.failure(
                "volume \"\(text.prefix(40))\" is not a whole number of shares up to 92 billion",
                "write one such as 26643400"
            )
        }
        guard volume >= .zero else {
            throw self.failure("volume \(volume) is negative", "write whole shares such as 26643400")
        }
        guard volume.raw % Quantity.unit == 0 else {
            throw self.failure("volume \(volume) is not whole", "write whole shares such as 26643400")
        }
        return volume.raw / Quantity.unit
    }

    private func failure(_ problem: String, _ remedy: String) -> BarFileError {
        BarFileError(file: self.path, line: self.line, problem: problem, remedy: remedy)
    }
}
