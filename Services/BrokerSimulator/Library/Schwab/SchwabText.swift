import TradingCore

extension Timestamp {
    /// `2026-11-23T14:30:07+0000`, with three more digits when there are milliseconds.
    var schwabText: String {
        let text = Timestamp(milliseconds: self.milliseconds).description.dropLast()
        // `.5` stands for 500 milliseconds.
        let missing = text.utf8.count > 19 ? 23 - text.utf8.count : 0
        return "\(text)\(String(repeating: "0", count: missing))+0000"
    }

    /// Reads RFC 3339, the offset with or without its colon.
    init?(schwabText text: String) {
        guard let timestamp = Timestamp(text) ?? Timestamp("\(text.dropLast(2)):\(text.suffix(2))") else { return nil }
        self = timestamp
    }

    /// The time of an HTTP header, `Mon, 23 Nov 2026 14:30:07 GMT`: whole seconds, rounded down.
    var httpDate: String {
        let text = self.description
        guard let date = CalendarDate(text.prefix(10)) else { return "" }
        let weekday = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][date.weekday.rawValue - 1]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let time = text.dropFirst(11).prefix(8)
        return "\(weekday), \(text.dropFirst(8).prefix(2)) \(months[date.month - 1]) \(date.year) \(time) GMT"
    }

    /// `2026-11-23 09:30:07.000`, the clock of New York without its offset.
    var easternText: String {
        let local = Timestamp(milliseconds: self.milliseconds) + .seconds(NewYorkTime.secondsFromUTC(at: self))
        let text = local.schwabText.dropLast(5)
        return "\(text.prefix(10)) \(text.dropFirst(11))\(text.utf8.count > 19 ? "" : ".000")"
    }
}

extension String {
    /// All but the letters, digits and marks that need none are escaped.
    var percentEncoded: String {
        var bytes: [UInt8] = []
        for byte in self.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                bytes += Array("%\(byte < 16 ? "0" : "")\(digits)".utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    var htmlEscaped: String {
        self.map { character in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            case "'": "&#39;"
            default: String(character)
            }
        }.joined()
    }
}

extension [UInt8] {
    var base64Text: String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: self.count, by: 3) {
            let group = self[start..<Swift.min(start + 3, self.count)]
            let word = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for place in 0..<4 {
                let digit = alphabet[word >> (18 - 6 * place) & 63]
                bytes.append(place <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
