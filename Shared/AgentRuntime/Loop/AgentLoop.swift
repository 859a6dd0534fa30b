package import Logging
package import MessageBus
package import TradingCore

/// How the loop of one agent behaves.
package struct AgentLoopSettings: Sendable {
    /// The stable consumer name: a restarted process finds what it left under it.
    package var instance: String
    /// A message handed out more often than this without being handled is set aside.
    package var maximumDeliveries = 8
    /// What another replica left unacknowledged for this long is taken over. Longer than any broker call takes.
    package var claimIdle = Duration.seconds(30)
    /// How often the agent is asked to poll; nil for never.
    package var pollInterval: Duration?
    /// Whether the journal holds what spans are made of.
    package var isTraced = true

    package init(instance: String) {
        self.instance = instance
    }
}

/// One agent's thread: reads, decides and commits, one message after the other. Nothing here waits for a broker.
package final class AgentLoop {
    private let agent: AgentName
    private let settings: AgentLoopSettings
    private let bus: any MessageBus
    private let committer: Committer
    private let readinessReads: [DocumentKey]
    private let obstacle: (Documents) throws -> String?
    private var isReconciled: Bool
    private var repetitions = RepetitionFilter()
    private let feed: FeedDriver?
    private let login: LoginWatch?
    private let protection: ProtectionWatch?
    private let stop: StopSignal
    private let readiness: ReadinessBoard
    private let heartbeat: Heartbeat
    private let logger: Logger

    private var nextPoll: Duration
    private var nextClaim: Duration = .zero
    private var nextTrim: Duration
    private var nextReadinessCheck: Duration = .zero
    /// Deliveries in whose handling the bus was lost, the last ones.
    private var interrupted: [Delivery] = []
    /// Deliveries whose time has not come yet.
    private var deferred: [Delivery] = []

    private static let claimInterval = Duration.seconds(2)
    /// A process that runs asks every few seconds; one whose name never comes back is not to be listed for ever.
    private static let consumerSilence = Duration.seconds(3600)
    private static let trimInterval = Duration.seconds(30)
    /// How many entries of each stream are kept for people to look at.
    private static let streamLength = 10_000
    /// Months of a few symbols' trading, in about a hundred megabytes.
    private static let journalLength = 50_000
    private static let batch = 32
    private static let owedLimit = 1000
    private static let turnLimit = Duration.milliseconds(250)

    package init(
        judgement: any Judgement,
        settings: AgentLoopSettings,
        bus: any MessageBus,
        feed: FeedDriver?,
        login: LoginWatch? = nil,
        protection: ProtectionWatch? = nil,
        stop: StopSignal,
        readiness: ReadinessBoard,
        heartbeat: Heartbeat,
        logger: Logger
    ) {
        self.agent = judgement.agent
        self.settings = settings
        self.bus = bus
        self.committer = Committer(
            judgement: judgement,
            bus: bus,
            journal: Journal(agent: judgement.agent, instance: settings.instance, isTraced: settings.isTraced),
            logger: logger
        )
        self.readinessReads = judgement.readinessReads
        self.obstacle = judgement.obstacle
        self.isReconciled = judgement.readinessReads.isEmpty
        self.feed = feed
        self.login = login
        self.protection = protection
        self.stop = stop
        self.readiness = readiness
        self.heartbeat = heartbeat
        self.logger = logger
        self.nextPoll = MonotonicClock.now() + (settings.pollInterval ?? .zero)
        self.nextTrim = MonotonicClock.now() + Self.trimInterval
        if !self.isReconciled { readiness.set("reconciliation", .waiting("not begun yet")) }
    }

    /// Runs until the stop signal is given. Whatever the bus does, this goes on where it was.
    package func run() {
        var backOff = BackOff()
        while !self.stop.isGiven {
            do {
                try self.synchronise()
                self.readiness.set("redis", .ready)
                self.logger.info("reading messages")
                self.repetitions = RepetitionFilter()
                backOff.reset()
                while !self.stop.isGiven { try self.turn() }
            } catch let error as MessageBusError where error.code == .ledgerReplaced {
                self.feed?.stop(bus: self.bus)
                LedgerLoss.waitForStop(
                    error,
                    stop: self.stop,
                    readiness: self.readiness,
                    heartbeat: self.heartbeat,
                    logger: self.logger
                )
            } catch {
                self.readiness.set("redis", .waiting("\(error)"))
                if self.repetitions.isWorthSaying("\(error)", now: MonotonicClock.now()) {
                    self.logger.warning("Redis cannot be used, trying again: \(error)")
                }
                backOff.wait(stop: self.stop, heartbeat: self.heartbeat)
            }
        }
        self.feed?.stop(bus: self.bus)
        self.readiness.set("redis", .waiting("stopping"))
    }

    /// After every start and every loss of the bus: first what is owed, then what is new.
    package func synchronise() throws {
        self.deferred = []
        self.isReconciled = self.readinessReads.isEmpty
        for lane in self.agent.lanes {
            try self.bus.createGroup(self.agent.rawValue, on: self.agent.callStream(lane))
        }
        try self.tolerate { try self.committer.process(.started) }
        try self.watchLogin(isOverdue: true)
        if self.agent.watchesQuotes {
            try self.bus.subscribe(to: [EventName.quoteUpdated.rawValue])
            try self.bus.registerQuoteConsumer(self.agent.rawValue)
        }
        for stream in self.agent.inputStreams { try self.bus.createGroup(self.agent.rawValue, on: stream) }
        try self.bus.removeConsumers(
            of: self.agent.rawValue,
            on: self.agent.allStreams,
            silentFor: Self.consumerSilence
        )
        try self.handleOwed()
        try self.catchUpWithQuotes()
    }

    /// Handles everything this consumer was handed and has not acknowledged, but for what is deferred.
    private func handleOwed() throws {
        while !self.stop.isGiven {
            let owed = try self.bus.pending(
                group: self.agent.rawValue,
                consumer: self.settings.instance,
                streams: self.agent.inputStreams,
                // Being read counts as a delivery. One at a time, what waits behind a message that kills its reader is
                // not counted with it.
                limit: self.deferred.isEmpty ? 1 : Self.owedLimit
            ).filter { delivery in !self.deferred.contains { $0.isSameEntry(as: delivery) } }
            guard !owed.isEmpty else { break }
            for delivery in owed { try self.handle(delivery) }
        }
    }

    /// Does what is due and then waits for input, a quarter of a second at most.
    package func turn() throws {
        self.heartbeat.beat()
        let now = MonotonicClock.now()
        try self.checkReconciliation(now: now)
        try self.watchLogin()
        try self.watchProtection()
        try self.feed?.turn(bus: self.bus, now: now) { event in try self.take(event) }
        if let interval = self.settings.pollInterval, now >= self.nextPoll {
            self.nextPoll = now + interval
            try self.tolerate { try self.committer.process(.poll) }
        }
        if now >= self.nextClaim {
            self.nextClaim = now + Self.claimInterval
            let left = try self.bus.claim(
                group: self.agent.rawValue,
                consumer: self.settings.instance,
                streams: self.agent.inputStreams,
                idle: self.settings.claimIdle,
                limit: Self.batch
            )
            for delivery in left { try self.handle(delivery) }
            // What waits here for its time is no dead replica's.
            try self.bus.keep(self.deferred, group: self.agent.rawValue, consumer: self.settings.instance)
            // Redis may still have handed something to this consumer's connection after it had broken.
            // Asking counts as a delivery, so what is deferred must not be asked for again and again.
            if self.deferred.isEmpty { try self.handleOwed() }
        }
        if now >= self.nextTrim {
            self.nextTrim = now + Self.trimInterval
            for stream in self.agent.trimmedStreams {
                let readers = AgentName.readers(of: stream).map(\.rawValue)
                try self.bus.trim(stream, keeping: Self.streamLength, unacknowledgedBy: readers)
            }
            try self.bus.trim(.journal, keeping: Self.journalLength, unacknowledgedBy: [])
        }
        let reception = try self.bus.receive(
            group: self.agent.rawValue,
            consumer: self.settings.instance,
            streams: self.agent.inputStreams,
            limit: Self.batch,
            timeout: self.deferred.isEmpty ? Self.turnLimit : .milliseconds(20)
        )
        for delivery in reception.deliveries {
            // What is left over stays with this consumer and is the first thing after the next start.
            guard !self.stop.isGiven else { return }
            try self.handle(delivery)
        }
        try self.look(at: reception.published)
        let again = self.deferred
        self.deferred = []
        for delivery in again { try self.handle(delivery) }
    }

    /// At once after a start, and now and then: a reconnect may have taken the readiness back.
    private func checkReconciliation(now: Duration) throws {
        guard !self.readinessReads.isEmpty, !self.isReconciled || now >= self.nextReadinessCheck else { return }
        self.nextReadinessCheck = now + .seconds(1)
        let documents = try self.bus.documents(self.readinessReads)
        try self.tolerate {
            let obstacle = try self.obstacle(documents)
            self.isReconciled = obstacle == nil
            self.readiness.set("reconciliation", obstacle.map { .waiting($0) } ?? .ready)
        }
    }

    private func handle(_ delivery: Delivery) throws {
        self.heartbeat.beat()
        // What the loss of the bus has interrupted here has not killed its reader, however often it is read again.
        let isInterrupted = self.interrupted.contains { delivery.isSameEntry(as: $0) }
        do {
            try self.committer.handle(
                delivery,
                maximumDeliveries: isInterrupted ? .max : self.settings.maximumDeliveries
            )
            self.interrupted.removeAll { delivery.isSameEntry(as: $0) }
        } catch let error as MessageBusError where error.code == .unreachable {
            if !isInterrupted { self.interrupted = self.interrupted.suffix(Self.owedLimit) + [delivery] }
            throw error
        } catch let error as NotYet {
            self.logger.debug(
                "message deferred",
                metadata: ["reason": "\(error)", "message.stream": "\(delivery.stream)"]
            )
            var waiting = delivery
            if delivery.deliveryCount > 1 {
                // It has to wait; nobody has failed at it. Else a few restarts would set it aside.
                try self.bus.keep([delivery], group: self.agent.rawValue, consumer: self.settings.instance)
                waiting.deliveryCount = 1
            }
            self.deferred.append(waiting)
        }
    }

    private func watchLogin(isOverdue: Bool = false) throws {
        try self.login?.turn(isOverdue: isOverdue) { login in
            try self.tolerate { try self.committer.process(.login(login)) }
        }
    }

    private func watchProtection() throws {
        try self.protection?.turn(bus: self.bus) { symbols in
            try self.tolerate { try self.committer.process(.unprotected(symbols)) }
        }
    }

    /// Takes in what the broker's stream said.
    package func take(_ event: FeedEvent) throws {
        try self.tolerate { try self.committer.process(.feed(event)) }
    }

    /// An input that no stream keeps and that cannot be judged is logged and passed over; the broker is asked again.
    private func tolerate(_ work: () throws -> Void) throws {
        do {
            try work()
        } catch let error as MessageBusError {
            throw error
        } catch {
            self.logger.error("input passed over", metadata: ["reason": "\(error)"])
        }
    }

    /// A published quote only says that there is a newer one: the ledger's is what counts, so that neither a forged
    /// message nor another system on the same server can move this one.
    private func look(at published: [PublishedMessage]) throws {
        guard self.agent.watchesQuotes, !published.isEmpty else { return }
        var symbols: Set<Symbol> = []
        for message in published {
            do {
                guard case .quoteUpdated(let quote) = try Message(decoding: message.body).body else { continue }
                symbols.insert(quote.symbol)
            } catch {
                self.logger.warning("a published quote cannot be read", metadata: ["reason": "\(error)"])
            }
        }
        for document in try self.bus.load(symbols.sorted().map(Quote.key)) {
            guard let document, case .quoteUpdated(let quote)? = try? Message(decoding: document.body).body else {
                continue
            }
            try self.look(at: quote)
        }
    }

    private func look(at quote: Quote) throws {
        try self.tolerate { try self.committer.process(.quote(quote)) }
        try self.bus.advanceQuoteCursor(
            of: self.agent.rawValue,
            key: Quote.key(quote.symbol),
            version: quote.timestamp.microseconds
        )
    }

    /// Quotes that were published while nobody listened.
    private func catchUpWithQuotes() throws {
        guard self.agent.watchesQuotes else { return }
        for (_, document) in try self.bus.quotes() {
            guard case .quoteUpdated(let quote)? = try? Message(decoding: document.body).body else { continue }
            try self.look(at: quote)
        }
    }
}

extension Delivery {
    func isSameEntry(as other: Delivery) -> Bool { self.stream == other.stream && self.id == other.id }
}
