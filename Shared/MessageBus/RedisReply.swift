import CHiredis

/// An answer of the server, copied out of hiredis.
package enum RedisReply: Hashable, Sendable {
    case string([UInt8])
    case status(String)
    case integer(Int64)
    case array([RedisReply])
    case null
    case error(String)

    init(copying raw: UnsafePointer<redisReply>) {
        let reply = raw.pointee
        switch reply.type {
        case REDIS_REPLY_STRING: self = .string(reply.bytes)
        case REDIS_REPLY_STATUS: self = .status(String(decoding: reply.bytes, as: UTF8.self))
        case REDIS_REPLY_INTEGER: self = .integer(reply.integer)
        case REDIS_REPLY_ERROR: self = .error(String(decoding: reply.bytes, as: UTF8.self))
        case REDIS_REPLY_ARRAY:
            self = .array(
                (0..<reply.elements).map { index in
                    reply.element?[index].map { RedisReply(copying: $0) } ?? .null
                }
            )
        default: self = .null
        }
    }

    /// Throws what the server refused.
    func accepted() throws(MessageBusError) -> RedisReply {
        guard case .error(let text) = self else { return self }
        let transient = [
            "LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "BUSY", "OOM", "MISCONF", "READONLY", "NOREPLICAS",
        ]
        let code = text.prefix { $0 != " " }
        if code == MessageBusError.ledgerReplacedCode { throw .ledgerReplaced }
        if code == MessageBusError.streamUsedUpCode {
            throw MessageBusError(
                .unreachable,
                "The ids of \(text.dropFirst(code.count + 1)) are used up: somebody has added an entry with the highest "
                    + "there is. Nothing was changed, and what was to be handled is still owed. When the stream's readers "
                    + "are done with it, rename that key (RENAME): the agents begin another."
            )
        }
        // Some of its sentences end with a full stop, others do not.
        let reason = text.last == "." ? String(text.dropLast()) : text
        if transient.contains(String(code)) {
            throw MessageBusError(.unreachable, "Redis is not ready: \(reason). It has to be asked again later.")
        }
        throw MessageBusError(.refused, "Redis refused a command: \(reason)\(Self.advice(on: text, code))")
    }

    /// What to do about a refusal that has to do with who is logged in.
    private static func advice(on text: String, _ code: Substring) -> String {
        switch code {
        case "NOAUTH", "WRONGPASS": ". Name the user and its password in REDIS_URL, or in REDIS_PASSWORD_FILE."
        case _ where code == "NOPERM" || text.contains("user executing the script"):
            ". Have Redis load the list of this version's users, which `tradectl redis-acl` prints."
        default: ""
        }
    }

    func bytes() throws(MessageBusError) -> [UInt8] {
        guard case .string(let bytes) = try self.accepted() else { throw self.unexpected("a string") }
        return bytes
    }

    func text() throws(MessageBusError) -> String {
        if case .status(let text) = self { return text }
        return String(decoding: try self.bytes(), as: UTF8.self)
    }

    func integer() throws(MessageBusError) -> Int64 {
        guard case .integer(let number) = try self.accepted() else { throw self.unexpected("an integer") }
        return number
    }

    /// The elements; none for a null, which is how the server says so for some commands.
    func elements(atLeast count: Int = 0) throws(MessageBusError) -> [RedisReply] {
        switch try self.accepted() {
        case .array(let elements) where elements.count >= count: return elements
        case .null where count == 0: return []
        default: throw self.unexpected("an array of at least \(count)")
        }
    }

    private func unexpected(_ expected: String) -> MessageBusError {
        let kind =
            switch self {
            case .string: "a string"
            case .status: "a status"
            case .integer: "an integer"
            case .array(let elements): "an array of \(elements.count)"
            case .null: "null"
            case .error: "an error"
            }
        return MessageBusError(
            .protocolViolation,
            "Redis answered \(kind) where \(expected) was expected. Redis 7.0 or newer is required."
        )
    }
}

extension redisReply {
    fileprivate var bytes: [UInt8] {
        guard let start = self.str else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: self.len))
    }
}
