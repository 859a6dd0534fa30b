package import HTTPTransport
package import TradingCore

/// Where spans are sent: OTLP over HTTP, in JSON (opentelemetry-proto, "OTLP/HTTP").
package struct OTLPCollector: Sendable {
    package let tracesURL: String
    /// Such as what a hosted collector wants for authorization; never logged.
    private let headers: [(name: String, value: String)]
    package let timeout: Duration
    /// Attributes of every resource, beside the service's own.
    private let resource: [String: String]

    package init(
        tracesURL: String,
        headers: [(name: String, value: String)] = [],
        timeout: Duration = .seconds(10),
        resource: [String: String] = [:]
    ) {
        self.tracesURL = tracesURL
        self.headers = headers
        self.timeout = timeout
        self.resource = resource
    }

    /// The spans of one process.
    package struct Batch: Sendable {
        package var service: String
        package var instance: String
        package var spans: [TraceSpan]

        package init(service: String, instance: String, spans: [TraceSpan]) {
            self.service = service
            self.instance = instance
            self.spans = spans
        }
    }

    package enum Outcome: Hashable, Sendable {
        /// `rejected`: how many it did not want, and why.
        case taken(rejected: Int, reason: String)
        /// Sending the same again would come to the same.
        case refused(String)
        case retry(after: Duration?, reason: String)
    }

    /// Sends, and blocks until the answer is there or, sooner than the usual time-out, `limit` has passed or
    /// `isWithdrawn` says so. The client must not be one whose requests are traced.
    package func send(
        _ batches: [Batch],
        over client: any HTTPClient,
        within limit: Duration? = nil,
        isWithdrawn: (@Sendable () -> Bool)? = nil
    ) -> Outcome {
        let timeout = max(min(self.timeout, limit ?? self.timeout), .milliseconds(1))
        var request = HTTPRequest(
            method: .post,
            url: self.tracesURL,
            headers: [("Content-Type", "application/json"), ("User-Agent", "quintet")] + self.headers,
            body: self.body(of: batches),
            connectTimeout: min(timeout, .seconds(5)),
            totalTimeout: timeout
        )
        request.isWithdrawn = isWithdrawn
        do throws(HTTPTransportError) {
            return Self.outcome(of: try client.perform(request))
        } catch {
            return .retry(after: nil, reason: error.message)
        }
    }

    package func body(of batches: [Batch]) -> [UInt8] {
        var writer = JSONWriter(capacity: 16_384)
        writer.object { $0.field("resourceSpans", batches.map { ResourceSpans(batch: $0, resource: self.resource) }) }
        return writer.bytes
    }

    static func outcome(of response: HTTPResponse) -> Outcome {
        switch response.status {
        case 200..<300:
            let partial = (try? JSONValue(parsing: response.body))?["partialSuccess"]
            return .taken(
                rejected: partial?["rejectedSpans"].flatMap(Self.count) ?? 0,
                reason: partial?["errorMessage"]?.stringValue ?? ""
            )
        case 429, 502, 503, 504:
            let seconds = response.header("Retry-After").flatMap { Int($0) }.map { min(max($0, 0), 3600) }
            return .retry(after: seconds.map { .seconds($0) }, reason: "the collector answers HTTP \(response.status)")
        default: return .refused("the collector answers HTTP \(response.status)")
        }
    }

    /// OTLP writes 64-bit integers as text; JSON's numbers are accepted besides.
    private static func count(_ value: JSONValue) -> Int? {
        switch value {
        case .string(let text), .number(let text): Int(text)
        default: nil
        }
    }

    private struct ResourceSpans: JSONEncodable {
        let batch: Batch
        let resource: [String: String]

        func write(to writer: inout JSONWriter) {
            var attributes = [
                "service.name": self.batch.service, "service.namespace": "quintet",
                "service.instance.id": self.batch.instance,
            ]
            // The services are told apart by their names; one name for all would hide which agent it was.
            attributes.merge(self.resource.filter { $0.key != "service.name" }) { $1 }
            writer.object {
                $0.object("resource") {
                    $0.field("attributes", attributes.sorted { $0.key < $1.key }.map(Attribute.init))
                }
                $0.field("scopeSpans", [ScopeSpans(spans: self.batch.spans)])
            }
        }
    }

    private struct ScopeSpans: JSONEncodable {
        let spans: [TraceSpan]

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.object("scope") { $0.field("name", "quintet") }
                $0.field("spans", self.spans)
            }
        }
    }

    private struct Attribute: JSONEncodable {
        let key: String
        let value: String

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("key", self.key)
                $0.object("value") { $0.field("stringValue", self.value) }
            }
        }
    }
}
