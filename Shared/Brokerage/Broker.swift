package import TradingCore

/// One broker, as everything above it knows it. Calls block; an instance belongs to one thread.
package protocol Broker {
    /// Whether an order sent twice under one client order id is executed once. Where it is not, one that may have been
    /// sent is never sent again before its absence is proved.
    var recognisesRepeatedOrders: Bool { get }
    /// Sends the order once. One sent before under the same client order id is recognised and not executed again, where
    /// the broker takes such ids.
    func place(_ order: OrderReference) throws(BrokerError) -> OrderReport
    /// Asks for the cancellation; that it was taken says nothing of whether it happens.
    func requestCancel(brokerOrderID: String) throws(BrokerError)
    /// Nil when the broker says that it does not know the order.
    func order(_ order: OrderReference) throws(BrokerError) -> OrderReport?
    /// What `order` says of each, in their order, from one listing of orders where that answers for several. A failure
    /// is about its order alone or, if it is the broker's, about all that could not be asked for after it.
    func orders(_ orders: [OrderReference]) throws(BrokerError) -> [Result<OrderReport?, BrokerError>]
    /// Asks for another order in an order's place. The one replaced may fill first: then the new one is refused, at
    /// once or later, so that both have to be looked at afterwards. `replacement.quantity` is the new total, what is
    /// filled already included; what the new order reports are its own fills alone, and the one replaced ends as
    /// cancelled with those it had.
    func replace(_ order: OrderReference, with replacement: OrderTerms) throws(BrokerError) -> OrderReport
    /// Every order that is not at its end, whoever entered it, those that wait for another included. Every page.
    func openOrders() throws(BrokerError) -> [BrokerOrder]
    /// Every symbol with shares; a short position is negative.
    func positions() throws(BrokerError) -> [BrokerPosition]
    /// At or after a moment, oldest first, every page.
    func executions(since: Timestamp) throws(BrokerError) -> [BrokerExecution]
    func account() throws(BrokerError) -> BrokerAccount
    /// Asks whether this is the account that is meant and whether it may trade. Refused, with the setting to change or
    /// the step to take, where it may not trade at all; an account that may only close positions is told as such.
    func checkAccount() throws(BrokerError) -> BrokerAccountCheck
    /// The broker's idea of the time.
    func clock() throws(BrokerError) -> Timestamp
    /// Sessions from one date to the other, both included.
    func calendar(from start: CalendarDate, to end: CalendarDate) throws(BrokerError) -> [TradingSession]
    /// Oldest first, every page.
    func bars(_ request: BarsRequest) throws(BrokerError) -> [Bar]
    /// Symbols without a quote are left out.
    func latestQuotes(_ symbols: [Symbol]) throws(BrokerError) -> [Quote]
}

extension Broker {
    /// One by one.
    package func orders(_ orders: [OrderReference]) throws(BrokerError) -> [Result<OrderReport?, BrokerError>] {
        orders.eachAnswered { order throws(BrokerError) in try self.order(order) }
    }
}

extension [OrderReference] {
    /// After the broker's own failure no other order is asked about.
    func eachAnswered(
        by ask: (OrderReference) throws(BrokerError) -> OrderReport?
    ) -> [Result<OrderReport?, BrokerError>] {
        var failure: BrokerError?
        return self.map { order in
            if let failure { return .failure(failure) }
            do throws(BrokerError) {
                return .success(try ask(order))
            } catch {
                if !error.isAboutOneQuestion { failure = error }
                return .failure(error)
            }
        }
    }
}

package struct BrokerAccount: Hashable, Sendable {
    /// Settled and unsettled, without what could be borrowed.
    package var cash: Money
    /// Cash and the shares at their last prices.
    package var equity: Money

    package init(cash: Money, equity: Money) {
        self.cash = cash
        self.equity = equity
    }
}

/// Why a call to a broker brought no result.
package struct BrokerError: Error, Hashable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// The broker's answer is no. Asking again brings the same.
        case refused(code: String)
        /// It certainly did not happen, and may work later: not reached, or turned away by the rate limit.
        case notExecuted
        /// This side has not sent it, for want of room in the rate budget or because it would be in vain. It says
        /// nothing of the broker.
        case withheld
        /// It certainly did not happen, and nothing will until a person has logged in again.
        case loginExpired
        /// It may have happened.
        case unknownOutcome
        /// A question was answered in a way that cannot be read.
        case unreadable
    }

    package let kind: Kind
    /// For people; never holds a credential.
    package let reason: String

    package init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    package var description: String { self.reason }

    /// The broker answers; only this question has no good answer.
    var isAboutOneQuestion: Bool {
        switch self.kind {
        case .refused, .unreadable: true
        case .notExecuted, .withheld, .loginExpired, .unknownOutcome: false
        }
    }
}
