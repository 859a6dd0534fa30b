import Synchronization
package import Tracing
package import TradingCore

/// Takes the spans that end while one piece of work is done. Safe from any thread.
package final class SpanCollector: Sendable {
    private let ended = Mutex<[TraceSpan]>([])

    package init() {}

    /// In the order in which they ended.
    package var spans: [TraceSpan] { self.ended.withLock { $0 } }

    func take(_ span: TraceSpan) { self.ended.withLock { $0.append(span) } }
}

extension InstrumentationContext {
    private enum CollectorKey: InstrumentationContextKey {
        typealias Value = SpanCollector
    }

    private enum SpanKey: InstrumentationContextKey {
        typealias Value = SpanID
    }

    /// Where spans opened in this context go; nil: nowhere.
    package var spanCollector: SpanCollector? {
        get { self[CollectorKey.self] }
        set { self[CollectorKey.self] = newValue }
    }

    /// The span that encloses this context.
    var spanID: SpanID? {
        get { self[SpanKey.self] }
        set { self[SpanKey.self] = newValue }
    }
}
