import CHiredis
import Glibc

/// One blocking connection to a Redis server.
///
/// Belongs to one thread at a time. After a call has thrown anything but `.refused` the connection is dead: drop it and
/// make a new one.
package final class RedisConnection {
    package let endpoint: RedisEndpoint
    private let context: UnsafeMutablePointer<redisContext>
    private let patience: Duration
    /// Over the context's socket; the context then only parses.
    private var tls: TLSSession?
    /// What is to go over TLS next.
    private var outgoing: [UInt8] = []
    private var hasAnswered = false

    /// More than nearly every command has.
    private static let keptCapacity = 65_536

    // A write to a socket whose other end is gone must be an error, not the end of the process.
    private static let ignoresBrokenPipes: Void = { signal(SIGPIPE, SIG_IGN) }()

    /// Connects, logs in and selects the database.
    ///
    /// `connectTimeout` bounds the connecting and then the handshake of TLS, `commandTimeout` every later wait for the
    /// server; both are at least a millisecond.
    package init(
        to endpoint: RedisEndpoint,
        connectTimeout: Duration = .seconds(2),
        commandTimeout: Duration = .seconds(5)
    ) throws(MessageBusError) {
        _ = Self.ignoresBrokenPipes
        let connected =
            switch endpoint.address {
            case .tcp(let host, let port): redisConnectWithTimeout(host, Int32(port), connectTimeout.socketTimeout)
            case .unix(let path): redisConnectUnixWithTimeout(path, connectTimeout.socketTimeout)
            }
        guard let connected else {
            throw MessageBusError(.unreachable, "No memory for a connection to \(endpoint).")
        }
        self.endpoint = endpoint
        self.context = connected
        self.patience = commandTimeout
        guard connected.pointee.err == 0, redisSetTimeout(connected, commandTimeout.socketTimeout) == REDIS_OK else {
            throw self.failure(errno)
        }
        if case .tcp = endpoint.address { redisEnableKeepAlive(connected) }
        // A child process must not keep the connection open.
        _ = fcntl(connected.pointee.fd, F_SETFD, FD_CLOEXEC)
        if let tls = endpoint.tls, case .tcp(let host, _) = endpoint.address {
            try self.shakeHands(tls, host, within: connectTimeout)
        }
        if let password = endpoint.password {
            var login = RedisCommand("AUTH")
            if let user = endpoint.user { login.append(user) }
            login.append(password)
            _ = try self.call(login)
        }
        if endpoint.database != 0 {
            _ = try self.call(RedisCommand("SELECT", String(endpoint.database)))
        }
    }

    deinit { redisFree(self.context) }

    /// For `poll(2)`.
    var descriptor: Int32 { self.context.pointee.fd }

    /// Sends a command and waits for its answer; an error answer is thrown.
    package func call(_ command: RedisCommand) throws(MessageBusError) -> RedisReply {
        try self.reply(to: command).accepted()
    }

    /// Sends a command and waits for its answer, which may be an error.
    func reply(to command: RedisCommand) throws(MessageBusError) -> RedisReply {
        try self.append(command)
        return try self.nextReply()
    }

    /// Sends all the commands, then waits for all answers. Error answers are among the results.
    package func exchange(_ commands: [RedisCommand]) throws(MessageBusError) -> [RedisReply] {
        for command in commands { try self.append(command) }
        var replies: [RedisReply] = []
        replies.reserveCapacity(commands.count)
        for _ in commands { replies.append(try self.nextReply()) }
        return replies
    }

    /// Sends a command and does not wait: its answer comes out of `bufferedReply`.
    func send(_ command: RedisCommand) throws(MessageBusError) {
        try self.append(command)
        try self.flush()
    }

    /// Waits for the next answer to what was sent.
    func nextReply() throws(MessageBusError) -> RedisReply {
        try self.flush()
        while true {
            if let reply = try self.bufferedReply() { return reply }
            if let tls {
                try self.overTLS { () throws(TLSFailure) in try tls.waitUntilReadable(within: self.patience) }
            }
            try self.readAvailable()
        }
    }

    /// Reads what has come, which does not block if `poll(2)` has found the socket readable. That may be nothing yet.
    func readAvailable() throws(MessageBusError) {
        guard let tls else {
            guard redisBufferRead(self.context) == REDIS_OK else { throw self.failure(errno) }
            return
        }
        let reader = self.context.pointee.reader
        try self.overTLS { () throws(TLSFailure) in
            // Should it fail for want of memory, the reader says so when it is asked for a reply.
            try tls.readAvailable { bytes in
                redisReaderFeed(reader, bytes.bindMemory(to: CChar.self).baseAddress, bytes.count)
            }
        }
    }

    /// The next answer that has been read completely, nil if there is none. Never blocks.
    func bufferedReply() throws(MessageBusError) -> RedisReply? {
        var raw: UnsafeMutableRawPointer?
        guard redisGetReplyFromReader(self.context, &raw) == REDIS_OK else { throw self.failure(errno) }
        guard let raw else { return nil }
        self.hasAnswered = true
        return Self.take(raw)
    }

    private func shakeHands(
        _ settings: RedisTLS,
        _ host: String,
        within patience: Duration
    ) throws(MessageBusError) {
        let context: TLSContext
        do {
            context = try TLSContext.shared(for: settings)
        } catch {
            throw MessageBusError(.unreachable, "No TLS with Redis at \(self.endpoint): \(error).")
        }
        let descriptor = self.descriptor
        self.tls = try self.overTLS(isShakingHands: true) { () throws(TLSFailure) in
            try TLSSession(over: descriptor, to: host, context, within: patience)
        }
    }

    private func flush() throws(MessageBusError) {
        guard let tls else {
            var done: Int32 = 0
            while done == 0 {
                guard redisBufferWrite(self.context, &done) == REDIS_OK else { throw self.failure(errno) }
            }
            return
        }
        guard !self.outgoing.isEmpty else { return }
        try self.overTLS { () throws(TLSFailure) in try tls.write(self.outgoing, within: self.patience) }
        self.outgoing.removeAll(keepingCapacity: self.outgoing.capacity <= Self.keptCapacity)
    }

    private func overTLS<R>(
        isShakingHands: Bool = false,
        _ body: () throws(TLSFailure) -> R
    ) throws(MessageBusError) -> R {
        do throws(TLSFailure) {
            return try body()
        } catch {
            throw MessageBusError(.unreachable, error.message(self.endpoint, isShakingHands: isShakingHands))
        }
    }

    private func append(_ command: RedisCommand) throws(MessageBusError) {
        try self.append(command.header)
        try self.append(command.bytes)
    }

    private func append(_ bytes: [UInt8]) throws(MessageBusError) {
        guard self.tls == nil else {
            self.outgoing += bytes
            return
        }
        let result = bytes.withUnsafeBytes { bytes in
            let characters = bytes.bindMemory(to: CChar.self)
            return redisAppendFormattedCommand(self.context, characters.baseAddress, characters.count)
        }
        guard result == REDIS_OK else { throw self.failure(errno) }
    }

    private static func take(_ raw: UnsafeMutableRawPointer) -> RedisReply {
        defer { freeReplyObject(raw) }
        return RedisReply(copying: raw.assumingMemoryBound(to: redisReply.self))
    }

    private func failure(_ systemError: Int32) -> MessageBusError {
        let error = self.context.pointee.err
        if error == REDIS_ERR_IO, systemError == EAGAIN || systemError == ETIMEDOUT {
            return MessageBusError(.unreachable, "Redis at \(self.endpoint) did not answer in time.")
        }
        let text = withUnsafeBytes(of: &self.context.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        // A server that speaks TLS takes the first words for nonsense: it hangs up, some with an alert (21) before that.
        let isReset = error == REDIS_ERR_EOF || error == REDIS_ERR_IO && systemError == ECONNRESET
        if self.tls == nil, !self.hasAnswered, isReset || error == REDIS_ERR_PROTOCOL && text.contains("\\x15") {
            return MessageBusError(
                .unreachable,
                "Redis at \(self.endpoint) hangs up at the first word. If it speaks TLS there, write rediss:// in REDIS_URL."
            )
        }
        if error == REDIS_ERR_PROTOCOL {
            return MessageBusError(.protocolViolation, "What answers at \(self.endpoint) is not Redis: \(text).")
        }
        return MessageBusError(
            .unreachable,
            "No connection to Redis at \(self.endpoint): \(text). Start it there, or set REDIS_URL."
        )
    }
}
