import TradingCore

/// The names of this system's keys. The braces make Redis Cluster keep them all in one slot, as the scripts need.
struct RedisKeys {
    private let prefix: String
    private let streamPrefix: String

    let quoteVersions: String
    let quoteConsumers: String
    let quoteCursors: String
    let quoteBacklog: String
    let trimCount: String

    init(namespace: String) {
        self.prefix = "{\(namespace)}:"
        self.streamPrefix = self.prefix + "stream:"
        self.quoteVersions = self.prefix + "quote:versions"
        self.quoteConsumers = self.prefix + "quote:consumers"
        self.quoteCursors = self.prefix + "quote:cursors"
        self.quoteBacklog = self.prefix + "quote:backlog"
        self.trimCount = self.prefix + "trims"
    }

    func stream(_ name: StreamName) -> String { self.streamPrefix + name.rawValue }
    func document(_ key: DocumentKey) -> String { self.prefix + "document:" + key.rawValue }
    func history(_ key: DocumentKey) -> String { self.prefix + "history:" + key.rawValue }
    func set(_ name: String) -> String { self.prefix + "set:" + name }
    func lease(_ name: String) -> String { self.prefix + "lease:" + name }
    func departures(_ budget: RateBudget) -> String { self.prefix + "rate:" + budget.id }
    func notice(_ budget: RateBudget) -> String { self.prefix + "broker-notice:" + budget.id }

    // Patterns, for who may do what with keys. A namespace has no character that means something in one.
    var all: String { self.prefix + "*" }
    var allStreams: String { self.streamPrefix + "*" }
    var allDepartures: String { self.prefix + "rate:*" }
    var allNotices: String { self.prefix + "broker-notice:*" }
    func documents(_ family: DocumentFamily) -> String { self.document(DocumentKey(rawValue: family.description)) }
    func histories(_ family: DocumentFamily) -> String { self.history(DocumentKey(rawValue: family.description)) }

    /// The stream that has this key.
    func streamName(of key: [UInt8]) -> StreamName {
        StreamName(rawValue: String(decoding: key.dropFirst(self.streamPrefix.utf8.count), as: UTF8.self))
    }
}
