/// What the ledger keeps while a login that is about to end stops entries, so that this is announced once.
package struct LoginAlarm: Hashable, Sendable, JSONCodable {
    /// Of the login that was announced; nil when there was none.
    package var endsAt: Timestamp?

    package static let key = DocumentKey(rawValue: "login-alarm")

    package init(endsAt: Timestamp?) {
        self.endsAt = endsAt
    }

    package init(json: JSONValue) throws(JSONError) {
        self.endsAt = try JSONObject(json).optional("ends_at")
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { $0.field("ends_at", self.endsAt) }
    }
}
