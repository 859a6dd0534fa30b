import HTTPTransport
package import TradingCore

/// The rate budgets of one API key. Nil where requests are not counted, nor notices kept.
package struct RateBudgets: Hashable, Sendable {
    package enum Part: Hashable, Sendable {
        case trading
        case data
    }

    package var trading: RateBudget?
    /// The same as `trading` where the broker makes no difference.
    package var data: RateBudget?

    package init(trading: RateBudget? = nil, data: RateBudget? = nil) {
        self.trading = trading
        self.data = data
    }

    package var isEmpty: Bool { self.trading == nil && self.data == nil }

    subscript(part: Part) -> RateBudget? {
        switch part {
        case .trading: self.trading
        case .data: self.data
        }
    }

    /// Each once.
    package var all: [RateBudget] { Array(Set([self.trading, self.data].compactMap { $0 })) }
}

extension AlpacaEndpoints {
    /// Alpaca counts trading and market data each for itself. 0 is no limit.
    package func rateBudgets(trading: Int, data: Int, reservedShare: Rate) -> RateBudgets {
        func budget(_ part: String, _ limit: Int) -> RateBudget? {
            guard limit > 0 else { return nil }
            return RateBudget(
                key: ["alpaca", self.keyID],
                part: part,
                requestsPerMinute: limit,
                reservedShare: reservedShare
            )
        }
        return RateBudgets(trading: budget("trading", trading), data: budget("data", data))
    }

    func rateBudgetPart(of request: HTTPRequest) -> RateBudgets.Part {
        guard request.url.hasPrefix(self.data) else { return .trading }
        // A simulator has both on one host.
        return self.data != self.trading || request.url.hasPrefix(self.data + "/v2/stocks") ? .data : .trading
    }
}

extension SchwabEndpoints {
    /// 0 is no limit.
    package func rateBudgets(_ limit: Int, reservedShare: Rate) -> RateBudgets {
        guard limit > 0 else { return RateBudgets() }
        let budget = RateBudget(
            key: ["schwab", self.appKey],
            part: "api",
            requestsPerMinute: limit,
            reservedShare: reservedShare
        )
        return RateBudgets(trading: budget, data: budget)
    }

    /// Nil for the login: without it nothing else goes on.
    func rateBudgetPart(of request: HTTPRequest) -> RateBudgets.Part? {
        request.url.hasPrefix(self.base + "/v1/oauth/") ? nil : .trading
    }
}
