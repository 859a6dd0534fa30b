import TradingCore

/// How the comparison of what the broker holds with what the ledger says stands.
struct HoldingsWatch: Hashable, Sendable, JSONCodable {
    var question = BrokerQuestion()
    /// No comparison since the last start or reconnect has come to its end.
    var isPending = true
    /// Market time of the last comparison that came to its end: what was executed since is looked at.
    var comparedThrough: Timestamp?
    /// What did not agree when last looked at, by symbol.
    var suspicions: [Symbol: Suspicion] = [:]
    /// Polls since the last comparison that came to its end.
    var pollsSince = 0

    /// Fills may be under way at a first look. Believed is what is the same at a second one, or what still does not agree
    /// after many: somebody else may be trading all the while.
    struct Suspicion: Hashable, Sendable {
        var reason: String
        var looks: Int

        static let patience = 5
    }

    static let key = DocumentKey.holdingsWatch

    init() {}

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.question = try object.value("question")
        self.isPending = try object.value("pending")
        self.comparedThrough = try object.optional("compared_through")
        for entry: JSONValue in try object.value("suspicions", as: [JSONValue].self) {
            let suspicion = try JSONObject(entry)
            self.suspicions[try suspicion.value("symbol")] = Suspicion(
                reason: try suspicion.value("reason"),
                looks: try suspicion.value("looks")
            )
        }
        self.pollsSince = try object.value("polls_since")
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("question", self.question)
            writer.field("pending", self.isPending)
            writer.field("compared_through", self.comparedThrough)
            writer.field("suspicions", self.suspicions.sorted { $0.key < $1.key }.map(SuspicionEntry.init))
            writer.field("polls_since", self.pollsSince)
        }
    }

    private struct SuspicionEntry: JSONEncodable {
        let key: Symbol
        let value: Suspicion

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("symbol", self.key)
                $0.field("reason", self.value.reason)
                $0.field("looks", self.value.looks)
            }
        }
    }
}
