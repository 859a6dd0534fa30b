package import TradingCore

/// One durable message as a consumer group received it.
package struct Delivery: Hashable, Sendable {
    package var stream: StreamName
    /// The entry's id in its stream, as Redis writes it (`milliseconds-sequence`).
    package var id: String
    /// How often the entry has been delivered to any consumer of the group, this time included.
    package var deliveryCount: Int
    package var body: [UInt8]

    package init(stream: StreamName, id: String, deliveryCount: Int, body: [UInt8]) {
        self.stream = stream
        self.id = id
        self.deliveryCount = deliveryCount
        self.body = body
    }
}
