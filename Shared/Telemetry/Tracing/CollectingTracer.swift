import Synchronization
package import Tracing
import TradingCore

/// The tracer behind `withSpan`: hands each span that ends to the collector of its context, from where it is committed
/// together with what it tells of. Outside such a context spans are not recorded.
package struct CollectingTracer: Tracer {
    package init() {}

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> InstrumentationContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> CollectedSpan {
        let parent = context()
        return CollectedSpan(operationName, kind, in: parent, at: instant().timestamp)
    }

    package func activeSpan(identifiedBy context: InstrumentationContext) -> CollectedSpan? { nil }

    package func forceFlush() {}

    package func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout InstrumentationContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {}

    package func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {}
}

/// A span under way. Safe from any thread.
package final class CollectedSpan: Tracing.Span {
    package let context: InstrumentationContext
    private let collector: SpanCollector?
    private let state: Mutex<State>

    private struct State {
        var name: String
        var span: TraceSpan
        var attributes: SpanAttributes = [:]
        var hasEnded = false
    }

    init(_ name: String, _ kind: SpanKind, in parent: InstrumentationContext, at start: Timestamp) {
        var own = parent
        let id = SpanID.random()
        own.spanID = id
        self.context = own
        self.collector = parent.spanCollector
        let span = TraceSpan(
            name,
            TraceSpan.Kind(kind),
            traceID: .undecided,
            id: id,
            parent: parent.spanID,
            start: start,
            end: start
        )
        self.state = Mutex(State(name: name, span: span))
    }

    package var operationName: String {
        get { self.state.withLock { $0.name } }
        set { self.state.withLock { $0.name = newValue } }
    }

    package var attributes: SpanAttributes {
        get { self.state.withLock { $0.attributes } }
        set { self.state.withLock { $0.attributes = newValue } }
    }

    package var isRecording: Bool { self.collector != nil && self.state.withLock { !$0.hasEnded } }

    package func setStatus(_ status: SpanStatus) {
        guard status.code == .error else { return }
        self.state.withLock { $0.span.failure = status.message ?? "" }
    }

    package func addEvent(_ event: SpanEvent) {
        let at = Timestamp(nanoseconds: Int64(clamping: event.nanosecondsSinceEpoch))
        let attributes = event.attributes.values
        self.state.withLock { $0.span.events.append(.init(event.name, at: at, attributes)) }
    }

    package func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {
        self.state.withLock { $0.span.fail("\(type(of: error))", "\(error)") }
    }

    package func addLink(_ link: SpanLink) {}

    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard let collector else { return }
        let end = instant().timestamp
        let span = self.state.withLock { state -> TraceSpan? in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            state.span.name = state.name
            state.span.end = end
            state.span.attributes.merge(state.attributes.values) { $1 }
            return state.span
        }
        if let span { collector.take(span) }
    }
}

extension TracerInstant {
    fileprivate var timestamp: Timestamp { Timestamp(nanoseconds: Int64(clamping: self.nanosecondsSinceEpoch)) }
}

extension SpanAttributes {
    fileprivate var values: [String: TraceSpan.AttributeValue] {
        var values: [String: TraceSpan.AttributeValue] = [:]
        self.forEach { name, attribute in
            switch attribute {
            case .int32(let value): values[name] = .integer(Int64(value))
            case .int64(let value): values[name] = .integer(value)
            case .bool(let value): values[name] = .flag(value)
            case .string(let value): values[name] = .text(value)
            case .double(let value): values[name] = .text("\(value)")
            case .stringConvertible(let value): values[name] = .text("\(value)")
            default: values[name] = .text("\(attribute)")
            }
        }
        return values
    }
}

extension TraceSpan.Kind {
    fileprivate init(_ kind: SpanKind) {
        self =
            switch kind {
            case .server: .server
            case .client: .client
            case .producer: .producer
            case .consumer: .consumer
            default: .internal
            }
    }
}
