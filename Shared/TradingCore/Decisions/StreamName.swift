/// The name of one durable stream, without the namespace that the bus puts in front of it.
///
/// Every public event has a stream of its own, named after the event, so that a consumer is woken only by what it
/// asked for and a Redis ACL can say who may write which event. Private streams carry what one process says to itself:
/// broker calls and their answers.
package struct StreamName: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    package var description: String { self.rawValue }

    /// Messages that could not be decoded or handled, each with its reason.
    package static let deadLetter = StreamName(rawValue: "dead_letter")
    /// What every commit about trades has changed and said, in order.
    package static let journal = StreamName(rawValue: "journal")
    /// The journal of calls to the broker that belong to no one trade, such as for the time. Apart, since what is asked
    /// every few seconds would push the trades' entries out.
    package static let callJournal = StreamName(rawValue: "journal.calls")
    package static let journals = [Self.journal, Self.callJournal]
}
