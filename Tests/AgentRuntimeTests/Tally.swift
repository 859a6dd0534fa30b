import Logging
import Synchronization

/// Counts, from any thread.
final class Tally: Sendable {
    private let value = Atomic(0)

    var count: Int { self.value.load(ordering: .sequentiallyConsistent) }

    func increment() { self.value.add(1, ordering: .sequentiallyConsistent) }
}

/// Counts what is logged as an error or worse.
struct ErrorTally: LogHandler {
    let errors: Tally
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.error

    init(_ errors: Tally) { self.errors = errors }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) { self.errors.increment() }
}
