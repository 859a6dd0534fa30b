/// One fault, ordered: what it strikes, which of these, and how often.
///
/// Written as `fault:target`, with `:after=<n>`, `:every=<n>` and `:times=<n>` behind it where it is not to strike each
/// one: the first `after` are spared, of the rest the first and then every `every`-th is struck, `times` at most.
package struct FaultOrder: Hashable, Sendable, CustomStringConvertible {
    package var fault: Fault
    package var target: FaultTarget
    package var after = 0
    package var every = 1
    package var times = Int.max

    package init(_ text: some StringProtocol) throws(BrokerSimulatorError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 2, let fault = Fault(rawValue: String(parts[0])),
            let target = FaultTarget(rawValue: String(parts[1])), fault.isOfStreams == (target == .updates)
        else { throw Self.refusal(of: text) }
        self.fault = fault
        self.target = target
        for part in parts.dropFirst(2) {
            let sides = part.split(separator: "=", maxSplits: 1)
            guard sides.count == 2, let number = Int(sides[1]), number >= (sides[0] == "after" ? 0 : 1) else {
                throw Self.refusal(of: text)
            }
            switch sides[0] {
            case "after": self.after = number
            case "every": self.every = number
            case "times": self.times = number
            default: throw Self.refusal(of: text)
            }
        }
    }

    package var description: String {
        "\(self.fault.rawValue):\(self.target.rawValue):after=\(self.after):every=\(self.every)"
            + (self.times == .max ? "" : ":times=\(self.times)")
    }

    private static func refusal(of text: some StringProtocol) -> BrokerSimulatorError {
        let faults = Fault.allCases.map(\.rawValue).joined(separator: ", ")
        let targets = FaultTarget.allCases.map(\.rawValue).joined(separator: ", ")
        return BrokerSimulatorError(
            "\"\(text.prefix(80))\" orders no fault; write fault:target[:after=n][:every=n][:times=n]. Faults: \(faults). "
                + "Targets: \(targets); updates for the faults of streams, and for no others"
        )
    }
}

extension [FaultOrder] {
    /// Reads orders separated by commas, line breaks or spaces.
    package init(ordered text: String) throws(BrokerSimulatorError) {
        self = []
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) { self.append(try FaultOrder(part)) }
    }
}
