/// A message from plain pub/sub: newest wins, nothing is kept.
package struct PublishedMessage: Hashable, Sendable {
    package var channel: String
    package var body: [UInt8]

    package init(channel: String, body: [UInt8]) {
        self.channel = channel
        self.body = body
    }
}

/// What one wait brought. All three empty or false: the time ran out.
package struct Reception: Sendable {
    package var deliveries: [Delivery] = []
    package var published: [PublishedMessage] = []
    /// Somebody called `wake()`.
    package var woken = false

    package init(deliveries: [Delivery] = [], published: [PublishedMessage] = [], woken: Bool = false) {
        self.deliveries = deliveries
        self.published = published
        self.woken = woken
    }
}
