/// A parsed JSON value. Numbers keep their text, so that money never passes through binary floating point.
package enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])

    /// What a string says; nil for everything else.
    package var stringValue: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The member of that name; nil when this is no object or has none.
    package subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// What it is, for error messages: never long.
    package var summary: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let text): "the number \(text.prefix(32))"
        case .string(let text): "the text \"\(text.prefix(32))\""
        case .array: "an array"
        case .object: "an object"
        }
    }
}

package struct JSONMember: Hashable, Sendable {
    package var name: String
    package var value: JSONValue

    package init(_ name: String, _ value: JSONValue) {
        self.name = name
        self.value = value
    }
}

/// Malformed JSON, or JSON of the wrong shape. `path` leads to the place, outermost name first.
package struct JSONError: Error, Hashable, CustomStringConvertible {
    package var path: [String] = []
    package var problem: String

    package init(_ problem: String) {
        self.problem = problem
    }

    package func inside(_ name: String) -> JSONError {
        var error = self
        error.path.insert(name, at: 0)
        return error
    }

    package var description: String {
        self.path.isEmpty ? self.problem : "\(self.path.joined(separator: ".")): \(self.problem)"
    }
}

package protocol JSONDecodable {
    init(json: JSONValue) throws(JSONError)
}

package protocol JSONEncodable {
    func write(to writer: inout JSONWriter)
}

package typealias JSONCodable = JSONDecodable & JSONEncodable

/// Typed access to an object's members, with the member's name in every error.
package struct JSONObject {
    private let members: [JSONMember]

    package init(_ json: JSONValue) throws(JSONError) {
        guard case .object(let members) = json else { throw JSONError("expected an object, found \(json.summary)") }
        self.members = members
    }

    package func value<Value: JSONDecodable>(_ name: String, as type: Value.Type = Value.self) throws(JSONError)
        -> Value
    {
        guard let member = self.find(name) else { throw JSONError("is missing").inside(name) }
        do {
            return try Value(json: member)
        } catch {
            throw error.inside(name)
        }
    }

    /// Nil when the member is absent or null.
    package func optional<Value: JSONDecodable>(_ name: String, as type: Value.Type = Value.self) throws(JSONError)
        -> Value?
    {
        guard let member = self.find(name), member != .null else { return nil }
        do {
            return try Value(json: member)
        } catch {
            throw error.inside(name)
        }
    }

    private func find(_ name: String) -> JSONValue? {
        self.members.first { $0.name == name }?.value
    }
}

extension JSONValue: JSONCodable {
    package init(json: JSONValue) { self = json }

    package func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .bool(let value): value.write(to: &writer)
        case .number(let text): writer.value { $0.append(contentsOf: text.utf8) }
        case .string(let text): text.write(to: &writer)
        case .array(let values): values.write(to: &writer)
        case .object(let members):
            writer.object { writer in
                for member in members { writer.field(member.name, member.value) }
            }
        }
    }
}

extension String: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        guard case .string(let text) = json else { throw JSONError("expected text, found \(json.summary)") }
        self = text
    }

    package func write(to writer: inout JSONWriter) { writer.string(self) }
}

extension Bool: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        guard case .bool(let value) = json else { throw JSONError("expected true or false, found \(json.summary)") }
        self = value
    }

    package func write(to writer: inout JSONWriter) {
        writer.value { $0.append(contentsOf: (self ? "true" : "false").utf8) }
    }
}

extension Int64: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        guard case .number(let text) = json, let value = Int64(text) else {
            throw JSONError("expected a whole number, found \(json.summary)")
        }
        self = value
    }

    package func write(to writer: inout JSONWriter) {
        writer.value {
            if self < 0 { $0.append(UInt8(ascii: "-")) }
            appendDecimal(self.magnitude, to: &$0)
        }
    }
}

extension Int: JSONCodable {
    package init(json: JSONValue) throws(JSONError) { self = Int(try Int64(json: json)) }
    package func write(to writer: inout JSONWriter) { Int64(self).write(to: &writer) }
}

extension Double: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        guard case .number(let text) = json, let value = Double(text), value.isFinite else {
            throw JSONError("expected a number, found \(json.summary)")
        }
        self = value
    }

    /// The shortest text that reads back as the same number. Infinities and NaN have no JSON form and become null.
    package func write(to writer: inout JSONWriter) {
        if self.isFinite { writer.value { $0.append(contentsOf: self.description.utf8) } } else { writer.null() }
    }
}

extension Array: JSONDecodable where Element: JSONDecodable {
    package init(json: JSONValue) throws(JSONError) {
        guard case .array(let values) = json else { throw JSONError("expected an array, found \(json.summary)") }
        self = []
        self.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            do {
                self.append(try Element(json: value))
            } catch {
                throw error.inside("[\(index)]")
            }
        }
    }
}

extension Array: JSONEncodable where Element: JSONEncodable {
    package func write(to writer: inout JSONWriter) {
        writer.array { writer in
            for element in self { writer.element(element) }
        }
    }
}

extension Timestamp: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        guard case .string(let text) = json, let value = Timestamp(text) else {
            throw JSONError("expected an RFC 3339 time such as 2025-10-28T14:30:00Z, found \(json.summary)")
        }
        self = value
    }

    package func write(to writer: inout JSONWriter) { writer.string(self.description) }
}

extension CalendarDate: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        guard case .string(let text) = json, let value = CalendarDate(text) else {
            throw JSONError("expected a date such as 2025-10-28, found \(json.summary)")
        }
        self = value
    }

    package func write(to writer: inout JSONWriter) { writer.string(self.description) }
}

extension JSONDecodable where Self: RawRepresentable & CaseIterable, RawValue == String {
    package init(json: JSONValue) throws(JSONError) {
        let text = try String(json: json)
        guard let value = Self(rawValue: text) else {
            let known = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw JSONError("\"\(text.prefix(32))\" is none of \(known)")
        }
        self = value
    }
}

extension JSONEncodable where Self: RawRepresentable, RawValue == String {
    package func write(to writer: inout JSONWriter) { writer.string(self.rawValue) }
}
