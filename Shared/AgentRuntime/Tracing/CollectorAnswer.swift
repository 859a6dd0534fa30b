import HTTPTransport
import Telemetry

/// Whether the trace collector that the settings name takes spans.
package enum CollectorAnswer: Hashable, Sendable {
    case notConfigured
    case takes(url: String)
    case refuses(url: String, reason: String)

    /// A collector has little to say, whatever comes: what it sends is kept until it has been read.
    static let maximumBytes = 1 << 16

    /// Sends a request without spans, and blocks until it is answered or has failed.
    package init(_ settings: Settings) throws(ConfigurationError) {
        guard let collector = try TracingSettings(settings).collector else {
            self = .notConfigured
            return
        }
        // What follows may be a key.
        let url = String(collector.tracesURL.prefix { $0 != "?" })
        let client = CurlHTTPClient(tls: try TLSSettings(settings), maximumResponseBytes: Self.maximumBytes)
        self =
            switch collector.send([], over: client, within: .seconds(5)) {
            case .taken: .takes(url: url)
            case .refused(let reason), .retry(_, let reason): .refuses(url: url, reason: reason)
            }
    }
}
