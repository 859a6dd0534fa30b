/// What a trade's next sale waits for, and how much it may sell. A sale that was refused, or ended without anybody here
/// having asked for that, may be the sign that somebody else has sold the shares: the broker is asked what it holds
/// before another is placed.
package struct SaleCheck: Hashable, Sendable, JSONCodable {
    /// Questions about what the broker holds that are not answered yet.
    package private(set) var questions: Int
    /// What the broker holds of this trade, where that is less than the ledger says.
    package var brokerHolds: Quantity?
    /// Sales and stops refused since a stop last rested until it was taken back.
    package var refusals: Int
    /// An exit was asked for while the broker's answer was awaited.
    package var isExitWanted: Bool

    package init() {
        self.questions = 0
        self.refusals = 0
        self.isExitWanted = false
    }

    /// No sale is placed meanwhile.
    package var isAsking: Bool { self.questions > 0 }

    package mutating func asked() { self.questions += 1 }
    package mutating func answered() { self.questions = max(0, self.questions - 1) }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.questions = try object.value("questions")
        self.brokerHolds = try object.optional("broker_holds")
        self.refusals = try object.value("refusals")
        self.isExitWanted = try object.optional("exit_wanted") ?? false
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("questions", self.questions)
            $0.field("broker_holds", self.brokerHolds)
            $0.field("refusals", self.refusals)
            $0.field("exit_wanted", self.isExitWanted ? true : nil)
        }
    }
}
