import TestSupport
import Testing

/// The bars of a test: SYMBOL to the text of its file.
struct BarTexts: Sendable {
    var files: [String: String]

    static let header = "timestamp,open,high,low,close,volume"

    /// As a folder of `SYMBOL.csv`.
    func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for (symbol, text) in self.files { try folder.write(text, to: "\(symbol).csv") }
        return folder
    }
}

/// The sample that comes with the system.
enum SampleBars {
    static var folder: String {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        return root + "/Services/BrokerSimulator/SampleBars"
    }

    static func whole() throws -> BarTexts {
        let names = Files.names(in: Self.folder).filter { $0.hasSuffix(".csv") }
        try #require(names.count == 5, "the sample bars are not in \(Self.folder)")
        return BarTexts(
            files: try names.reduce(into: [:]) { files, name in
                let text = try #require(Files.text("\(Self.folder)/\(name)"))
                files[String(name.dropLast(4))] = text
            }
        )
    }

    /// The first sessions of AAPL, GOOG, IBM and MSFT: every kind of exit is among what they lead to.
    static func small(sessions: Int = 150) throws -> BarTexts {
        var bars = try Self.whole()
        bars.files["FB"] = nil
        for (symbol, text) in bars.files {
            bars.files[symbol] = text.split(separator: "\n").prefix(sessions + 1).joined(separator: "\n") + "\n"
        }
        return bars
    }
}
