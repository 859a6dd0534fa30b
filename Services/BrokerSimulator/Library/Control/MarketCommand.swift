import MarketSimulation
import TradingCore

/// What the control plane can have done to the market. Written in a line of its own, or between commas:
/// `halt <symbol>`, `resume <symbol>`, `half-day <date>`, `clock <seconds>`.
enum MarketCommand: Hashable {
    case halt(Symbol)
    case resume(Symbol)
    /// The session of that date, which must not have begun, closes at 13:00.
    case halfDay(CalendarDate)
    /// From now on the broker's clock is off by so much; zero sets it right.
    case clock(Duration)

    init(_ text: some StringProtocol) throws(BrokerSimulatorError) {
        let words = String(text).split(separator: " ").map(String.init)
        let (name, value) = (words.first ?? "", words.count == 2 ? words[1] : "")
        switch name {
        case "halt", "resume":
            guard let symbol = Symbol(value) else {
                throw Self.refusal(of: text, "\(name) takes a symbol, such as \(name) AAPL")
            }
            self = name == "halt" ? .halt(symbol) : .resume(symbol)
        case "half-day":
            guard let date = CalendarDate(value) else {
                throw Self.refusal(of: text, "half-day takes a date, such as half-day 2009-02-06")
            }
            self = .halfDay(date)
        case "clock":
            guard let milliseconds = FaultOrder.milliseconds(value), milliseconds.magnitude <= 86_400_000 else {
                throw Self.refusal(of: text, "clock takes seconds up to a day, such as clock +90 or clock -1.5")
            }
            self = .clock(.milliseconds(milliseconds))
        default:
            throw Self.refusal(
                of: text,
                "there are halt <symbol>, resume <symbol>, half-day <date> and clock <seconds>"
            )
        }
    }

    static func refusal(of text: some StringProtocol, _ reason: String) -> BrokerSimulatorError {
        BrokerSimulatorError("\"\(text.prefix(80))\" commands nothing: \(reason)")
    }

    /// The error names the place of the first that is none.
    static func list(_ text: String) throws(BrokerSimulatorError) -> [MarketCommand] {
        var commands: [MarketCommand] = []
        for line in text.split(whereSeparator: { $0 == "," || $0.isNewline }) {
            guard line.contains(where: { !$0.isWhitespace }) else { continue }
            do throws(BrokerSimulatorError) {
                commands.append(try MarketCommand(line))
            } catch {
                throw BrokerSimulatorError("command \(commands.count + 1): \(error)")
            }
        }
        guard !commands.isEmpty else { throw Self.refusal(of: text, "write halt AAPL, for one") }
        return commands
    }
}
