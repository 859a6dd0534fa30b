import MarketSimulation
import TradingCore

/// Short ways to write down bars, prices and orders.
enum Bars {
    static func file(_ symbol: String, _ rows: [String]) throws -> BarFile {
        let text = ([BarFile.header] + rows).joined(separator: "\n")
        return try BarFile(path: "\(symbol).csv", bytes: Array(text.utf8))
    }

    static func folder(_ rows: [String: [String]]) throws -> BarFolder {
        try BarFolder(files: rows.map { try Self.file($0.key, $0.value) })
    }
}

func price(_ text: String) -> Price { Price(text) ?? .zero }
func money(_ text: String) -> Money { Money(text) ?? .zero }
