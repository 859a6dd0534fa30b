import MessageBus

/// Sees what is appended to a stream, in no group: it changes nothing.
struct StreamWatch {
    private let connection: RedisConnection
    private let key: String
    private var lastID = "0"

    init(_ endpoint: RedisEndpoint, key: String) throws {
        self.connection = try RedisConnection(to: endpoint, commandTimeout: .seconds(10))
        self.key = key
    }

    /// Waits for the next entry.
    mutating func next() throws {
        let command = RedisCommand("XREAD", "BLOCK", "5000", "STREAMS", self.key, self.lastID)
        let reply = try self.connection.call(command)
        guard case .array(let streams) = reply, case .array(let stream) = streams.first,
            case .array(let entries) = stream.last, case .array(let entry) = entries.last,
            case .string(let id) = entry.first
        else { throw BenchmarkFailure("nothing has arrived on \(self.key) for 5 s") }
        self.lastID = String(decoding: id, as: UTF8.self)
    }
}
