import CHiredis
import Glibc

/// One blocking connection to a Redis server.
///
/// Belongs to one thread at a time. After a call has thrown anything but `.refused` the connection is dead: drop it and
/// make a new one.
package final class RedisConnection {
    package let endpoint: RedisEndpoint
    private let context: UnsafeMutablePointer<redisContext>

    // A write to a socket whose other end is gone must be an error, not the end of the process.
    private static let ignoresBrokenPipes: Void = { signal(SIGPIPE, SIG_IGN) }()

    /// Connects, logs in and selects the database.
    ///
    /// `commandTimeout` bounds every later wait for the server; both timeouts are at least a millisecond.
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
        guard connected.pointee.err == 0, redisSetTimeout(connected, commandTimeout.socketTimeout) == REDIS_OK else {
            throw self.failure(errno)
        }
        if case .tcp = endpoint.address { redisEnableKeepAlive(connected) }
        // A child process must not keep the connection open.
        _ = fcntl(connected.pointee.fd, F_SETFD, FD_CLOEXEC)
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
        var done: Int32 = 0
        while done == 0 {
            guard redisBufferWrite(self.context, &done) == REDIS_OK else { throw self.failure(errno) }
        }
    }

    /// Waits for the next answer to what was sent.
    func nextReply() throws(MessageBusError) -> RedisReply {
        var raw: UnsafeMutableRawPointer?
        guard redisGetReply(self.context, &raw) == REDIS_OK, let raw else { throw self.failure(errno) }
        return Self.take(raw)
    }

    /// Reads once from the socket, which does not block if `poll(2)` has found it readable.
    func readAvailable() throws(MessageBusError) {
        guard redisBufferRead(self.context) == REDIS_OK else { throw self.failure(errno) }
    }

    /// The next answer that has been read completely, nil if there is none. Never blocks.
    func bufferedReply() throws(MessageBusError) -> RedisReply? {
        var raw: UnsafeMutableRawPointer?
        guard redisGetReplyFromReader(self.context, &raw) == REDIS_OK else { throw self.failure(errno) }
        return raw.map { Self.take($0) }
    }

    private func append(_ command: RedisCommand) throws(MessageBusError) {
        try self.append(command.header)
        try self.append(command.bytes)
    }

    private func append(_ bytes: [UInt8]) throws(MessageBusError) {
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
        if error == REDIS_ERR_PROTOCOL {
            return MessageBusError(.protocolViolation, "What answers at \(self.endpoint) is not Redis: \(text).")
        }
        return MessageBusError(
            .unreachable,
            "No connection to Redis at \(self.endpoint): \(text). Start it there, or set REDIS_URL."
        )
    }
}
