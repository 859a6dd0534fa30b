import TradingCore

/// How the asking about something that the broker knows stands: one question at a time, whoever wants one meanwhile.
struct BrokerQuestion: Hashable, Sendable, JSONCodable {
    /// A question is under way.
    var isAsking = false
    /// Something has happened since it was asked.
    var isWantedAgain = false
    /// A poll wanted it: limit sales that still rest have had their time.
    var isPolled = false
    /// Polls that have found the question unanswered.
    var pollsWaited = 0

    static let key = DocumentKey.orderWatch
    /// After so many polls an answer is taken for lost.
    private static let patience = 8

    init() {}

    /// Whether to ask now; otherwise it is remembered.
    mutating func wants(poll: Bool) -> Bool {
        self.isPolled = self.isPolled || poll
        guard self.isAsking else { return true }
        self.isWantedAgain = true
        if poll { self.pollsWaited += 1 }
        return self.pollsWaited >= Self.patience
    }

    mutating func asked() {
        self.isAsking = true
        self.isWantedAgain = false
        self.pollsWaited = 0
    }

    /// Returns whether a poll had wanted the answer, and whether another question is due.
    mutating func answered() -> (isPolled: Bool, isDueAgain: Bool) {
        defer {
            self.isAsking = false
            self.isPolled = false
        }
        return (self.isPolled, self.isWantedAgain)
    }

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.isAsking = try object.value("asking")
        self.isWantedAgain = try object.value("wanted_again")
        self.isPolled = try object.value("polled")
        self.pollsWaited = try object.value("polls_waited")
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("asking", self.isAsking)
            $0.field("wanted_again", self.isWantedAgain)
            $0.field("polled", self.isPolled)
            $0.field("polls_waited", self.pollsWaited)
        }
    }
}
