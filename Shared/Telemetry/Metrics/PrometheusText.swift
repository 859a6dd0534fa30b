/// The text format's rules for names and escapes.
enum PrometheusText {
    /// Letters, digits, `_` and `:`, not starting with a digit; anything else becomes `_`.
    static func metricName(_ label: String) -> String {
        self.name(label, allowingColon: true)
    }

    /// As a metric's name, but without `:`.
    static func labelName(_ label: String) -> String {
        self.name(label, allowingColon: false)
    }

    static func helpText(_ text: String) -> String {
        self.escaped(text, quotes: false)
    }

    static func labelValue(_ text: String) -> String {
        self.escaped(text, quotes: true)
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        let text = value.description
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func name(_ label: String, allowingColon: Bool) -> String {
        var name = ""
        for scalar in label.unicodeScalars {
            let isDigit = "0"..."9" ~= scalar
            if isDigit && name.isEmpty {
                name.append("_")
            }
            let isAllowed =
                isDigit || "a"..."z" ~= scalar || "A"..."Z" ~= scalar || (scalar == ":" && allowingColon)
            name.unicodeScalars.append(isAllowed ? scalar : "_")
        }
        return name.isEmpty ? "_" : name
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
