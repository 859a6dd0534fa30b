/// A way in which a broker misbehaves, by the name under which it is ordered.
package enum Fault: String, Hashable, Sendable, CaseIterable {
    // MARK: Answers

    /// The request is carried out, and a gateway answers that it was not heard of in time.
    case acceptThenGatewayTimeout = "accept-then-504"
    /// The request is carried out, and the broker answers that it failed.
    case acceptThenServerError = "accept-then-500"
    /// The request is carried out, and the connection ends without an answer.
    case acceptThenReset = "accept-then-reset"
    /// The request is carried out, and the answer is no JSON.
    case acceptThenGarbage = "accept-then-garbage"
    /// The order is taken, and the answer does not tell its number: no `Location`, and no body.
    case acceptThenNoLocation = "accept-then-no-location"
    /// The request is carried out at once, and answered after `seconds`.
    case delay
    /// The connection ends without an answer, and nothing was done.
    case reset
    /// The broker is out of order, and nothing was done.
    case unavailable = "503"
    /// Turned away by the rate limit, for `seconds` by its own word.
    case rateLimited = "429"

    // MARK: Orders

    /// The order is taken, never fills, and is rejected after `seconds`.
    case acceptThenReject = "accept-then-reject"
    /// Only `percent` of the order fills, of what should have filled all of it. The rest stays open.
    case partialFill = "partial-fill"
    /// When the order fills, it has been replaced by one that nobody asked for, and that one is filled. Then the replay
    /// stands still for `seconds`.
    case filledSuccessor = "filled-successor"
    /// The order stays in `pending_cancel` for `seconds`.
    case slowCancel = "slow-cancel"
    /// The order stays in `pending_cancel` for `seconds` and then fills. Of a replacement: the new order is rejected.
    case lateFill = "late-fill"

    // MARK: Login

    /// The access token has ended before its time.
    case expiredToken = "expired-token"
    /// The login has ended: no new access token.
    case refuseRefresh = "refuse-refresh"
    /// With the access token comes another refresh token, and the old one has ended.
    case rotateRefresh = "rotate-refresh"

    // MARK: Streams

    /// What happens to orders is told twice.
    case duplicateUpdates = "duplicate-updates"
    /// What happens to orders is not told, and the replay stands still for `seconds`.
    case dropUpdates = "drop-updates"
    /// What happens to orders is told `seconds` later than it could be, after what is told meanwhile.
    case lateUpdates = "late-updates"
    /// What happens to orders at one moment is told in the wrong order.
    case reorderUpdates = "reorder-updates"
    /// From now on the socket tells nothing more of the kind, and lives. The replay stands still for `seconds` each time.
    case silent
    /// Before the message comes half of it, which is no JSON.
    case invalidFrame = "invalid-frame"
    /// The connection of the stream ends in place of what it had to tell.
    case disconnect
    /// Another program logs in to the stream as the same user.
    case bump
    /// A connection more than the account may have: the data stream says so with its error 406, any other refuses the
    /// handshake with a 429.
    case connectionLimit = "406"

    // MARK: Market

    /// Trading of every symbol is halted after its opening tick and goes on with its closing tick.
    case halt
    /// The session closes at 13:00, and the calendar says so.
    case halfDay = "half-day"
    /// The broker's clock is off by `seconds`.
    case clockSkew = "clock-skew"

    /// What it can strike.
    package var targets: [FaultTarget] {
        switch self {
        case .acceptThenGatewayTimeout, .acceptThenServerError, .acceptThenReset, .acceptThenGarbage:
            [.entry, .stop, .exit, .replace, .cancel, .look, .other]
        case .delay, .reset, .unavailable: [.entry, .stop, .exit, .replace, .cancel, .look, .other, .login]
        case .rateLimited: [.entry, .stop, .exit, .replace, .cancel, .look, .other, .login, .connect]
        case .acceptThenNoLocation: [.entry, .stop, .exit, .replace]
        case .acceptThenReject, .partialFill, .filledSuccessor: [.entry, .stop, .exit]
        case .slowCancel: [.cancel]
        case .lateFill: [.cancel, .replace]
        case .expiredToken: [.entry, .stop, .exit, .replace, .cancel, .look, .other]
        case .refuseRefresh, .rotateRefresh: [.login]
        case .duplicateUpdates, .dropUpdates, .lateUpdates, .reorderUpdates: [.updates]
        case .silent, .invalidFrame, .disconnect, .bump: [.updates, .quotes]
        case .connectionLimit: [.connect]
        case .halt, .halfDay: [.session]
        case .clockSkew: [.clock]
        }
    }

    /// The parameter it takes beside those of every order, and what that is when it is not written.
    var parameter: (name: FaultOrder.Parameter, default: Int64)? {
        switch self {
        case .delay: (.seconds, 20_000)
        case .rateLimited, .filledSuccessor, .dropUpdates, .silent, .connectionLimit: (.seconds, 0)
        case .acceptThenReject, .slowCancel, .lateFill, .lateUpdates: (.seconds, 1000)
        case .partialFill: (.percent, 40)
        case .clockSkew: (.seconds, 90_000)
        default: nil
        }
    }

    /// Of the Schwab dialect alone: the other knows nothing of the kind.
    var isOfSchwab: Bool {
        switch self {
        case .expiredToken, .refuseRefresh, .rotateRefresh, .bump: true
        default: false
        }
    }
}

/// What a fault strikes.
package enum FaultTarget: String, Hashable, Sendable, CaseIterable {
    /// Placing an order to buy.
    case entry
    /// Placing a stop.
    case stop
    /// Placing any other order to sell.
    case exit
    /// Replacing an order by another.
    case replace
    case cancel
    /// Asking about orders.
    case look
    /// Asking for tokens.
    case login
    /// Everything else that is asked by REST.
    case other
    /// What the streams tell of orders.
    case updates
    /// What the streams tell of prices.
    case quotes
    /// Connecting to a stream.
    case connect
    /// A session of the replay.
    case session
    /// What the broker says the time is.
    case clock

    /// Of a request of either dialect.
    init(_ request: RESTRequest) {
        let isAboutOrders = request.path.contains { $0.hasPrefix("orders") }
        switch (request.method, isAboutOrders) {
        case ("POST", true):
            let body = String(decoding: request.body, as: UTF8.self).lowercased()
            self = body.contains("\"buy\"") ? .entry : body.contains("\"stop\"") ? .stop : .exit
        case ("PUT", true), ("PATCH", true): self = .replace
        case ("DELETE", true): self = .cancel
        case (_, true): self = .look
        default: self = request.path.suffix(2) == ["oauth", "token"] ? .login : .other
        }
    }
}
