/// A way in which a broker misbehaves, by the name under which it is ordered.
package enum Fault: String, Hashable, Sendable, CaseIterable {
    /// The request is carried out, and a gateway answers that it was not heard of in time.
    case acceptThenGatewayTimeout = "accept-then-504"
    /// The request is carried out, and the connection ends without an answer.
    case acceptThenReset = "accept-then-reset"
    /// The request is carried out, and the answer is no JSON.
    case acceptThenGarbage = "accept-then-garbage"
    /// The connection ends without an answer, and nothing was done.
    case reset
    /// The broker is out of order, and nothing was done.
    case unavailable = "503"
    /// Turned away by the rate limit.
    case rateLimited = "429"
    /// What happens to orders is told twice.
    case duplicateUpdates = "duplicate-updates"
    /// The connection of the stream ends in place of what it had to tell of orders.
    case disconnect

    /// Of a stream, not of an answer.
    var isOfStreams: Bool { self == .duplicateUpdates || self == .disconnect }
}

/// What a fault strikes.
package enum FaultTarget: String, Hashable, Sendable, CaseIterable {
    /// Placing an order to buy.
    case entry
    /// Placing a stop.
    case stop
    /// Placing any other order to sell.
    case exit
    case cancel
    /// Asking about orders.
    case look
    /// Everything else that is asked by REST.
    case other
    /// What the streams tell of orders.
    case updates

    /// Of a request of either dialect.
    init(_ request: RESTRequest) {
        let isAboutOrders = request.path.contains { $0.hasPrefix("orders") }
        switch (request.method, isAboutOrders) {
        case ("POST", true), ("PUT", true), ("PATCH", true):
            let body = String(decoding: request.body, as: UTF8.self).lowercased()
            self = body.contains("\"buy\"") ? .entry : body.contains("\"stop\"") ? .stop : .exit
        case ("DELETE", true): self = .cancel
        case (_, true): self = .look
        default: self = .other
        }
    }
}
