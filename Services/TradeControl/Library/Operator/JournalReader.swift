import AgentRuntime
import Glibc
package import MessageBus
package import TradingCore

/// Goes through the journal from its beginning, or from where somebody has stopped.
package struct JournalReader {
    private let bus: any MessageBus

    package init(_ bus: any MessageBus) {
        self.bus = bus
    }

    /// Every entry of these streams whose text holds `text`, oldest first, as it was written.
    package func forEach(
        in streams: [StreamName] = [.journal],
        holding text: String? = nil,
        _ body: (_ id: String, _ bytes: [UInt8]) throws -> Void
    ) throws {
        let wanted = text.map { Array($0.utf8) }
        var pages = try streams.map { try Page(of: $0, in: self.bus) }
        while true {
            let ahead = pages.indices.compactMap { index in
                pages[index].first.map { (index, StreamPosition($0.id), $0) }
            }
            guard let (index, _, entry) = ahead.min(by: { ($0.1, $0.0) < ($1.1, $1.0) }) else { return }
            try pages[index].drop(from: self.bus)
            if wanted.map({ Self.holds(entry.body, $0) }) ?? true { try body(entry.id, entry.body) }
        }
    }

    /// What has been read of one stream and not been gone through.
    private struct Page {
        private let stream: StreamName
        private var entries: ArraySlice<(id: String, body: [UInt8])>

        init(of stream: StreamName, in bus: any MessageBus) throws {
            self.stream = stream
            self.entries = try bus.entries(of: stream, after: nil, limit: Self.limit)[...]
        }

        var first: (id: String, body: [UInt8])? { self.entries.first }

        /// Goes on to the next entry.
        mutating func drop(from bus: any MessageBus) throws {
            guard let entry = self.entries.popFirst(), self.entries.isEmpty else { return }
            self.entries = try bus.entries(of: self.stream, after: entry.id, limit: Self.limit)[...]
        }

        private static let limit = 256
    }

    /// The journal is long, and the library's search is slow.
    private static func holds(_ bytes: [UInt8], _ wanted: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            wanted.withUnsafeBytes { wanted in
                guard let first = wanted.first, let start = wanted.baseAddress else { return true }
                var rest = bytes[...]
                while rest.count >= wanted.count, let index = rest.firstIndex(of: first) {
                    rest = rest[index...]
                    guard rest.count >= wanted.count, let place = UnsafeRawBufferPointer(rebasing: rest).baseAddress
                    else {
                        return false
                    }
                    if memcmp(place, start, wanted.count) == 0 { return true }
                    rest = rest.dropFirst()
                }
                return false
            }
        }
    }

    /// What `look` finds in an entry. Nil, and a line on the error output, for what cannot be read, such as another
    /// version's.
    static func read<Found>(_ bytes: [UInt8], _ id: String, _ look: (JournalEntry) throws -> Found) -> Found? {
        do {
            return try look(try JournalEntry(json: try JSONValue(parsing: bytes)))
        } catch {
            FileSystem.write("tradectl: the journal's entry \(id) cannot be read: \(error)\n", to: STDERR_FILENO)
            return nil
        }
    }
}
