import TradingCore

/// Figures as people read them. What is rounded here is exact in the report's JSON.
enum Display {
    /// Lines without what would steer a terminal or change how it shows the rest.
    static func plain(_ text: String) -> String {
        let characters = text.unicodeScalars.map { scalar in
            let category = scalar.properties.generalCategory
            return scalar != "\n" && (category == .control || category == .format) ? " " : Character(scalar)
        }
        return String(characters)
    }

    /// Dollars to the cent with thousands separated: `-1,234.50`. Half a cent rounds away from zero.
    static func dollars(_ amount: some FixedPoint) -> String {
        Self.decimal(amount.raw, places: 2)
    }

    /// As `dollars`, with a plus sign before what is positive.
    static func signedDollars(_ amount: some FixedPoint) -> String {
        (amount.raw > 0 ? "+" : "") + Self.dollars(amount)
    }

    /// A share as a percentage: `3.42 %`.
    static func percent(_ rate: Rate) -> String {
        Self.decimal(rate.raw * 100, places: 2) + " %"
    }

    /// In seconds below two minutes, else in minutes and seconds.
    static func duration(_ duration: Duration) -> String {
        let seconds = duration.components.seconds
        return seconds < 120 ? "\(seconds) s" : "\(seconds / 60) min \(seconds % 60) s"
    }

    /// With their fraction: `2 s`, `0.5 s`.
    static func seconds(_ duration: Duration) -> String {
        let text = "\(duration / .seconds(1))"
        return (text.hasSuffix(".0") ? String(text.dropLast(2)) : text) + " s"
    }

    /// `1 restart`, `2 restarts`.
    static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }

    private static func decimal(_ raw: Int64, places: Int) -> String {
        var step = UInt64(Money.unit)
        for _ in 0..<places { step /= 10 }
        let rounded = (raw.magnitude + step / 2) / step
        var digits = Array(String(rounded))
        while digits.count <= places { digits.insert("0", at: 0) }
        let fraction = String(digits.suffix(places))
        var whole = ""
        for (index, digit) in digits.dropLast(places).reversed().enumerated() {
            if index > 0, index % 3 == 0 { whole.insert(",", at: whole.startIndex) }
            whole.insert(digit, at: whole.startIndex)
        }
        return (raw < 0 && rounded > 0 ? "-" : "") + whole + "." + fraction
    }
}
