import Glibc
import MarketSimulation
import TestSupport
import Testing
import TradingCore

struct BarFolderTests {
    private static let header = "timestamp,open,high,low,close,volume\n"

    /// A new folder that holds these files.
    private static func folder(_ files: [String: String]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for (name, text) in files { try folder.write(text, to: name) }
        return folder
    }

    @Test func `reads all symbols in alphabetical order and leaves other files alone`() throws {
        let text = Self.header + "2009-01-02,1,2,1,2,10\n"
        let files = try Self.folder(["MSFT.csv": text, "AAPL.csv": text, "README.md": "x", ".X.csv": "x"])
        let folder = try BarFolder(path: files.path)
        #expect(folder.symbols.map(\.rawValue) == ["AAPL", "MSFT"])
        #expect(folder.frequency == .daily)
    }

    @Test func `a broken file is named with its path and line`() throws {
        let files = try Self.folder(["AAPL.csv": Self.header + "2009-01-02,1,2,1,oops,10\n"])
        let error = #expect(throws: BarFileError.self) { try BarFolder(path: files.path) }
        #expect(error?.description.hasPrefix("\(files.path)/AAPL.csv:2: close \"oops\"") == true)
    }

    @Test func `warns once of bars on days without trading, and takes them`() throws {
        let files = try Self.folder([
            "AAPL.csv": Self.header + "2009-01-02,1,2,1,2,10\n",
            "IBM.csv": Self.header + "2009-01-02,1,2,1,2,10\n2009-01-03,1,2,1,2,10\n",
            "MSFT.csv": Self.header + "2009-01-03,1,2,1,2,10\n2009-01-04,1,2,1,2,10\n",
        ])
        var warnings: [String] = []
        let folder = try BarFolder(path: files.path) { warnings.append($0) }
        #expect(folder.bars.map(\.count) == [1, 2, 2])
        #expect(warnings.count == 1)
        #expect(
            warnings.first?.hasPrefix(
                "\(files.path)/IBM.csv:3: the US exchanges are closed on 2009-01-03; bars of the folder on such days: 3."
            ) == true
        )
        let ordinary = try Self.folder(["AAPL.csv": Self.header + "2009-01-02,1,2,1,2,10\n"])
        _ = try BarFolder(path: ordinary.path) { Issue.record("\($0)") }
    }

    @Test func `refuses a folder without bars and one that is not there`() throws {
        let files = try Self.folder(["notes.txt": "x"])
        #expect(throws: BarFileError.self) { try BarFolder(path: files.path) }
        let error = #expect(throws: BarFileError.self) { try BarFolder(path: "/nonexistent/bars") }
        #expect(error?.problem.contains("No such file") == true)
    }

    @Test func `refuses daily and intraday files side by side`() throws {
        let files = try Self.folder([
            "AAPL.csv": Self.header + "2009-01-02,1,2,1,2,10\n",
            "MSFT.csv": Self.header + "2009-01-02T09:30:00-05:00,1,2,1,2,10\n",
        ])
        let error = #expect(throws: BarFileError.self) { try BarFolder(path: files.path) }
        #expect(error?.file == "\(files.path)/MSFT.csv")
    }

    @Test func `refuses a file that cannot be read as one`() throws {
        let files = try Self.folder([:])
        mkdir("\(files.path)/AAPL.csv", 0o755)
        let error = #expect(throws: BarFileError.self) { try BarFolder(path: files.path) }
        #expect(error?.problem.contains("cannot be read") == true)
    }

    @Test func `the interval is the smallest distance in the folder`() throws {
        let files = [
            try Bars.file("AAPL", ["2009-01-02T09:30:00-05:00,1,1,1,1,1", "2009-01-02T09:40:00-05:00,1,1,1,1,1"]),
            try Bars.file("MSFT", ["2009-01-02T09:35:00-05:00,1,1,1,1,1"]),
        ]
        #expect(try BarFolder(files: files).frequency == .intraday(interval: .seconds(300)))
    }

    @Test func `refuses bars too short for four ticks`() throws {
        let file = try Bars.file(
            "AAPL",
            ["2009-01-02T09:30:00-05:00,1,1,1,1,1", "2009-01-02T09:30:03-05:00,1,1,1,1,1"]
        )
        #expect(throws: BarFileError.self) { try BarFolder(files: [file]) }
    }
}
