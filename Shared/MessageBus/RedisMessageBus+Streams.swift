package import TradingCore

extension RedisMessageBus {
    package func createGroup(_ group: String, on stream: StreamName) throws {
        _ = try self.run(.createGroup, keyCount: 1) { command in
            command.append(self.keys.stream(stream))
            command.append(group)
        }
    }

    package func pending(group: String, consumer: String, streams: [StreamName], limit: Int) throws -> [Delivery] {
        try self.onConnection { connection throws(MessageBusError) in
            var deliveries: [Delivery] = []
            var unread = streams
            while !unread.isEmpty {
                var command = RedisCommand("XREADGROUP", "GROUP", group, consumer, "COUNT", String(limit), "STREAMS")
                for stream in unread { command.append(self.keys.stream(stream)) }
                for _ in unread { command.append("0") }
                unread = []
                for part in try connection.call(command).elements() {
                    let pair = try part.elements(atLeast: 2)
                    let stream = self.keys.streamName(of: try pair[0].bytes())
                    let entries = try StreamEntry.list(pair[1])
                    let found = try self.counted(entries, stream, group, consumer, connection)
                    deliveries += found
                    // Entries whose messages are gone hide those behind them.
                    if found.isEmpty, !entries.isEmpty { unread.append(stream) }
                }
            }
            deliveries.sortByAge()
            return deliveries
        }
    }

    package func claim(
        group: String,
        consumer: String,
        streams: [StreamName],
        idle: Duration,
        limit: Int
    ) throws -> [Delivery] {
        try self.onConnection { connection throws(MessageBusError) in
            var deliveries: [Delivery] = []
            for stream in streams {
                deliveries += try self.claim(group, consumer, stream, idle, limit, connection)
            }
            deliveries.sortByAge()
            return deliveries
        }
    }

    package func keep(_ deliveries: [Delivery], group: String, consumer: String) throws {
        guard !deliveries.isEmpty else { return }
        try self.onConnection { connection throws(MessageBusError) in
            for (stream, entries) in Dictionary(grouping: deliveries, by: \.stream) {
                var command = RedisCommand("XCLAIM", self.keys.stream(stream), group, consumer, "0")
                for entry in entries { command.append(entry.id) }
                for option in ["RETRYCOUNT", "0", "JUSTID"] { command.append(option) }
                _ = try connection.call(command)
            }
        }
    }

    package func removeConsumers(of group: String, on streams: [StreamName], silentFor silence: Duration) throws {
        _ = try self.run(.removeConsumers, keyCount: streams.count) { command in
            for stream in streams { command.append(self.keys.stream(stream)) }
            command.append(group)
            command.append(silence.milliseconds)
        }
    }

    package func quiescence(of groups: [(stream: StreamName, group: String)]) throws -> Quiescence {
        let reply = try self.run(.quiescence, keyCount: groups.count + 2) { command in
            for (stream, _) in groups { command.append(self.keys.stream(stream)) }
            command.append(self.keys.quoteBacklog)
            command.append(self.keys.trimCount)
            command.append(self.settledFingerprint)
            for (stream, group) in groups {
                command.append(stream.rawValue)
                command.append(group)
            }
        }
        guard case .array(let settled) = reply else { return .busy(try reply.text()) }
        self.settledFingerprint = try settled.first?.text() ?? ""
        return .settled
    }

    package func trim(_ stream: StreamName, keeping length: Int, unacknowledgedBy groups: [String]) throws {
        guard try self.appendedCount(of: stream) > 0 else { return }
        _ = try self.run(.trim, keyCount: 2) { command in
            command.append(self.keys.stream(stream))
            command.append(self.keys.trimCount)
            command.append(Int64(length))
            for group in groups { command.append(group) }
        }
    }

    package func appendedCount(of stream: StreamName) throws -> Int64 {
        try self.onConnection { connection throws(MessageBusError) in
            let reply = try connection.reply(to: RedisCommand("XINFO", "STREAM", self.keys.stream(stream)))
            if case .error(let text) = reply, text.hasPrefix("ERR no such key") { return 0 }
            let fields = try reply.elements()
            guard let name = fields.firstIndex(of: .string(Array("entries-added".utf8))), name + 1 < fields.count else {
                throw MessageBusError(.protocolViolation, "Redis does not count entries: version 7.0 is required.")
            }
            return try fields[name + 1].integer()
        }
    }

    package func tail(of stream: StreamName, limit: Int) throws -> [(id: String, body: [UInt8])] {
        try self.onConnection { connection throws(MessageBusError) in
            let command = RedisCommand("XREVRANGE", self.keys.stream(stream), "+", "-", "COUNT", String(limit))
            let entries = try StreamEntry.list(try connection.call(command))
            return entries.reversed().map { (id: $0.id, body: $0.body ?? []) }
        }
    }

    package func entries(
        of stream: StreamName,
        after id: String?,
        limit: Int
    ) throws -> [(id: String, body: [UInt8])] {
        // Redis refuses to look behind the highest id there is.
        if let id, StreamPosition(id) == .last { return [] }
        return try self.onConnection { connection throws(MessageBusError) in
            let start = id.map { "(\($0)" } ?? "-"
            let command = RedisCommand("XRANGE", self.keys.stream(stream), start, "+", "COUNT", String(limit))
            return try StreamEntry.list(try connection.call(command)).map { (id: $0.id, body: $0.body ?? []) }
        }
    }

    /// The entries with their delivery counts. Those whose messages are gone are acknowledged and left out.
    private func counted(
        _ entries: [StreamEntry],
        _ stream: StreamName,
        _ group: String,
        _ consumer: String,
        _ connection: RedisConnection
    ) throws(MessageBusError) -> [Delivery] {
        guard let first = entries.first, let last = entries.last else { return [] }
        let key = self.keys.stream(stream)
        let command = RedisCommand("XPENDING", key, group, first.id, last.id, String(entries.count), consumer)
        var counts: [String: Int] = [:]
        for item in try PendingEntry.list(try connection.call(command)) { counts[item.id] = item.deliveryCount }
        var deliveries: [Delivery] = []
        for entry in entries {
            if let body = entry.body {
                let count = counts[entry.id] ?? 1
                deliveries.append(Delivery(stream: stream, id: entry.id, deliveryCount: count, body: body))
            } else {
                _ = try connection.call(RedisCommand("XACK", key, group, entry.id))
            }
        }
        return deliveries
    }

    // Not XAUTOCLAIM, which also takes what the consumer itself has been busy with for long.
    private func claim(
        _ group: String,
        _ consumer: String,
        _ stream: StreamName,
        _ idle: Duration,
        _ limit: Int,
        _ connection: RedisConnection
    ) throws(MessageBusError) -> [Delivery] {
        let key = self.keys.stream(stream)
        let idle = String(idle.milliseconds)
        var deliveries: [Delivery] = []
        var start = "-"
        while deliveries.count < limit {
            let portion = 100
            let question = RedisCommand("XPENDING", key, group, "IDLE", idle, start, "+", String(portion))
            let found = try PendingEntry.list(try connection.call(question))
            let others = found.filter { $0.consumer != consumer }.prefix(limit - deliveries.count)
            if !others.isEmpty {
                var command = RedisCommand("XCLAIM", key, group, consumer, idle)
                for item in others { command.append(item.id) }
                // What somebody else was faster to claim, or whose message is gone, is missing from the answer.
                for entry in try StreamEntry.list(try connection.call(command)) {
                    guard let body = entry.body else { continue }
                    let before = others.first { $0.id == entry.id }?.deliveryCount ?? 0
                    deliveries.append(
                        Delivery(stream: stream, id: entry.id, deliveryCount: before + 1, body: body)
                    )
                }
            }
            guard found.count == portion, let last = found.last else { break }
            start = "(" + last.id
        }
        return deliveries
    }
}

/// A line of XPENDING's answer.
private struct PendingEntry {
    var id: String
    var consumer: String
    var deliveryCount: Int

    static func list(_ reply: RedisReply) throws(MessageBusError) -> [PendingEntry] {
        var entries: [PendingEntry] = []
        for element in try reply.elements() {
            let parts = try element.elements(atLeast: 4)
            entries.append(
                PendingEntry(
                    id: try parts[0].text(),
                    consumer: try parts[1].text(),
                    deliveryCount: Int(try parts[3].integer())
                )
            )
        }
        return entries
    }
}
