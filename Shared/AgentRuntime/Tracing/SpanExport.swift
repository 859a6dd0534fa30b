import CoreMetrics
package import HTTPTransport
package import Logging
package import MessageBus
package import Telemetry
package import TradingCore

/// Sends the journal's spans to a collector, oldest first, from a thread of its own. The journal is the queue, so a killed
/// process loses no span, nothing waits for the collector, and no memory grows while it is away: what the journal no longer
/// holds when it is back is counted as dropped. One process at a time does it for all.
package final class SpanExport {
    private let collector: OTLPCollector
    private let settings: TracingSettings
    private let client: any HTTPClient
    private let bus: any MessageBus
    private let holder: String
    private let stop: StopSignal
    private let heartbeat: Heartbeat
    private let logger: Logger
    private let now: () -> Timestamp
    private let exported = Counter(label: MetricName.spans.rawValue, dimensions: [("outcome", "exported")])
    private let dropped = Counter(label: MetricName.spans.rawValue, dimensions: [("outcome", "dropped")])
    private var repetitions = RepetitionFilter()
    private var failures = 0
    /// Once the process is to stop: until when spans may be sent.
    private var end: Duration?

    /// Longer than a request lasts, so that no two processes send at once.
    private var leaseDuration: Duration { self.collector.timeout + .seconds(20) }
    private static let entriesAtOnce = 64
    /// Less than a process has for its graceful end.
    private static let flushDuration = Duration.seconds(2)

    package init(
        to collector: OTLPCollector,
        settings: TracingSettings,
        client: any HTTPClient,
        bus: any MessageBus,
        holder: String,
        stop: StopSignal,
        heartbeat: Heartbeat,
        logger: Logger,
        now: @escaping () -> Timestamp = WallClock.now
    ) {
        self.collector = collector
        self.settings = settings
        self.client = client
        self.bus = bus
        self.holder = holder
        self.stop = stop
        self.heartbeat = heartbeat
        self.logger = logger
        self.now = now
    }

    /// Runs until the stop signal is given, and then sends what can be sent within the time that the process has left.
    package func run() {
        var pause = self.settings.scheduleDelay
        while !self.stop.wait(for: pause, beating: self.heartbeat) { pause = self.turn() }
        self.end = MonotonicClock.now() + Self.flushDuration
        _ = self.turn()
        try? self.bus.releaseLease(AgentName.spanExportLease, holder: self.holder)
    }

    /// Sends everything there is. Returns how long to wait then.
    package func turn() -> Duration {
        do {
            while try self.bus.acquireLease(AgentName.spanExportLease, holder: self.holder, for: self.leaseDuration) {
                self.heartbeat.beat()
                // The rest of a long backlog is another process's, or waits.
                guard self.end.map({ MonotonicClock.now() < $0 }) ?? !self.stop.isGiven else { break }
                guard let pause = try self.sendNext() else { continue }
                return pause
            }
        } catch let error as MessageBusError where error.code == .unreachable {
            // The bus is looked after elsewhere; the spans wait in it.
        } catch {
            self.say("spans cannot be read from the journal: they wait in it", "\(error)")
        }
        return self.settings.scheduleDelay
    }

    /// Nil if there may be more to send at once.
    private func sendNext() throws -> Duration? {
        var cursor = try self.cursor()
        if let left = cursor.pausedUntil.map({ $0 - self.now() }), Duration.zero < left, left <= .seconds(3600) {
            return left
        }
        let entries = try self.bus.entries(of: .journal, after: cursor.id, limit: Self.entriesAtOnce)
        guard !entries.isEmpty else {
            if let newest = try self.bus.tail(of: .journal, limit: 1).first, let id = cursor.id,
                StreamPosition(newest.id) < StreamPosition(id)
            {
                // Somebody has put another journal in the place of the one that was read.
                try self.store(Cursor())
                return nil
            }
            let lost = try self.bus.appendedCount(of: .journal) - cursor.count
            guard lost != 0 else { return self.settings.scheduleDelay }
            // Trimmed away before they were sent: how many spans they held nobody knows, so each counts as one.
            if lost > 0 { self.dropped.increment(by: lost) }
            cursor.count += lost
            try self.store(cursor)
            return self.settings.scheduleDelay
        }
        // As many entries as one request takes, so that what was taken is not sent again with what has to wait.
        var told: [(entry: JournalEntry, spans: [TraceSpan])] = []
        var (spanCount, entryCount, unreadable) = (0, 0, 0)
        for (id, body) in entries {
            let next = self.spans(body)
            let length = next?.spans.count ?? 0
            guard entryCount == 0 || spanCount + length <= self.settings.batchSize else { break }
            if let next, length > 0 { told.append(next) }
            if next == nil { unreadable += 1 }
            spanCount += length
            entryCount += 1
            cursor.id = id
        }
        let batches = Self.batches(told)
        // One entry alone may have more; its first spans are sent again then, and collectors know spans by id.
        for start in stride(from: 0, to: spanCount, by: self.settings.batchSize) {
            guard let pause = self.send(batches.part(from: start, count: self.settings.batchSize)) else { continue }
            try self.keep(pause)
            return pause.duration
        }
        cursor.count += Int64(entryCount)
        cursor.pausedUntil = nil
        try self.store(cursor)
        if unreadable > 0 {
            // How many spans they hold is not known.
            self.dropped.increment(by: unreadable)
            self.say("an entry of the journal cannot be read: its spans are not sent", "it has another form")
        }
        return self.stop.isGiven && entryCount == entries.count && entryCount < Self.entriesAtOnce ? .zero : nil
    }

    /// `isAsked`: the collector has said how long, which concerns every process.
    private struct Pause {
        var duration: Duration
        var isAsked: Bool
    }

    /// Nil once they are dealt with; else how long to wait before they are sent again.
    private func send(_ batches: [OTLPCollector.Batch]) -> Pause? {
        let count = batches.spanCount
        let stop = self.stop
        var isWithdrawn: (@Sendable () -> Bool)?
        // What is sent at the process's end has a limit of its own.
        if self.end == nil { isWithdrawn = { stop.isGiven } }
        let outcome = self.collector.send(
            batches,
            over: self.client,
            within: self.end.map { $0 - MonotonicClock.now() },
            isWithdrawn: isWithdrawn
        )
        switch outcome {
        case .taken(let said, let reason):
            let rejected = min(max(said, 0), count)
            self.failures = 0
            self.exported.increment(by: count - rejected)
            if rejected > 0 { self.drop(rejected, because: reason) }
            return nil
        case .refused(let reason):
            self.failures = 0
            self.drop(count, because: reason)
            return nil
        case .retry(let after, let reason):
            if self.end == nil, self.stop.isGiven { return Pause(duration: .zero, isAsked: false) }
            self.failures += 1
            self.say("the trace collector does not take spans: they wait in the journal", reason)
            let backOff = Duration.seconds(1) * (1 << min(self.failures - 1, 6))
            if let after { return Pause(duration: after, isAsked: true) }
            return Pause(duration: min(backOff, .seconds(60)) * Double.random(in: 0.9...1.1), isAsked: false)
        }
    }

    private func keep(_ pause: Pause) throws {
        guard pause.isAsked else { return }
        var cursor = try self.cursor()
        cursor.pausedUntil = self.now() + pause.duration
        try self.store(cursor)
    }

    private func drop(_ count: Int, because reason: String) {
        self.dropped.increment(by: count)
        self.say("the trace collector has refused spans: they are only in the journal", reason)
    }

    private func say(_ text: String, _ reason: String) {
        let isNew = self.repetitions.isWorthSaying(text + reason, now: MonotonicClock.now())
        self.logger.log(
            level: isNew ? .warning : .debug,
            "\(text)",
            metadata: ["collector": "\(self.collector.tracesURL.prefix { $0 != "?" })", "reason": "\(reason)"]
        )
    }

    /// Those of an entry that are to be sent. Nil for what cannot be read, such as a newer version's.
    private func spans(_ body: [UInt8]) -> (entry: JournalEntry, spans: [TraceSpan])? {
        guard let entry = try? JournalEntry(json: try JSONValue(parsing: body)), let all = try? entry.allSpans else {
            return nil
        }
        return (entry, all.filter { self.settings.sampler.takes($0.traceID) })
    }

    /// By process, in the order in which they come up.
    private static func batches(_ told: [(entry: JournalEntry, spans: [TraceSpan])]) -> [OTLPCollector.Batch] {
        var batches: [OTLPCollector.Batch] = []
        for (entry, spans) in told {
            let service = entry.source
            if let index = batches.firstIndex(where: { $0.service == service && $0.instance == entry.instance }) {
                batches[index].spans += spans
            } else {
                batches.append(.init(service: service, instance: entry.instance, spans: spans))
            }
        }
        return batches
    }

    private struct Cursor: JSONCodable {
        /// The last entry dealt with.
        var id: String?
        /// How many entries there were up to it.
        var count: Int64 = 0
        /// Until when the collector has asked not to be asked, by the wall clock.
        var pausedUntil: Timestamp?

        init() {}

        init(json: JSONValue) throws(JSONError) {
            let object = try JSONObject(json)
            self.id = try object.optional("entry")
            self.count = try object.value("count")
            // Any agent may have written it.
            guard 0..<(1 << 62) ~= self.count, self.id.map({ StreamPosition($0) != StreamPosition("") }) ?? true else {
                throw JSONError("no place in the journal")
            }
            self.pausedUntil = try object.optional("paused_until")
        }

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("entry", self.id)
                $0.field("count", self.count)
                $0.field("paused_until", self.pausedUntil)
            }
        }
    }

    private func cursor() throws -> Cursor {
        guard let document = try self.bus.load([DocumentKey.spanExport]).first ?? nil,
            let cursor = try? Cursor(json: try JSONValue(parsing: document.body))
        else { return Cursor() }
        return cursor
    }

    private func store(_ cursor: Cursor) throws {
        var commit = Commit()
        commit.puts = [(DocumentKey.spanExport, JSONWriter.bytes(cursor))]
        _ = try self.bus.commit(commit)
    }
}

extension [OTLPCollector.Batch] {
    fileprivate var spanCount: Int { self.reduce(0) { $0 + $1.spans.count } }

    /// So many of all the spans, each with its process.
    fileprivate func part(from start: Int, count: Int) -> [OTLPCollector.Batch] {
        var (skipped, left) = (start, count)
        return self.compactMap { batch in
            let spans = batch.spans.dropFirst(skipped).prefix(left)
            skipped = Swift.max(skipped - batch.spans.count, 0)
            left -= spans.count
            guard !spans.isEmpty else { return nil }
            return .init(service: batch.service, instance: batch.instance, spans: [TraceSpan](spans))
        }
    }
}
