import Glibc
package import TradingCore

/// The bus and the ledger on a Redis server, version 7.0 or newer.
///
/// Belongs to one thread, which it blocks while it waits. It keeps up to three connections: one for commands, one that
/// waits for stream entries, and one for published messages. Each is made when first needed; when one of them fails,
/// all are dropped, so that whatever was on its way is found in `pending` and nowhere else.
package final class RedisMessageBus: MessageBus {
    package let wakeSignal = WakeSignal()
    /// The id of the ledger this bus belongs to, as its document `installation` holds it: whatever would add to another
    /// ledger throws `.ledgerReplaced`. Nil takes any ledger.
    package var installation: String?
    /// Time since any fixed moment for the rate budgets; nil goes by the server's clock, which all processes share.
    package var rateClock: (() -> Duration)?

    let keys: RedisKeys
    private let endpoint: RedisEndpoint
    private let patience: Duration
    private var commandConnection: RedisConnection?
    private var scriptDigests: [RedisScript: String] = [:]
    private var reader: RedisStreamReader?
    private var subscriber: RedisSubscriber?
    private var channels: Set<String> = []
    /// What the streams looked like when everybody was last seen to be done with them.
    var settledFingerprint = ""

    /// Does not connect yet. `commandTimeout` is how long the server may take for one answer.
    package init(endpoint: RedisEndpoint, namespace: String = "quintet", commandTimeout: Duration = .seconds(5)) {
        self.endpoint = endpoint
        self.keys = RedisKeys(namespace: namespace)
        self.patience = commandTimeout
    }

    package func receive(
        group: String,
        consumer: String,
        streams: [StreamName],
        limit: Int,
        timeout: Duration
    ) throws -> Reception {
        try self.droppingBrokenConnections { () throws(MessageBusError) in
            let query = RedisStreamReader.Query(group: group, consumer: consumer, streams: streams, limit: limit)
            let deadline = ContinuousClock.now + timeout
            var reception = Reception()
            if let subscriber = try self.connectedSubscriber() { reception.published = subscriber.takeEarly() }
            while true {
                let reader = streams.isEmpty ? nil : try self.connectedReader()
                if let reader {
                    if reader.outstanding == nil, timeout <= .zero {
                        reception.deliveries = try reader.readNow(query)
                    } else {
                        try self.ask(query, reader)
                    }
                }
                var remaining = reception.isEmpty ? deadline - .now : .zero
                if reader?.outstanding != nil, let due = reader?.answerDue { remaining = min(remaining, due - .now) }
                try self.wait(remaining, reader, into: &reception)
                if !reception.isEmpty || ContinuousClock.now >= deadline { return reception }
            }
        }
    }

    package func subscribe(to channels: [String]) throws {
        self.channels.formUnion(channels)
        try self.droppingBrokenConnections { () throws(MessageBusError) in _ = try self.connectedSubscriber() }
    }

    /// Runs `body` on the connection for commands.
    func onConnection<R>(_ body: (RedisConnection) throws(MessageBusError) -> R) throws(MessageBusError) -> R {
        try self.droppingBrokenConnections { () throws(MessageBusError) in try body(self.connectedForCommands()) }
    }

    /// Runs a script, sending its source if the server has forgotten it. `arguments` appends the keys, then the rest;
    /// what guards the ledger comes around them.
    func run(
        _ script: RedisScript,
        keyCount: Int,
        _ arguments: (inout RedisCommand) -> Void
    ) throws(MessageBusError) -> RedisReply {
        try self.onConnection { connection throws(MessageBusError) in
            func complete(_ command: inout RedisCommand) {
                command.append(Int64(script.isGuarded ? keyCount + 1 : keyCount))
                if script.isGuarded { command.append(self.keys.document(.installation)) }
                arguments(&command)
                if script.isGuarded { command.append(self.installation ?? "") }
            }
            var command = RedisCommand("EVALSHA", self.scriptDigests[script] ?? "")
            complete(&command)
            let reply = try connection.reply(to: command)
            guard case .error(let text) = reply, text.hasPrefix("NOSCRIPT") else { return try reply.accepted() }
            command = RedisCommand("EVAL", script.source)
            complete(&command)
            return try connection.call(command)
        }
    }

    private func droppingBrokenConnections<R>(
        _ body: () throws(MessageBusError) -> R
    ) throws(MessageBusError) -> R {
        do {
            return try body()
        } catch  where error.code != .refused && error.code != .ledgerReplaced {
            self.commandConnection = nil
            self.reader = nil
            self.settledFingerprint = ""
            self.subscriber = nil
            throw error
        }
    }

    private func connectedForCommands() throws(MessageBusError) -> RedisConnection {
        if let connection = self.commandConnection { return connection }
        let connection = try RedisConnection(to: self.endpoint, commandTimeout: self.patience)
        for script in RedisScript.allCases {
            self.scriptDigests[script] = try connection.call(RedisCommand("SCRIPT", "LOAD", script.source)).text()
        }
        self.commandConnection = connection
        return connection
    }

    private func connectedReader() throws(MessageBusError) -> RedisStreamReader {
        if let reader = self.reader { return reader }
        let reader = try RedisStreamReader(to: self.endpoint, keys: self.keys, patience: self.patience)
        self.reader = reader
        return reader
    }

    /// Nil if nothing is subscribed to.
    private func connectedSubscriber() throws(MessageBusError) -> RedisSubscriber? {
        guard !self.channels.isEmpty else { return nil }
        let subscriber: RedisSubscriber
        if let connected = self.subscriber {
            subscriber = connected
        } else {
            subscriber = try RedisSubscriber(to: self.endpoint, patience: self.patience)
        }
        try subscriber.subscribe(to: self.channels)
        self.subscriber = subscriber
        return subscriber
    }

    /// Sees to it that the reader has this query outstanding, or is about to be through with another one.
    private func ask(_ query: RedisStreamReader.Query, _ reader: RedisStreamReader) throws(MessageBusError) {
        guard let outstanding = reader.outstanding else { return try reader.begin(query) }
        guard outstanding != query, !reader.isInterrupted else { return }
        // The server then answers the old read with what it has, which may be nothing.
        _ = try self.connectedForCommands().call(RedisCommand("CLIENT", "UNBLOCK", String(reader.identifier)))
        reader.isInterrupted = true
    }

    private func wait(
        _ duration: Duration,
        _ reader: RedisStreamReader?,
        into reception: inout Reception
    ) throws(MessageBusError) {
        let readable = Int16(POLLIN)
        // poll(2) passes over negative descriptors.
        var descriptors = [self.wakeSignal.readEnd, reader?.descriptor ?? -1, self.subscriber?.descriptor ?? -1]
            .map { pollfd(fd: $0, events: readable, revents: 0) }
        guard poll(&descriptors, 3, Int32(clamping: duration.milliseconds)) >= 0 || errno == EINTR else {
            throw MessageBusError(.unreachable, "poll failed on the connections to Redis: error \(errno).")
        }
        if descriptors[0].revents != 0, self.wakeSignal.consume() { reception.woken = true }
        if descriptors[2].revents != 0, let subscriber = self.subscriber {
            reception.published += try subscriber.readAvailable()
        }
        if descriptors[1].revents != 0, let reader {
            reception.deliveries += try reader.readAvailable()
        } else if let reader, reader.outstanding != nil, ContinuousClock.now > reader.answerDue {
            throw MessageBusError(.unreachable, "Redis at \(self.endpoint) did not answer a waiting read in time.")
        }
    }
}

extension Reception {
    fileprivate var isEmpty: Bool { self.deliveries.isEmpty && self.published.isEmpty && !self.woken }
}
