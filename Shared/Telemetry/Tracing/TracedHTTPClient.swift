package import HTTPTransport
import Tracing
import TradingCore

/// Sends requests as they are, each in a span of the current context, as OpenTelemetry's conventions for HTTP clients have
/// it. Queries, headers but for the broker's name of the request, and bodies stay out of the trace.
package struct TracedHTTPClient: HTTPClient {
    private let client: any HTTPClient

    /// How brokers name a request; their support asks for it.
    private static let requestNames = ["X-Request-ID", "Schwab-Client-CorrelId"]

    package init(_ client: any HTTPClient) {
        self.client = client
    }

    package func perform(_ request: HTTPRequest) throws(HTTPTransportError) -> HTTPResponse {
        let span = startSpan(request.method.rawValue, ofKind: .client)
        defer { span.end() }
        span.attributes["http.request.method"] = request.method.rawValue
        if let place = RequestPlace(request.url) {
            span.attributes["server.address"] = place.host
            span.attributes["url.path"] = place.path
        }
        if let body = request.body { span.attributes["http.request.body.size"] = body.count }
        do throws(HTTPTransportError) {
            let response = try self.client.perform(request)
            span.attributes["http.response.status_code"] = response.status
            span.attributes["http.response.body.size"] = response.body.count
            if let name = Self.requestNames.lazy.compactMap({ response.header($0) }).first {
                span.attributes["broker.request_id"] = name
            }
            if response.status >= 400 {
                span.attributes["error.type"] = "\(response.status)"
                span.setStatus(SpanStatus(code: .error, message: "HTTP \(response.status)"))
            }
            return response
        } catch {
            span.attributes["error.type"] = "\(error.code)"
            span.attributes["error.message"] = error.message
            span.setStatus(SpanStatus(code: .error, message: error.message))
            throw error
        }
    }
}

/// Where a request goes, as far as a trace may tell.
struct RequestPlace: Hashable {
    let host: String
    let path: String

    /// Nil for what is no absolute URL.
    init?(_ url: String) {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        let rest = url[scheme.upperBound...]
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        self.host = String(rest[..<end])
        let path = rest[end...].prefix { $0 != "?" && $0 != "#" }
        var segments = path.split(separator: "/", omittingEmptySubsequences: false)
        // Schwab's orders stand below the account's number, in a form that works like it.
        if let account = segments.firstIndex(of: "accounts").map({ $0 + 1 }), segments.indices.contains(account) {
            segments[account] = "{account}"
        }
        self.path = path.isEmpty ? "/" : segments.joined(separator: "/")
    }
}
