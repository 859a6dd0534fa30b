/// How long one bar lasts: `1Day`, or a number of minutes or hours such as `5Min` and `1Hour`.
package struct Timeframe: Hashable, Sendable, CustomStringConvertible, JSONCodable {
    package let rawValue: String
    /// Nil for a daily bar, which lasts as long as its session.
    package let interval: Duration?

    package static let day = Timeframe(rawValue: "1Day", interval: nil)

    private init(rawValue: String, interval: Duration?) {
        self.rawValue = rawValue
        self.interval = interval
    }

    package init?(_ text: some StringProtocol) {
        if text == "1Day" {
            self = .day
        } else if text.hasSuffix("Min"), let minutes = Int(text.dropLast(3)), (1...59).contains(minutes) {
            self.init(rawValue: "\(minutes)Min", interval: .seconds(60 * minutes))
        } else if text.hasSuffix("Hour"), let hours = Int(text.dropLast(4)), (1...23).contains(hours) {
            self.init(rawValue: "\(hours)Hour", interval: .seconds(3600 * hours))
        } else {
            return nil
        }
    }

    package init(json: JSONValue) throws(JSONError) {
        let text = try String(json: json)
        guard let timeframe = Timeframe(text) else {
            throw JSONError("\"\(text.prefix(32))\" is no timeframe such as 5Min, 1Hour or 1Day")
        }
        self = timeframe
    }

    package func write(to writer: inout JSONWriter) { writer.string(self.rawValue) }
    package var description: String { self.rawValue }
}
