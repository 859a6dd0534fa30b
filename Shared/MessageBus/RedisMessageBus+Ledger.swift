package import TradingCore

extension RedisMessageBus {
    package func beginLedger(_ id: String) throws -> String {
        try self.run(.beginLedger, keyCount: 1) { command in
            command.append(self.keys.document(.installation))
            command.append(id)
        }.text()
    }

    package func load(_ keys: [DocumentKey]) throws -> [StoredDocument?] {
        try self.onConnection { connection throws(MessageBusError) in
            let commands = keys.map { RedisCommand("HMGET", self.keys.document($0), "v", "s", "d") }
            var documents: [StoredDocument?] = []
            for (key, reply) in zip(keys, try connection.exchange(commands)) {
                documents.append(try Self.document(in: reply, at: self.keys.document(key)))
            }
            return documents
        }
    }

    private static func document(in reply: RedisReply, at key: String) throws(MessageBusError) -> StoredDocument? {
        if case .error(let text) = reply, text.hasPrefix("WRONGTYPE") {
            return StoredDocument(
                fault: "the key \(key) holds no document: somebody has put something else there. Restore it from a "
                    + "copy of Redis' data"
            )
        }
        let fields = try reply.elements(atLeast: 3)
        guard fields[0] != .null else { return nil }
        guard let version = Int64(try fields[0].text()), fields[1] != .null, fields[2] != .null else {
            return StoredDocument(
                fault: "the key \(key) holds a document without version, state or text: somebody has changed it. "
                    + "Restore it from a copy of Redis' data"
            )
        }
        return StoredDocument(version: version, state: try fields[1].text(), body: try fields[2].bytes())
    }

    package func history(of key: DocumentKey) throws -> [[UInt8]] {
        try self.onConnection { connection throws(MessageBusError) in
            var entries: [[UInt8]] = []
            let reply = try connection.call(RedisCommand("LRANGE", self.keys.history(key), "0", "-1"))
            for element in try reply.elements() { entries.append(try element.bytes()) }
            return entries
        }
    }

    package func members(of set: String) throws -> [String] {
        try self.onConnection { connection throws(MessageBusError) in
            try Self.texts(try connection.call(RedisCommand("SMEMBERS", self.keys.set(set)))).sorted()
        }
    }

    package func commit(_ commit: Commit) throws -> CommitOutcome {
        let keyCount =
            (commit.acknowledge == nil ? 0 : 1) + 2 * commit.writes.count + commit.puts.count + 2 * commit.deletes.count
            + commit.additions.count + commit.messages.count
        let answer = try self.run(.commit, keyCount: keyCount) { command in
            self.appendKeys(of: commit, to: &command)
            Self.appendArguments(of: commit, to: &command)
        }.integer()
        switch answer {
        case 1: return .committed
        case 0: return .alreadyAcknowledged
        default:
            guard let index = Int(exactly: -answer).map({ $0 - 1 }), commit.writes.indices.contains(index) else {
                throw MessageBusError(.protocolViolation, "The commit script answered \(answer), which means nothing.")
            }
            return .conflict(commit.writes[index].key)
        }
    }

    package func publishQuote(key: DocumentKey, version: Int64, body: [UInt8], channel: String) throws -> Bool {
        try self.run(.publishQuote, keyCount: 5) { command in
            command.append(self.keys.document(key))
            command.append(self.keys.quoteVersions)
            command.append(self.keys.quoteConsumers)
            command.append(self.keys.quoteCursors)
            command.append(self.keys.quoteBacklog)
            command.append(key.rawValue)
            command.append(version)
            command.append(body)
            command.append(channel)
        }.integer() == 1
    }

    package func registerQuoteConsumer(_ consumer: String) throws {
        _ = try self.run(.registerQuoteConsumer, keyCount: 4) { command in
            command.append(self.keys.quoteVersions)
            command.append(self.keys.quoteConsumers)
            command.append(self.keys.quoteCursors)
            command.append(self.keys.quoteBacklog)
            command.append(consumer)
        }
    }

    package func advanceQuoteCursor(of consumer: String, key: DocumentKey, version: Int64) throws {
        _ = try self.run(.advanceQuoteCursor, keyCount: 3) { command in
            command.append(self.keys.quoteVersions)
            command.append(self.keys.quoteCursors)
            command.append(self.keys.quoteBacklog)
            command.append(consumer)
            command.append(key.rawValue)
            command.append(version)
        }
    }

    package func quotes() throws -> [(key: DocumentKey, document: StoredDocument)] {
        let keys = try self.onConnection { connection throws(MessageBusError) in
            try Self.texts(try connection.call(RedisCommand("HKEYS", self.keys.quoteVersions)))
        }.sorted().map { DocumentKey(rawValue: $0) }
        return zip(keys, try self.load(keys)).compactMap { key, document in document.map { (key: key, document: $0) } }
    }

    package func acquireLease(_ name: String, holder: String, for duration: Duration) throws -> Bool {
        try self.run(.acquireLease, keyCount: 1) { command in
            command.append(self.keys.lease(name))
            command.append(holder)
            command.append(max(duration.milliseconds, 1))
        }.integer() == 1
    }

    package func releaseLease(_ name: String, holder: String) throws {
        _ = try self.run(.releaseLease, keyCount: 1) { command in
            command.append(self.keys.lease(name))
            command.append(holder)
        }
    }

    private func appendKeys(of commit: Commit, to command: inout RedisCommand) {
        if let input = commit.acknowledge { command.append(self.keys.stream(input.stream)) }
        for write in commit.writes {
            command.append(self.keys.document(write.key))
            command.append(self.keys.history(write.key))
        }
        for put in commit.puts { command.append(self.keys.document(put.key)) }
        for key in commit.deletes {
            command.append(self.keys.document(key))
            command.append(self.keys.history(key))
        }
        for addition in commit.additions { command.append(self.keys.set(addition.set)) }
        for message in commit.messages { command.append(self.keys.stream(message.stream)) }
    }

    private static func appendArguments(of commit: Commit, to command: inout RedisCommand) {
        command.append(commit.acknowledge?.group ?? "")
        command.append(commit.acknowledge?.id ?? "")
        let counts = [
            commit.writes.count, commit.puts.count, commit.deletes.count, commit.additions.count, commit.messages.count,
        ]
        for count in counts { command.append(Int64(count)) }
        for write in commit.writes {
            command.append(write.expectedVersion)
            command.append(write.expectedState)
            command.append(write.expectedVersion + 1)
            command.append(write.state)
            command.append(write.body)
            command.append(Int64(write.history.count))
            for entry in write.history { command.append(entry) }
        }
        for put in commit.puts { command.append(put.body) }
        for addition in commit.additions { command.append(addition.member) }
        for message in commit.messages {
            command.append(message.channel ?? "")
            command.append(message.body)
        }
    }

    static func texts(_ reply: RedisReply) throws(MessageBusError) -> [String] {
        var texts: [String] = []
        for element in try reply.elements() { texts.append(try element.text()) }
        return texts
    }
}
