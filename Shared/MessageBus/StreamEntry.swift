/// An entry as the server lists it.
struct StreamEntry {
    var id: String
    /// Nil if the entry has been trimmed away. Empty if somebody else has written an entry without our field.
    var body: [UInt8]?

    init(_ reply: RedisReply) throws(MessageBusError) {
        let parts = try reply.elements(atLeast: 2)
        self.id = try parts[0].text()
        guard parts[1] != .null else { return }
        let fields = try parts[1].elements()
        self.body = []
        for index in stride(from: 0, to: fields.count - 1, by: 2) where fields[index] == Self.field {
            self.body = try fields[index + 1].bytes()
        }
    }

    private static let field = RedisReply.string([UInt8(ascii: "d")])

    static func list(_ reply: RedisReply) throws(MessageBusError) -> [StreamEntry] {
        var entries: [StreamEntry] = []
        for element in try reply.elements() { entries.append(try StreamEntry(element)) }
        return entries
    }
}

extension [Delivery] {
    /// Oldest first, whatever the stream; in the order they came where ids are equal.
    mutating func sortByAge() {
        guard self.count > 1 else { return }
        let keyed = self.enumerated().map { offset, delivery in (StreamPosition(delivery.id), offset, delivery) }
        self = keyed.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
    }
}
