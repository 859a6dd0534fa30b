/// One fault, ordered: what it strikes, which of these, and how often.
///
/// Written as `fault:target`, with `:after=<n>`, `:every=<n>` and `:times=<n>` behind it where it is not to strike each
/// one: the first `after` are spared, of the rest the first and then every `every`-th is struck, `times` at most. Some
/// faults take `:seconds=<n>` or `:percent=<n>` too.
package struct FaultOrder: Hashable, Sendable, CustomStringConvertible {
    enum Parameter: String {
        /// Real ones, with up to three decimals; of a clock they may be negative.
        case seconds
        /// 1 to 99.
        case percent
    }

    package var fault: Fault
    package var target: FaultTarget
    package var after = 0
    package var every = 1
    package var times = Int.max
    /// Milliseconds or percent; 0 for a fault that takes neither.
    private var amount: Int64

    /// For the time that the fault takes. Real time, in which the replay stands still.
    var duration: Duration { .milliseconds(self.amount) }
    /// For the part of an order that it lets through, over 0 and below 100.
    var percent: Int64 { self.amount }

    package init(_ text: some StringProtocol) throws(BrokerSimulatorError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard let fault = Fault(rawValue: String(parts[0])) else {
            let names = Fault.allCases.map(\.rawValue).joined(separator: ", ")
            throw Self.refusal(of: text, "\"\(parts[0].prefix(40))\" is no fault. There are \(names)")
        }
        let targets = fault.targets.map(\.rawValue).joined(separator: ", ")
        guard parts.count > 1, let target = FaultTarget(rawValue: String(parts[1])), fault.targets.contains(target)
        else {
            let found = parts.count > 1 ? "\"\(parts[1].prefix(40))\" is nothing that" : "there is no target that"
            throw Self.refusal(of: text, "\(found) \(fault.rawValue) strikes. It strikes \(targets)")
        }
        self.fault = fault
        self.target = target
        self.amount = fault.parameter?.default ?? 0
        for part in parts.dropFirst(2) { try self.take(part, of: text) }
    }

    private mutating func take(_ part: some StringProtocol, of text: some StringProtocol) throws(BrokerSimulatorError) {
        let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(sides[0])
        let value = sides.count > 1 ? String(sides[1]) : ""
        switch name {
        case "after", "every", "times":
            let least = name == "after" ? 0 : 1
            guard let number = Int(value), number >= least else {
                throw Self.refusal(of: text, "\(name) takes a whole number from \(least) up, such as \(name)=3")
            }
            switch name {
            case "after": self.after = number
            case "every": self.every = number
            default: self.times = number
            }
        case _ where name == self.fault.parameter?.name.rawValue: try self.takeAmount(value, of: text)
        default:
            let own = self.fault.parameter.map { ", \($0.name.rawValue)" } ?? ""
            throw Self.refusal(
                of: text,
                "\"\(part.prefix(40))\" is no parameter of \(self.fault.rawValue). It takes after, every, times\(own)"
            )
        }
    }

    private mutating func takeAmount(_ value: String, of text: some StringProtocol) throws(BrokerSimulatorError) {
        switch self.fault.parameter?.name {
        case .percent:
            guard let percent = Int64(value), (1...99).contains(percent) else {
                throw Self.refusal(of: text, "percent takes a whole number from 1 to 99, such as percent=40")
            }
            self.amount = percent
        default:
            let least: Int64 = self.fault == .clockSkew ? -86_400_000 : 0
            guard let milliseconds = Self.milliseconds(value), (least...86_400_000).contains(milliseconds) else {
                throw Self.refusal(of: text, "seconds takes up to 86400, such as seconds=2 or seconds=0.5")
            }
            self.amount = milliseconds
        }
    }

    /// Of a decimal with up to three places after the point.
    static func milliseconds(_ text: some StringProtocol) -> Int64? {
        let isNegative = text.hasPrefix("-")
        let digits = String(text.hasPrefix("+") || isNegative ? text.dropFirst() : text[...])
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? parts[1] : "0"
        guard (1...2).contains(parts.count), (1...8).contains(parts[0].utf8.count),
            (1...3).contains(fraction.utf8.count),
            (parts[0] + fraction).utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            let whole = Int64(parts[0]), let rest = Int64(fraction + String(repeating: "0", count: 3 - fraction.count))
        else { return nil }
        return (whole * 1000 + rest) * (isNegative ? -1 : 1)
    }

    package var description: String {
        "\(self.fault.rawValue):\(self.target.rawValue):after=\(self.after):every=\(self.every)"
            + (self.times == .max ? "" : ":times=\(self.times)")
            + (self.fault.parameter.map { ":\($0.name.rawValue)=\(self.amountText($0.name))" } ?? "")
    }

    private func amountText(_ parameter: Parameter) -> String {
        guard parameter == .seconds else { return "\(self.amount)" }
        let fraction = self.amount.magnitude % 1000
        let digits = fraction == 0 ? "" : ".\(String(1000 + fraction).dropFirst())"
        return "\(self.amount < 0 ? "-" : "")\(self.amount.magnitude / 1000)\(digits)"
    }

    private static func refusal(of text: some StringProtocol, _ reason: String) -> BrokerSimulatorError {
        BrokerSimulatorError(
            "\"\(text.prefix(80))\" orders no fault: \(reason). Write fault:target[:after=n][:every=n][:times=n]"
        )
    }
}

extension [FaultOrder] {
    /// Reads orders separated by commas, line breaks or spaces. The error names the place of the first that is none.
    package init(ordered text: String) throws(BrokerSimulatorError) {
        self = []
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            do throws(BrokerSimulatorError) {
                self.append(try FaultOrder(part))
            } catch {
                throw BrokerSimulatorError("order \(self.count + 1): \(error)")
            }
        }
    }
}
