/// Has requests answered, or what is ordered in place of an answer.
struct FaultyDesk: Sendable {
    let plan: FaultPlan
    let respond: @Sendable (RESTRequest) -> RESTReply

    func reply(to request: RESTRequest) -> RESTReply {
        switch self.plan.next(for: FaultTarget(request)) {
        case nil, .duplicateUpdates, .disconnect: return self.respond(request)
        case .reset: return .lost
        case .unavailable: return Self.gateway(503, "Service Unavailable")
        case .rateLimited:
            var reply = RESTFailure(status: 429, code: 42_910_000, message: "rate limit exceeded").reply
            reply.headers = [
                RESTReply.Header("X-RateLimit-Limit", "200"), RESTReply.Header("X-RateLimit-Remaining", "0"),
            ]
            return reply
        case .acceptThenGatewayTimeout: return self.carriedOut(request, Self.gateway(504, "Gateway Time-out"))
        case .acceptThenReset: return self.carriedOut(request, .lost)
        case .acceptThenGarbage: return self.carriedOut(request, Self.gateway(200, "OK"))
        }
    }

    /// A refusal stays one: it was not carried out.
    private func carriedOut(_ request: RESTRequest, _ answer: RESTReply) -> RESTReply {
        let reply = self.respond(request)
        return (200..<300).contains(reply.status) ? answer : reply
    }

    /// Gateways answer in HTML.
    private static func gateway(_ status: Int, _ title: String) -> RESTReply {
        RESTReply(
            status: status,
            body: Array("<html><head><title>\(status) \(title)</title></head></html>".utf8),
            contentType: "text/html"
        )
    }
}
