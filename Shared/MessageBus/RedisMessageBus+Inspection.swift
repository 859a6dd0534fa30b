package import TradingCore

/// What people and metrics ask of streams and groups. No agent decides by it.
extension RedisMessageBus {
    /// The groups of a stream; none if there is no such stream.
    package func groups(on stream: StreamName) throws -> [ConsumerGroup] {
        try self.onConnection { connection throws(MessageBusError) in
            let key = self.keys.stream(stream)
            let reply = try connection.reply(to: RedisCommand("XINFO", "GROUPS", key))
            if case .error(let text) = reply, text.hasPrefix("ERR no such key") { return [] }
            var groups: [ConsumerGroup] = []
            for element in try reply.elements() {
                let fields = try Self.fields(element)
                var group = ConsumerGroup(name: try fields["name"]?.text() ?? "")
                group.pending = Int(try fields["pending"]?.integer() ?? 0)
                let last = try fields["last-delivered-id"]?.text() ?? "0-0"
                group.lastDelivered = last
                if case .integer(let lag)? = fields["lag"] {
                    group.unread = Int(lag)
                } else {
                    let unread = RedisCommand("XRANGE", key, "(" + last, "+", "COUNT", "1000")
                    group.unread = try connection.call(unread).elements().count
                }
                if group.pending > 0 {
                    let summary = try connection.call(RedisCommand("XPENDING", key, group.name)).elements()
                    if summary.count > 1, case .string = summary[1] { group.oldestPending = try summary[1].text() }
                }
                let consumers = try connection.call(RedisCommand("XINFO", "CONSUMERS", key, group.name))
                for consumer in try consumers.elements() {
                    let fields = try Self.fields(consumer)
                    group.consumers.append(
                        .init(
                            name: try fields["name"]?.text() ?? "",
                            idle: .milliseconds(try fields["idle"]?.integer() ?? 0)
                        )
                    )
                }
                groups.append(group)
            }
            return groups
        }
    }

    /// What the group was handed and has not acknowledged, oldest first, with the bodies that are still there. Is no
    /// delivery. None if stream or group does not exist.
    package func unacknowledged(group: String, on stream: StreamName, limit: Int) throws -> [UnacknowledgedEntry] {
        try self.onConnection { connection throws(MessageBusError) in
            let key = self.keys.stream(stream)
            let question = RedisCommand("XPENDING", key, group, "-", "+", String(limit))
            let reply = try connection.reply(to: question)
            if case .error(let text) = reply, text.hasPrefix("NOGROUP") { return [] }
            var entries: [UnacknowledgedEntry] = []
            for element in try reply.elements() {
                let parts = try element.elements(atLeast: 4)
                let id = try parts[0].text()
                let stored = try StreamEntry.list(try connection.call(RedisCommand("XRANGE", key, id, id)))
                entries.append(
                    UnacknowledgedEntry(
                        id: id,
                        consumer: try parts[1].text(),
                        idle: .milliseconds(try parts[2].integer()),
                        body: stored.first?.body ?? []
                    )
                )
            }
            return entries
        }
    }

    /// The server's clock.
    package func time() throws -> Timestamp {
        try self.onConnection { connection throws(MessageBusError) in
            let parts = try connection.call(RedisCommand("TIME")).elements(atLeast: 2)
            guard let seconds = Int64(try parts[0].text()), let microseconds = Int64(try parts[1].text()) else {
                throw MessageBusError(.protocolViolation, "Redis tells no time that can be read.")
            }
            return Timestamp(microseconds: seconds * 1_000_000 + microseconds)
        }
    }

    /// How many entries the stream has now.
    package func length(of stream: StreamName) throws -> Int {
        try self.onConnection { connection throws(MessageBusError) in
            Int(try connection.call(RedisCommand("XLEN", self.keys.stream(stream))).integer())
        }
    }

    /// How many requests of the budget have left in its window, which ends now by the server's clock.
    package func departureCount(of budget: RateBudget) throws -> Int {
        let start = (try self.time() - RateBudget.window).microseconds
        return try self.onConnection { connection throws(MessageBusError) in
            let departures = try connection.call(RedisCommand("LRANGE", self.keys.departures(budget), "0", "-1"))
            return try Self.texts(departures).count { Int64($0).map { $0 > start } ?? false }
        }
    }

    /// Nil if the stream has no such entry.
    package func entry(_ id: String, of stream: StreamName) throws -> [UInt8]? {
        try self.onConnection { connection throws(MessageBusError) in
            let command = RedisCommand("XRANGE", self.keys.stream(stream), id, id)
            return try StreamEntry.list(try connection.call(command)).first?.body
        }
    }

    /// Removes an entry of a stream and, in the same step, appends `body` to another, if one is named. False if somebody
    /// else has removed it before: then nothing is appended.
    package func remove(
        _ id: String,
        of stream: StreamName,
        appending body: [UInt8] = [],
        to destination: StreamName? = nil
    ) throws -> Bool {
        try self.onConnection { connection throws(MessageBusError) in
            var command = RedisCommand("EVAL", Self.removeSource, "3")
            command.append(self.keys.document(.installation))
            command.append(self.keys.stream(stream))
            command.append(self.keys.stream(destination ?? stream))
            command.append(id)
            command.append(destination == nil ? "" : "append")
            command.append(body)
            command.append(self.installation ?? "")
            return try connection.call(command).integer() == 1
        }
    }

    // KEYS: the installation, the stream, the destination. ARGV: id, whether to append, body, the installation's id.
    private static let removeSource = """
        if ARGV[4] ~= '' and redis.call('HGET', KEYS[1], 'd') ~= ARGV[4] then
          return redis.error_reply('\(MessageBusError.ledgerReplacedCode) this is another ledger')
        end
        if type(redis.pcall('XLEN', KEYS[3])) ~= 'number' then
          return redis.error_reply('WRONGTYPE ' .. KEYS[3] .. ' is no stream. Nothing was changed.')
        end
        if #redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1]) == 0 then return 0 end
        -- First, since it may be refused: a stream's ids may be used up.
        if ARGV[2] ~= '' then redis.call('XADD', KEYS[3], '*', 'd', ARGV[3]) end
        return redis.call('XDEL', KEYS[2], ARGV[1])
        """

    private static func fields(_ reply: RedisReply) throws(MessageBusError) -> [String: RedisReply] {
        let flat = try reply.elements()
        var fields: [String: RedisReply] = [:]
        for index in stride(from: 0, to: flat.count - 1, by: 2) { fields[try flat[index].text()] = flat[index + 1] }
        return fields
    }
}

/// How far one group is with a stream.
package struct ConsumerGroup: Hashable, Sendable {
    package struct Consumer: Hashable, Sendable {
        package var name: String
        /// How long ago it last asked for anything.
        package var idle: Duration
    }

    package var name: String
    package var consumers: [Consumer] = []
    /// Entries handed out and not acknowledged.
    package var pending = 0
    /// The id of the newest entry that was handed out; `0-0` before the first.
    package var lastDelivered = "0-0"
    /// Entries never handed out; counted up to 1000 where Redis has lost count.
    package var unread = 0
    /// The id of the oldest pending entry.
    package var oldestPending: String?

    /// When it was appended, by the server's clock.
    package var oldestPendingTime: Timestamp? {
        self.oldestPending.map { StreamPosition($0).time }
    }
}

/// An entry that a consumer was handed and has not acknowledged.
package struct UnacknowledgedEntry: Hashable, Sendable {
    package var id: String
    package var consumer: String
    /// Since it was handed out last.
    package var idle: Duration
    package var body: [UInt8]
}
