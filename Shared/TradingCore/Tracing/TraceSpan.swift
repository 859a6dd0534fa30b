/// One step of a trade's story, as it is kept in the journal and sent to a collector. Its times are the wall clock's.
package struct TraceSpan: Hashable, Sendable {
    /// As OTLP counts them.
    package enum Kind: Int, Sendable {
        case `internal` = 1
        case server = 2
        case client = 3
        case producer = 4
        case consumer = 5
    }

    package enum AttributeValue: Hashable, Sendable {
        case text(String)
        case integer(Int64)
        case flag(Bool)
    }

    package struct Event: Hashable, Sendable {
        package var name: String
        package var at: Timestamp
        package var attributes: [String: AttributeValue]

        package init(_ name: String, at: Timestamp, _ attributes: [String: AttributeValue] = [:]) {
            self.name = name
            self.at = at
            self.attributes = attributes
        }
    }

    package struct Link: Hashable, Sendable {
        package var traceID: TraceID
        package var spanID: SpanID

        package init(traceID: TraceID, spanID: SpanID) {
            self.traceID = traceID
            self.spanID = spanID
        }
    }

    package var traceID: TraceID
    package var id: SpanID
    package var parent: SpanID?
    package var name: String
    package var kind: Kind
    package var start: Timestamp
    package var end: Timestamp
    package var attributes: [String: AttributeValue]
    package var events: [Event] = []
    package var links: [Link] = []
    /// What went wrong; nil where nothing did.
    package var failure: String?

    package init(
        _ name: String,
        _ kind: Kind,
        traceID: TraceID,
        id: SpanID,
        parent: SpanID?,
        start: Timestamp,
        end: Timestamp,
        attributes: [String: AttributeValue] = [:]
    ) {
        self.traceID = traceID
        self.id = id
        self.parent = parent
        self.name = name
        self.kind = kind
        self.start = start
        self.end = end
        self.attributes = attributes
    }

    /// Of this trace, and of `parent` unless it has one already.
    package func below(_ parent: SpanID, in trace: TraceID) -> TraceSpan {
        var span = self
        span.traceID = trace
        span.parent = self.parent ?? parent
        return span
    }

    package mutating func fail(_ type: String, _ message: String) {
        self.failure = message
        self.attributes["error.type"] = .text(type)
        self.attributes["error.message"] = .text(message)
    }
}

/// In OTLP's JSON (opentelemetry-proto, `trace.proto`): ids in hexadecimal, 64-bit integers as text, enumerations as
/// numbers.
extension TraceSpan: JSONCodable {
    private static let failed = 2

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("traceId", self.traceID)
            $0.field("spanId", self.id)
            $0.field("parentSpanId", self.parent)
            $0.field("name", self.name)
            $0.field("kind", self.kind.rawValue)
            $0.field("startTimeUnixNano", String(self.start.nanoseconds))
            $0.field("endTimeUnixNano", String(self.end.nanoseconds))
            if !self.attributes.isEmpty { $0.field("attributes", Attributes(self.attributes)) }
            if !self.events.isEmpty { $0.field("events", self.events) }
            if !self.links.isEmpty { $0.field("links", self.links) }
            if let failure {
                $0.object("status") {
                    $0.field("code", Self.failed)
                    $0.field("message", failure)
                }
            }
        }
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        let kind: Int = try object.value("kind")
        self.init(
            try object.value("name"),
            Kind(rawValue: kind) ?? .internal,
            traceID: try object.value("traceId"),
            id: try object.value("spanId"),
            parent: try object.optional("parentSpanId"),
            start: try Self.time(object, "startTimeUnixNano"),
            end: try Self.time(object, "endTimeUnixNano"),
            attributes: try object.optional("attributes", as: Attributes.self)?.values ?? [:]
        )
        self.events = try object.optional("events") ?? []
        self.links = try object.optional("links") ?? []
        if let status = json["status"], status["code"] == .number(String(Self.failed)) {
            self.failure = status["message"]?.stringValue ?? ""
        }
    }

    fileprivate static func time(_ object: JSONObject, _ name: String) throws(JSONError) -> Timestamp {
        let text: String = try object.value(name)
        guard let nanoseconds = Int64(text) else { throw JSONError("\"\(text.prefix(32))\" is no time").inside(name) }
        return Timestamp(nanoseconds: nanoseconds)
    }

    /// OTLP's list of keys and values, in order of the keys.
    fileprivate struct Attributes: JSONCodable {
        let values: [String: AttributeValue]

        init(_ values: [String: AttributeValue]) {
            self.values = values
        }

        init(json: JSONValue) throws(JSONError) {
            var values: [String: AttributeValue] = [:]
            for entry in try [JSONValue](json: json) {
                let object = try JSONObject(entry)
                let value: JSONValue = try object.value("value")
                if let text = value["stringValue"]?.stringValue {
                    values[try object.value("key")] = .text(text)
                } else if let text = value["intValue"]?.stringValue, let integer = Int64(text) {
                    values[try object.value("key")] = .integer(integer)
                } else if case .bool(let flag)? = value["boolValue"] {
                    values[try object.value("key")] = .flag(flag)
                }
            }
            self.values = values
        }

        func write(to writer: inout JSONWriter) {
            writer.array { writer in
                for (key, value) in self.values.sorted(by: { $0.key < $1.key }) {
                    writer.element(Attribute(key: key, value: value))
                }
            }
        }
    }

    private struct Attribute: JSONEncodable {
        let key: String
        let value: AttributeValue

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("key", self.key)
                $0.object("value") {
                    switch self.value {
                    case .text(let text): $0.field("stringValue", text)
                    case .integer(let integer): $0.field("intValue", String(integer))
                    case .flag(let flag): $0.field("boolValue", flag)
                    }
                }
            }
        }
    }
}

extension TraceSpan.Event: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            try object.value("name"),
            at: try TraceSpan.time(object, "timeUnixNano"),
            try object.optional("attributes", as: TraceSpan.Attributes.self)?.values ?? [:]
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("timeUnixNano", String(self.at.nanoseconds))
            $0.field("name", self.name)
            if !self.attributes.isEmpty { $0.field("attributes", TraceSpan.Attributes(self.attributes)) }
        }
    }
}

extension TraceSpan.Link: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(traceID: try object.value("traceId"), spanID: try object.value("spanId"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("traceId", self.traceID)
            $0.field("spanId", self.spanID)
        }
    }
}
