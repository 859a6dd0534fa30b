import TradingCore

/// One result of the benchmark.
struct Figure: JSONEncodable {
    /// What a ratio was made of.
    struct Side: JSONEncodable {
        var name: String
        var value: Double
        var unit: String

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("name", self.name)
                $0.field("value", Decimal(self.value))
                $0.field("unit", self.unit)
            }
        }
    }

    var name: String
    /// For people.
    var title: String
    var value: Double
    var unit: String
    var sampleCount: Int
    /// A ratio's two sides.
    var sides: (Side, Side)?
    /// What the value should not exceed.
    var goal: Double?
    var command = ""

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("name", self.name)
            $0.field("value", Decimal(self.value))
            $0.field("unit", self.unit)
            $0.field("samples", self.sampleCount)
            $0.field("numerator", self.sides?.0)
            $0.field("denominator", self.sides?.1)
            $0.field("goal", self.goal.map { Decimal($0) })
            $0.field("command", self.command)
        }
    }

    /// A line of the table.
    var line: String {
        var line = "  \(self.title.padded(to: 56)) \(Decimal(self.value).text.paddedLeft(to: 10)) \(self.unit)"
        if let (numerator, denominator) = self.sides {
            line += "  = \(Decimal(numerator.value).text) : \(Decimal(denominator.value).text) \(denominator.unit)"
        }
        if let goal { line += "  (goal ≤ \(Decimal(goal).text), \(self.value <= goal ? "met" : "missed"))" }
        return line
    }
}

/// A measured number with at most three significant decimals, fewer where it is large.
struct Decimal: JSONEncodable {
    let text: String

    init(_ value: Double) {
        let digits = value < 10 ? 3 : value < 1000 ? 1 : 0
        var unit: Int64 = 1
        for _ in 0..<digits { unit *= 10 }
        let scaled = Int64((value * Double(unit)).rounded())
        let fraction = String(scaled % unit + unit).dropFirst()
        self.text = digits == 0 ? String(scaled) : "\(scaled / unit).\(fraction)"
    }

    func write(to writer: inout JSONWriter) {
        writer.value { $0.append(contentsOf: self.text.utf8) }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(width - self.count, 0))
    }

    fileprivate func paddedLeft(to width: Int) -> String {
        String(repeating: " ", count: max(width - self.count, 0)) + self
    }
}
