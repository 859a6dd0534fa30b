import Logging
import Synchronization

/// The levels of what was logged, in order.
final class MessageList: LogHandler, Sendable {
    private let list = Mutex<[Logger.Level]>([])

    var levels: [Logger.Level] { self.list.withLock { $0 } }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) { self.list.withLock { $0.append(event.level) } }
}
