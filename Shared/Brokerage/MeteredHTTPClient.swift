package import HTTPTransport
package import TradingCore

/// Sends a request when the rate gate lets it through, and tells the gate of the answer: each page and each look counts
/// as what it is at the broker, one request.
package struct MeteredHTTPClient: HTTPClient {
    private let client: any HTTPClient
    private let gate: RateGate
    private let now: () -> Timestamp
    private let part: (HTTPRequest) -> RateBudgets.Part?

    /// `part` says which budget a request is counted in; nil sends it uncounted. `now` tells wall time.
    init(
        _ client: any HTTPClient,
        gate: RateGate,
        now: @escaping () -> Timestamp,
        part: @escaping (HTTPRequest) -> RateBudgets.Part?
    ) {
        self.client = client
        self.gate = gate
        self.now = now
        self.part = part
    }

    package init(_ client: any HTTPClient, gate: RateGate, alpaca: AlpacaEndpoints, now: @escaping () -> Timestamp) {
        self.init(client, gate: gate, now: now) { alpaca.rateBudgetPart(of: $0) }
    }

    package init(_ client: any HTTPClient, gate: RateGate, schwab: SchwabEndpoints, now: @escaping () -> Timestamp) {
        self.init(client, gate: gate, now: now) { schwab.rateBudgetPart(of: $0) }
    }

    package func perform(_ request: HTTPRequest) throws(HTTPTransportError) -> HTTPResponse {
        guard let part = self.part(request) else { return try self.client.perform(request) }
        let probe = try self.gate.admit(part)
        let response = try self.client.perform(request)
        self.gate.answered(response, part, probe: probe, at: self.now())
        return response
    }
}
