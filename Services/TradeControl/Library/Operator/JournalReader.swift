import AgentRuntime
import Glibc
import MessageBus
import TradingCore

/// Goes through the journal from its beginning, or from where somebody has stopped.
struct JournalReader {
    private let bus: any MessageBus
    private static let portion = 256

    init(_ bus: any MessageBus) {
        self.bus = bus
    }

    /// Every entry whose text holds `text`, oldest first, as it was written.
    func forEach(holding text: String? = nil, _ body: (_ id: String, _ bytes: [UInt8]) throws -> Void) throws {
        let wanted = text.map { Array($0.utf8) }
        var last: String?
        while true {
            let entries = try self.bus.entries(of: .journal, after: last, limit: Self.portion)
            guard let newest = entries.last else { return }
            for entry in entries where wanted.map({ Self.holds(entry.body, $0) }) ?? true {
                try body(entry.id, entry.body)
            }
            last = newest.id
        }
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
