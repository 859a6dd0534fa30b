import TradingCore

/// The connection that waits for stream entries. What it has asked for stays asked for while its owner does other
/// things, and the answer, whenever it comes, is handed out by the next look: the server counts it as delivered.
final class RedisStreamReader {
    struct Query: Hashable {
        var group: String
        var consumer: String
        var streams: [StreamName]
        var limit: Int
    }

    /// How long the server lets one read wait. Bounds how late a dead connection is noticed.
    private static let blockDuration = Duration.seconds(5)

    private let connection: RedisConnection
    private let keys: RedisKeys
    private let patience: Duration
    private(set) var outstanding: Query?
    /// When the outstanding read must have been answered.
    private(set) var answerDue = ContinuousClock.now
    /// By which the server knows this connection.
    let identifier: Int64
    /// Whether the server has been asked to end the outstanding read.
    var isInterrupted = false

    /// Connects. `patience` is how late the server may be.
    init(to endpoint: RedisEndpoint, keys: RedisKeys, patience: Duration) throws(MessageBusError) {
        self.connection = try RedisConnection(to: endpoint, commandTimeout: patience)
        self.keys = keys
        self.patience = patience
        self.identifier = try self.connection.call(RedisCommand("CLIENT", "ID")).integer()
    }

    var descriptor: Int32 { self.connection.descriptor }

    /// Asks and does not wait.
    func begin(_ query: Query) throws(MessageBusError) {
        self.answerDue = .now + Self.blockDuration + self.patience
        self.outstanding = query
        self.isInterrupted = false
        try self.connection.send(self.command(query, block: Self.blockDuration))
    }

    /// What there is already, while nothing is outstanding.
    func readNow(_ query: Query) throws(MessageBusError) -> [Delivery] {
        try self.deliveries(try self.connection.call(self.command(query, block: nil)))
    }

    /// What has come for the outstanding read, after `poll(2)` has found the socket readable: nothing, as long as the
    /// answer is not complete, if the server's waiting time has passed, or if somebody has ended the wait.
    func readAvailable() throws(MessageBusError) -> [Delivery] {
        try self.connection.readAvailable()
        guard let reply = try self.connection.bufferedReply() else { return [] }
        self.outstanding = nil
        // So it says of CLIENT UNBLOCK with ERROR, whoever sent it, and of a stream that was deleted meanwhile.
        if case .error(let text) = reply, text.hasPrefix("UNBLOCKED") { return [] }
        return try self.deliveries(reply)
    }

    private func command(_ query: Query, block: Duration?) -> RedisCommand {
        var command = RedisCommand("XREADGROUP", "GROUP", query.group, query.consumer, "COUNT", String(query.limit))
        if let block {
            command.append("BLOCK")
            command.append(block.milliseconds)
        }
        command.append("STREAMS")
        for stream in query.streams { command.append(self.keys.stream(stream)) }
        for _ in query.streams { command.append(">") }
        return command
    }

    private func deliveries(_ reply: RedisReply) throws(MessageBusError) -> [Delivery] {
        var deliveries: [Delivery] = []
        for part in try reply.elements() {
            let pair = try part.elements(atLeast: 2)
            let stream = self.keys.streamName(of: try pair[0].bytes())
            for entry in try StreamEntry.list(pair[1]) {
                deliveries.append(Delivery(stream: stream, id: entry.id, deliveryCount: 1, body: entry.body ?? []))
            }
        }
        deliveries.sortByAge()
        return deliveries
    }
}
