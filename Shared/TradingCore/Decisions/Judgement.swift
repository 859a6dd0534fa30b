/// What an agent is asked to judge.
package enum Input: Hashable, Sendable {
    /// The process has started, or has found its bus again after losing it.
    case started
    case message(Message)
    /// A quote from pub/sub.
    case quote(Quote)
    /// News from the broker's own streams.
    case feed(FeedEvent)
    /// The polling interval has passed.
    case poll
    /// How long the broker's login lasts: before anything else after a start, and every few seconds from then on.
    case login(BrokerLogin)
    /// Symbols with positions that nothing at the broker has protected for too long, in order; whenever they change.
    case unprotected([Symbol])
}

/// What a broker's stream tells.
package enum FeedEvent: Hashable, Sendable {
    /// Subscribed again: whatever was said in between was missed.
    case connected
    /// The stream is lost: what it said last may be overtaken from now on.
    case disconnected
    case quote(Quote)
    case bar(Symbol, Timeframe, Bar)
    case order(OrderReport)
    /// Something has happened to the account's orders; what, the broker has to be asked. The text tells one such ring
    /// from another.
    case ordersMoved(String)
    /// An order of somebody else's has moved, or a fill of ours was taken back: the account may hold other than the
    /// ledger says.
    case holdingsMoved(Symbol, isOurs: Bool)
}

/// An agent's judgement: a plain synchronous function of stored documents and one input. No I/O, no clock, no random
/// number, so that the same inputs lead to the same trades in production, in a replay and in a simulation. What it keeps
/// in memory may only be a copy of what can be read again.
package protocol Judgement {
    var agent: AgentName { get }

    /// The documents needed to decide. Called again with what has been read until it asks for nothing new, so that one
    /// document may lead to another.
    func reads(for input: Input, given documents: Documents) throws -> [DocumentKey]

    /// Throws `NotYet` to be asked again later, any other error to have the message set aside as a dead letter.
    mutating func decide(_ input: Input, given documents: Documents) throws -> Decision

    /// The documents that say whether the agent may call itself ready after a start.
    var readinessReads: [DocumentKey] { get }

    /// What still keeps the agent from being ready, for the operator; nil if nothing does.
    func obstacle(given documents: Documents) throws -> String?
}

extension Judgement {
    package var readinessReads: [DocumentKey] { [] }

    package func obstacle(given documents: Documents) throws -> String? { nil }
}

/// Something this decision needs is not there yet: the input is kept and tried again.
package struct NotYet: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
