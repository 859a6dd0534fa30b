import Glibc

/// Has requests answered, or what is ordered in place of an answer.
struct FaultyDesk: Sendable {
    let plan: FaultPlan
    let tokens: SchwabTokenDesk
    let respond: @Sendable (RESTRequest) -> RESTReply

    func reply(to request: RESTRequest) -> RESTReply {
        // The handshake was refused: with a connection to a stream nothing else is asked for.
        if StreamEndpoint(path: request.path) != nil { return Self.rateLimit(resetAfter: .zero) }
        var request = request
        let isSchwab = SchwabRouter.speaks(request.path)
        if isSchwab || request.path.last == "clock" {
            request.clockOffset = self.plan.next(for: .clock, isSchwab: isSchwab)?.duration ?? .zero
        }
        request.fault = self.plan.next(for: FaultTarget(request), isSchwab: isSchwab)
        guard let order = request.fault else { return self.respond(request) }
        switch order.fault {
        case .reset: return .lost
        case .unavailable: return Self.gateway(503, "Service Unavailable")
        case .rateLimited: return Self.rateLimit(resetAfter: order.duration)
        case .acceptThenGatewayTimeout: return self.carriedOut(request, Self.gateway(504, "Gateway Time-out"))
        case .acceptThenServerError: return self.carriedOut(request, Self.serverError)
        case .acceptThenReset: return self.carriedOut(request, .lost)
        case .acceptThenGarbage: return self.carriedOut(request, Self.gateway(200, "OK"))
        case .acceptThenNoLocation:
            let reply = self.respond(request)
            return (200..<300).contains(reply.status) ? RESTReply(status: reply.status, contentType: nil) : reply
        case .delay:
            var reply = self.respond(request)
            reply.delay = order.duration
            return reply
        case .refuseRefresh: return SchwabLoginEndpoints.refusedRefresh
        case .expiredToken:
            self.tokens.expireAccessTokens()
            return self.respond(request)
        default: return self.respond(request)
        }
    }

    /// A refusal stays one: it was not carried out.
    private func carriedOut(_ request: RESTRequest, _ answer: RESTReply) -> RESTReply {
        let reply = self.respond(request)
        return (200..<300).contains(reply.status) ? answer : reply
    }

    private static var serverError: RESTReply {
        RESTFailure(status: 500, code: 50_010_000, message: "internal server error occurred").reply
    }

    private static func rateLimit(resetAfter duration: Duration) -> RESTReply {
        let seconds = Int(duration.components.seconds)
        var reply = RESTFailure(status: 429, code: 42_910_000, message: "rate limit exceeded").reply
        reply.headers = [
            RESTReply.Header("X-RateLimit-Limit", "200"), RESTReply.Header("X-RateLimit-Remaining", "0"),
            RESTReply.Header("X-RateLimit-Reset", "\(time(nil) + seconds)"),
        ]
        if seconds > 0 { reply.headers.append(RESTReply.Header("Retry-After", "\(seconds)")) }
        return reply
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
