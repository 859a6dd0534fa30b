package import Brokerage
package import HTTPTransport
package import Logging
package import MessageBus
package import NIOCore
package import TradingCore

/// Keeps one broker stream connected from the agent's own thread, and hands its events over in order. A ping of the
/// broker's is answered only after everything before it has been committed.
///
/// Only the holder of the stream's lease connects: brokers allow one connection per account.
package final class FeedDriver {
    private var feed: any BrokerFeed
    private let leaseName: String
    private let holder: String
    private let group: any EventLoopGroup
    private let logger: Logger
    private let readiness: ReadinessBoard
    private let wake: @Sendable () -> Void
    private let mayConnect: () -> Bool
    private var repetitions = RepetitionFilter()

    private let configuration: WebSocketConfiguration
    private var preparation: FeedPreparation?
    private var connection: (client: WebSocketClient, inbox: WebSocketInbox)?
    private var hasLease = false
    private var leaseRenewal: Duration = .zero
    private var nextAttempt: Duration = .zero
    /// What the connection has said and nobody has dealt with yet, oldest first.
    private var waiting: [Item] = []
    private var failures = 0
    /// Nil where silence means nothing: in a replay, whose time stands still as long as it likes.
    private var silence: SilenceWatch?
    /// The stream is subscribed, as far as the agent has been told.
    private var isListening = false

    private enum Item {
        case event(FeedEvent)
        case ping(WebSocketPing)
    }

    private static let leaseDuration = Duration.seconds(3)
    private static let batch = 64

    /// `quoteSilence`: after how long without quotes in an open session a market-data stream is taken for dead; nil
    /// where no silence means anything.
    package init(
        feed: any BrokerFeed,
        leaseName: String,
        holder: String,
        quoteSilence: Duration?,
        tls: TLSSettings = TLSSettings(),
        group: any EventLoopGroup,
        logger: Logger,
        readiness: ReadinessBoard,
        mayConnect: @escaping () -> Bool = { true },
        wake: @escaping @Sendable () -> Void
    ) {
        self.feed = feed
        var configuration = WebSocketConfiguration()
        configuration.tls = tls
        self.configuration = configuration
        self.leaseName = leaseName
        self.holder = holder
        self.group = group
        self.logger = logger
        self.readiness = readiness
        self.mayConnect = mayConnect
        self.wake = wake
        self.silence = quoteSilence.map { SilenceWatch(feed.vitalSigns, quoteSilence: $0) }
    }

    /// Does what is due: lease, connection, and everything received. Throws what `handle` throws; the event it failed
    /// on stays first in line.
    package func turn(bus: any MessageBus, now: Duration, handle: (FeedEvent) throws -> Void) throws {
        guard try self.holdsLease(bus, now: now) else {
            self.giveWay()
            // Another replica listens; this one is ready to take over.
            self.readiness.set("broker stream", .ready)
            return try self.handOver(handle)
        }
        if self.connection == nil, now >= self.nextAttempt, self.mayConnect() { self.connectWhenPrepared(now: now) }
        if self.waiting.isEmpty { self.collect(now: now) }
        if self.isListening, self.waiting.isEmpty,
            let complaint = try self.silence?.complaint(at: now, openFor: { try Self.openFor(bus) })
        {
            self.give(up: complaint, retryAfter: self.backOff, now: now)
        }
        try self.handOver(handle)
        // The rest waits for the next turn, so that a flood of quotes does not keep the streams waiting.
        if let inbox = self.connection?.inbox, inbox.count > 0 { self.wake() }
    }

    private func handOver(_ handle: (FeedEvent) throws -> Void) throws {
        while let item = self.waiting.first {
            switch item {
            case .event(let event):
                try handle(event)
                if event == .connected {
                    self.failures = 0
                    self.readiness.set("broker stream", .ready)
                }
            case .ping(let ping): ping.reply()
            }
            self.waiting.removeFirst()
        }
    }

    /// For how long a session has been open, as far as market data has told; nil while none is. In a replay, whose
    /// sessions have long been over, that is longer than any silence.
    private static func openFor(_ bus: any MessageBus) throws -> Duration? {
        guard let document = try bus.load([MarketClock.key]).first ?? nil,
            let clock = try? MarketClock(json: try JSONValue(parsing: document.body)), clock.isOpen == true
        else { return nil }
        return WallClock.now() - clock.lastBoundary
    }

    func stop(bus: any MessageBus) {
        self.disconnect()
        // The lease would run out by itself; giving it up lets another replica take over at once.
        try? bus.releaseLease(self.leaseName, holder: self.holder)
    }

    private func holdsLease(_ bus: any MessageBus, now: Duration) throws -> Bool {
        guard now >= self.leaseRenewal else { return self.hasLease }
        self.hasLease = try bus.acquireLease(self.leaseName, holder: self.holder, for: Self.leaseDuration)
        self.leaseRenewal = now + Self.leaseDuration / 3
        return self.hasLease
    }

    private func connectWhenPrepared(now: Duration) {
        guard let preparation else {
            self.preparation = FeedPreparation(of: self.feed, wake: self.wake)
            return
        }
        guard let outcome = preparation.outcome else { return }
        self.preparation = nil
        switch outcome {
        case .success(let feed):
            self.feed = feed
            self.connect()
        case .failure(let error): self.give(up: error.reason, retryAfter: self.backOff, now: now)
        }
    }

    private func connect() {
        let inbox = WebSocketInbox(notify: self.wake)
        do {
            let client = try WebSocketClient(
                url: self.feed.url,
                inbox: inbox,
                configuration: self.configuration,
                eventLoopGroup: self.group
            )
            self.connection = (client, inbox)
            client.connect()
        } catch {
            self.give(up: "\(error)", retryAfter: .seconds(30), now: MonotonicClock.now())
        }
    }

    private func collect(now: Duration) {
        guard let connection else { return }
        for event in connection.inbox.take(Self.batch) {
            // Given up on the way: that the socket then closes is no news, and no second failure.
            guard self.connection != nil else { return }
            switch event {
            case .connected: self.perform(self.feed.opened(), now: now)
            case .text(let bytes), .binary(let bytes):
                let actions = self.feed.received(bytes)
                self.silence?.heard(actions, at: now)
                self.perform(actions, now: now)
            case .ping(let ping): self.waiting.append(.ping(ping))
            case .disconnected(let reason):
                let isLimited = connection.client.refusalStatus == Self.tooManyConnections
                self.give(up: reason, retryAfter: isLimited ? self.limitedBackOff : self.backOff, now: now)
                return
            }
        }
    }

    /// 50 ms, doubling to 30 s; a broker that limits connections names its own time.
    private var backOff: Duration { min(.milliseconds(50) * (1 << min(self.failures, 10)), .seconds(30)) }

    private static let tooManyConnections = 429
    /// A dead connection can hold the only slot for a minute and a half.
    private var limitedBackOff: Duration { .seconds(30) * min(self.failures + 1, 3) }

    private func perform(_ actions: [FeedAction], now: Duration) {
        for action in actions {
            switch action {
            case .send(let text):
                do {
                    try self.connection?.client.send(text: text)
                } catch {
                    self.give(up: "\(error)", retryAfter: self.backOff, now: now)
                }
            case .event(let event):
                if event == .connected {
                    self.isListening = true
                    self.silence?.connected(at: now)
                }
                self.waiting.append(.event(event))
            case .note(let text): self.logger.warning("\(text)")
            case .give(let reason, let retryAfter): self.give(up: reason, retryAfter: retryAfter, now: now)
            }
        }
    }

    private func give(up reason: String, retryAfter: Duration, now: Duration) {
        self.logger.log(
            level: self.repetitions.isWorthSaying(reason, now: now) ? .warning : .debug,
            "broker stream lost",
            metadata: ["reason": "\(reason)", "retry_after": "\(retryAfter)"]
        )
        self.readiness.set("broker stream", .waiting(reason))
        self.disconnect()
        self.failures += 1
        self.nextAttempt = now + retryAfter
    }

    /// The stream is another's. Quotes that still wait here would be told after newer ones of its.
    private func giveWay() {
        self.disconnect()
        self.waiting.removeAll { item in
            if case .event(.quote) = item { return true }
            return false
        }
    }

    /// What was received is still dealt with; only a ping of a dead connection needs no answer.
    private func disconnect() {
        if self.isListening { self.waiting.append(.event(.disconnected)) }
        self.preparation = nil
        self.isListening = false
        self.connection?.client.close()
        self.connection = nil
        self.waiting.removeAll { item in
            if case .ping = item { return true }
            return false
        }
    }
}
