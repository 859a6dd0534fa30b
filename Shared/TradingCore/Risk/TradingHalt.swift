/// An operator's word that no entry is to be made: in force while the ledger has it, whatever is restarted.
package struct TradingHalt: Hashable, Sendable, JSONCodable, CustomStringConvertible {
    /// Who halted, such as `ann@desk-3`.
    package var by: String
    package var reason: String
    /// By wall time.
    package var since: Timestamp

    package init(by: String, reason: String, since: Timestamp) {
        self.by = by
        self.reason = reason
        self.since = since
    }

    package static let key = DocumentKey(rawValue: "halt")

    package var description: String { "trading halted by \(self.by) since \(self.since): \(self.reason)" }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            by: try object.value("by"),
            reason: try object.value("reason"),
            since: try object.value("since")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("by", self.by)
            $0.field("reason", self.reason)
            $0.field("since", self.since)
        }
    }
}

extension Documents {
    /// The halt in force; nil if there is none, or it was not read. A halt that cannot be understood is one all the same.
    package var halt: TradingHalt? {
        do {
            return try self.find(TradingHalt.key, as: TradingHalt.self)?.value
        } catch {
            return TradingHalt(
                by: "somebody",
                reason: "the document \(TradingHalt.key) cannot be read: \(error)",
                since: Timestamp(seconds: 0)
            )
        }
    }
}
