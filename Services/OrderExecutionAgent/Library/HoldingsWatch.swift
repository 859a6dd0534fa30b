import TradingCore

/// How the comparison of what the broker holds with what the ledger says stands.
struct HoldingsWatch: Hashable, Sendable, JSONCodable {
    var question = OrderWatch()
    /// No comparison since the last start or reconnect has come to its end.
    var isPending = true
    /// Market time of the last comparison that came to its end: what was executed since is looked at.
    var comparedThrough: Timestamp?
    /// What did not agree when last looked at, by symbol. Only what is the same at a second look is believed: fills may
    /// have been under way at the first.
    var suspicions: [Symbol: String] = [:]

    static let key = DocumentKey(rawValue: "holdings-watch")

    init() {}

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.question = try object.value("question")
        self.isPending = try object.value("pending")
        self.comparedThrough = try object.optional("compared_through")
        for entry: JSONValue in try object.value("suspicions", as: [JSONValue].self) {
            let suspicion = try JSONObject(entry)
            self.suspicions[try suspicion.value("symbol")] = try suspicion.value("reason", as: String.self)
        }
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("question", self.question)
            writer.field("pending", self.isPending)
            writer.field("compared_through", self.comparedThrough)
            writer.field("suspicions", self.suspicions.sorted { $0.key < $1.key }.map(SymbolReason.init))
        }
    }
}
