/// The connection that published messages come in on.
final class RedisSubscriber {
    private let connection: RedisConnection
    private var channels: Set<String> = []
    /// What came in while a subscription was being confirmed.
    private var early: [PublishedMessage] = []

    init(to endpoint: RedisEndpoint, patience: Duration) throws(MessageBusError) {
        self.connection = try RedisConnection(to: endpoint, commandTimeout: patience)
    }

    var descriptor: Int32 { self.connection.descriptor }

    /// Subscribes to what is not subscribed to yet. On return the server has confirmed: nothing published from now on
    /// is missed.
    func subscribe(to wanted: Set<String>) throws(MessageBusError) {
        let new = wanted.subtracting(self.channels).sorted()
        guard !new.isEmpty else { return }
        var command = RedisCommand("SUBSCRIBE")
        for channel in new { command.append(channel) }
        try self.connection.send(command)
        var confirmed = 0
        while confirmed < new.count {
            if let message = try Self.message(try self.connection.nextReply().accepted()) {
                self.early.append(message)
            } else {
                confirmed += 1
            }
        }
        // What came in together with the last confirmation makes the socket readable no more.
        while let reply = try self.connection.bufferedReply() {
            if let message = try Self.message(reply) { self.early.append(message) }
        }
        self.channels.formUnion(new)
    }

    func takeEarly() -> [PublishedMessage] {
        guard !self.early.isEmpty else { return [] }
        defer { self.early = [] }
        return self.early
    }

    /// All complete messages, after `poll(2)` has found the socket readable. One read's worth, so bounded.
    func readAvailable() throws(MessageBusError) -> [PublishedMessage] {
        try self.connection.readAvailable()
        var messages: [PublishedMessage] = []
        while let reply = try self.connection.bufferedReply() {
            if let message = try Self.message(reply) { messages.append(message) }
        }
        return messages
    }

    /// Nil for a confirmation.
    private static func message(_ reply: RedisReply) throws(MessageBusError) -> PublishedMessage? {
        let parts = try reply.elements(atLeast: 3)
        guard try parts[0].text() == "message" else { return nil }
        return PublishedMessage(channel: try parts[1].text(), body: try parts[2].bytes())
    }
}
