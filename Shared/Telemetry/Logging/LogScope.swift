package import Logging
package import Tracing
package import TradingCore

/// What a thread's work belongs to: stands on each line that it logs meanwhile.
package struct LogScope: Hashable, Sendable {
    package var traceID: TraceID
    package var spanID: SpanID?
    package var tradeID: TradeID?

    package init(traceID: TraceID, spanID: SpanID? = nil, tradeID: TradeID? = nil) {
        self.traceID = traceID
        self.spanID = spanID
        self.tradeID = tradeID
    }

    package var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = ["trace_id": "\(self.traceID)"]
        if let spanID { metadata["span_id"] = "\(spanID)" }
        if let tradeID { metadata["trade_id"] = "\(tradeID)" }
        return metadata
    }
}

extension InstrumentationContext {
    private enum ScopeKey: InstrumentationContextKey {
        typealias Value = LogScope
    }

    /// Nil where the work belongs to no trace.
    package var logScope: LogScope? {
        get { self[ScopeKey.self] }
        set { self[ScopeKey.self] = newValue }
    }
}

extension Logger.MetadataProvider {
    /// The current context's scope.
    static let scope = Logger.MetadataProvider { InstrumentationContext.current?.logScope?.metadata ?? [:] }
}
