/// The `traceparent` of W3C Trace Context: which span what is said belongs to.
package struct TraceParent: Hashable, Sendable, CustomStringConvertible {
    package var traceID: TraceID
    package var spanID: SpanID
    package var isSampled: Bool

    package init(traceID: TraceID, spanID: SpanID, isSampled: Bool = true) {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
    }

    /// Reads version 00 strictly, and of a later version the part that all share. Nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].utf8.count == 2, parts[0].utf8.allSatisfy(isLowerHexadecimal),
            parts[0] != "ff",
            parts[0] != "00" || parts.count == 4,
            let traceID = TraceID(parts[1]), let spanID = SpanID(parts[2]),
            parts[3].utf8.count == 2, parts[3].utf8.allSatisfy(isLowerHexadecimal),
            let flags = UInt8(parts[3], radix: 16)
        else { return nil }
        self.init(traceID: traceID, spanID: spanID, isSampled: flags & 1 == 1)
    }

    package var description: String { "00-\(self.traceID)-\(self.spanID)-\(self.isSampled ? "01" : "00")" }
}
