import MarketSimulation
import Testing
import TradingCore

struct BarFileTests {
    private static let header = "timestamp,open,high,low,close,volume\n"

    private static func file(_ text: String, name: String = "bars/AAPL.csv", strict: Bool = false) throws -> BarFile {
        try BarFile(path: name, bytes: Array(text.utf8), strict: strict)
    }

    @Test func `reads daily bars exactly`() throws {
        let file = try Self.file(Self.header + "2009-01-02,85.88,91.04,85.16,90.7501,26643400\n")
        #expect(file.symbol == Symbol("AAPL"))
        #expect(file.frequency == .daily)
        let bar = try #require(file.bars.first)
        #expect(bar.timestamp == Timestamp("2009-01-02T05:00:00Z"))
        #expect(bar.open == Price("85.88"))
        #expect(bar.close == Price("90.7501"))
        #expect(bar.volume == 26_643_400)
    }

    @Test func `reads intraday bars with any offset`() throws {
        let file = try Self.file(
            Self.header + "2009-01-02T09:30:00-05:00,1,2,1,2,10\n2009-01-02T14:31:00Z,1,2,1,2,0\n"
        )
        #expect(file.frequency == .intraday)
        #expect(file.bars.map(\.timestamp.description) == ["2009-01-02T14:30:00Z", "2009-01-02T14:31:00Z"])
    }

    @Test(arguments: ["2009-01-02,1,2,1,2,10\r\n\r\n", "2009-01-02,1,2,1,2,10.0\n\n\n", "2009-01-02,1,2,1,2,10"])
    func `tolerates line ends of other systems and blank lines at the end`(_ rows: String) throws {
        let header = rows.contains("\r") ? "\u{FEFF}timestamp,open,high,low,close,volume\r\n" : Self.header
        #expect(try Self.file(header + rows).bars.count == 1)
    }

    @Test func `digits past the eighth decimal are dropped`() throws {
        let file = try Self.file(Self.header + "2009-01-02,27.309999465942383,28,27,27.5,10\n")
        #expect(file.bars.first?.open == Price("27.30999946"))
    }

    @Test func `an open or close outside low to high is refused when strict, and if it is no rounding`() throws {
        let text = Self.header + "2009-01-02,9.99,10.5,10,10.2,10\n"
        #expect(try Self.file(text).bars.count == 1)
        let error = #expect(throws: BarFileError.self) { try Self.file(text, strict: true) }
        #expect(error?.line == 2)
        // No vendor rounds like that.
        #expect(throws: BarFileError.self) { try Self.file(Self.header + "2009-01-02,9.8,10.5,10,10.2,10\n") }
        #expect(throws: BarFileError.self) { try Self.file(Self.header + "2009-01-02,3,2,1,2,3\n") }
        #expect(try Self.file(Self.header + "2009-01-02,0.06,0.07,0.06,0.05,10\n").bars.count == 1)
    }

    @Test(
        arguments: [
            ("", nil, "empty"),
            (header, nil, "no bars"),
            ("timestamp,open,high,low,close\n2009-01-02,1,2,1,2\n", 1, "lacks the column volume"),
            ("timestamp,open,high,low,close,volume,adj\n", 1, "extra column"),
            ("timestamp,open,high,low,close,vol\n", 1, "lacks the column volume"),
            ("Timestamp,open,high,low,close,volume\n", 1, "lacks the column timestamp"),
            ("timestamp,open,low,high,close,volume\n", 1, "another order"),
            (header + "2009-01-02,1,2,1,2\n", 2, "5 columns"),
            (header + "2009-01-02,1,2,1,2,10,7\n", 2, "7 columns"),
            (header + "2009-01-02,1,2,1,x2,10\n", 2, "close \"x2\" is not a number"),
            (header + "2009-01-02,1,,1,2,10\n", 2, "high \"\" is not a number"),
            (header + "2009-01-02,nan,2,1,2,10\n", 2, "open \"nan\" is not a number"),
            (header + "2009-01-02,1,2,0,2,10\n", 2, "low 0 is not a positive"),
            (header + "2009-01-02,1,2,-1,2,10\n", 2, "low -1 is not a positive"),
            (header + "2009-01-02,1,2,1,2,-10\n", 2, "negative"),
            (header + "2009-01-02,1,2,1,2,1.5\n", 2, "not whole"),
            (header + "2009-01-02,1,2,1,2,ten\n", 2, "volume \"ten\" is not a whole number"),
            (header + "2009-01-02,2,1,2,2,10\n", 2, "high 1 is below low 2"),
            (header + "2009-01-02,1,2,1,2,10\n2009-01-02,1,2,1,2,10\n", 3, "stands twice"),
            (header + "2009-01-05,1,2,1,2,10\n2009-01-02,1,2,1,2,10\n", 3, "earlier"),
            (header + "2009-02-30,1,2,1,2,10\n", 2, "neither a date"),
            (header + "1899-12-29,1,2,1,2,10\n", 2, "neither a date"),
            (header + "1900-12-31,1,2,1,2,10\n", 2, "outside the years 1901 to 2198"),
            (header + "2198-12-31,1,2,1,2,10\n2199-01-02,1,2,1,2,10\n", 3, "outside the years 1901 to 2198"),
            (header + "1901-01-01T04:59:00Z,1,2,1,2,10\n", 2, "outside the years 1901 to 2198"),
            (header + "2199-01-01T05:00:00Z,1,2,1,2,10\n", 2, "outside the years 1901 to 2198"),
            (header + "2009-01-02T09:30:00,1,2,1,2,10\n", 2, "neither a date"),
            (header + "2009-01-02,1,2,1,2,10\n2009-01-03T09:30:00Z,1,2,1,2,10\n", 3, "mixed"),
            (header + "2009-01-02,1,2,1,2,10\n\n2009-01-05,1,2,1,2,10\n", 3, "blank line"),
        ] as [(String, Int?, String)]
    )
    func `refuses a broken file with its line`(_ text: String, _ line: Int?, _ problem: String) {
        let error = #expect(throws: BarFileError.self) { try Self.file(text) }
        #expect(error?.file == "bars/AAPL.csv")
        #expect(error?.line == line)
        #expect(error?.problem.contains(problem) == true, "\(error?.description ?? "")")
        #expect(error?.remedy.isEmpty == false)
    }

    @Test func `bars at the ends of the years are taken`() throws {
        #expect(try Self.file(Self.header + "1901-01-02,1,2,1,2,10\n2198-12-31,1,2,1,2,10\n").bars.count == 2)
    }

    @Test func `bars on days without trading are counted, with the line of the first`() throws {
        // A Friday, a Saturday, Presidents' Day, a Tuesday.
        let days = ["2009-02-13", "2009-02-14", "2009-02-16", "2009-02-17"]
        let daily = try Self.file(Self.header + days.map { "\($0),1,2,1,2,10\n" }.joined())
        #expect(daily.bars.count == 4)
        #expect(daily.closedDays?.line == 3)
        #expect(daily.closedDays?.date == CalendarDate("2009-02-14"))
        #expect(daily.closedDays?.count == 2)
        let intraday = try Self.file(
            Self.header + "2009-02-13T15:59:00-05:00,1,2,1,2,1\n2009-02-14T10:00:00-05:00,1,2,1,2,1\n"
                + "2009-02-14T10:01:00-05:00,1,2,1,2,1\n"
        )
        #expect(intraday.closedDays?.line == 3)
        #expect(intraday.closedDays?.count == 2)
        #expect(try Self.file(Self.header + "2009-02-13,1,2,1,2,10\n").closedDays == nil)
    }

    @Test(arguments: ["aapl.csv", "A APL.csv", ".csv", "AAPL.txt", "ABCDEFGHIJKLMNOPQ.csv"])
    func `refuses a file that is not named after a symbol`(_ name: String) {
        let error = #expect(throws: BarFileError.self) {
            try Self.file(Self.header + "2009-01-02,1,2,1,2,10\n", name: name)
        }
        #expect(error?.description.hasPrefix("\(name): ") == true)
    }
}
