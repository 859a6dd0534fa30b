import COpenSSL
import TradingCore

/// The users of Redis and what each may do, in the form of a Redis ACL file (Redis 7.0 or newer). Made from what the
/// agents subscribe to, say, read and write, so it says the same as they do.
///
/// Each right is a selector: some commands on some keys or channels. Redis asks the same of what a script does, whoever
/// wrote the script; hence scripts may be given any key, and get no further with it.
package struct RedisAccessList: Sendable {
    package struct User: Hashable, Sendable {
        package var name: String
        /// Whether it logs in with a password.
        package var hasPassword: Bool
        /// What Redis' `ACL SETUSER` takes, but for the password.
        package var rules: [String]
    }

    package let users: [User]

    package static let operatorName = "tradectl"
    package static let simulatorName = "broker-simulator"
    /// May do nothing but ask whether Redis answers.
    package static let healthName = "health"

    package init(namespace: String) {
        let keys = RedisKeys(namespace: namespace)
        var users = AgentName.allCases.map { agent in
            User(agent.rawValue, common: Grant.agentCommands, Grant.of(agent, keys))
        }
        users.append(User(Self.simulatorName, common: Grant.busCommands, Grant.ofSimulator(keys)))
        users.append(User(Self.operatorName, common: Grant.operatorCommands, Grant.ofOperator(keys)))
        users.append(User(Self.healthName, common: ["ping"], hasPassword: false))
        self.users = users
    }

    /// A line for each user. `passwords` holds one for each that has a password; the file gets their SHA-256 alone.
    package func file(passwords: [String: String]) -> String {
        let lines = self.users.map { user in
            let login = user.hasPassword ? passwords[user.name].map { "#" + Self.digest(of: $0) } ?? "" : "nopass"
            return (["user", user.name, login.isEmpty ? "off" : "on", login] + user.rules)
                .filter { !$0.isEmpty }.joined(separator: " ")
        }
        return ([Self.defaultUser] + lines).map { $0 + "\n" }.joined()
    }

    /// Nobody can be it, as it is off. Redis 7.0 itself is, when it reads its append-only file: what it may not do then,
    /// such as the transaction that each commit is in there, would be lost at every restart of Redis.
    private static let defaultUser = "user default off resetpass ~* &* +@all"

    private static func digest(of password: String) -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        let bytes = Array(password.utf8)
        guard EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil) == 1 else {
            preconditionFailure("OpenSSL here knows no SHA-256")
        }
        return digest.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }
}

extension RedisAccessList.User {
    fileprivate init(_ name: String, common: [String], _ grants: [Grant] = [], hasPassword: Bool = true) {
        self.name = name
        self.hasPassword = hasPassword
        self.rules =
            ["resetkeys", "resetchannels", "-@all"] + common.map { "+" + $0 } + grants.filter(\.isAny).map(\.selector)
    }
}

/// Some commands on some keys or channels.
private struct Grant {
    var commands: [String]
    var keys: [String] = []
    var channels: [String] = []

    var isAny: Bool { !self.keys.isEmpty || !self.channels.isEmpty }

    var selector: String {
        let parts =
            (self.channels.isEmpty ? [] : ["resetchannels"]) + self.commands.map { "+" + $0 }
            + Set(self.keys).sorted().map { "~" + $0 } + Set(self.channels).sorted().map { "&" + $0 }
        return "(" + parts.joined(separator: " ") + ")"
    }

    /// What every bus needs and what touches no key.
    static let busCommands = ["ping", "select", "script|load", "time"]
    /// Besides, what it takes to end the wait for messages.
    static let agentCommands = Self.busCommands + ["client|id", "client|unblock"]
    /// Besides, what the doctor asks.
    static let operatorCommands = Self.busCommands + ["info", "config|get"]

    /// To run scripts over any key of the system; what they do with it is asked anew.
    private static func scripts(_ keys: RedisKeys) -> Grant {
        Grant(commands: ["eval", "evalsha", "type"], keys: [keys.all])
    }

    private static func channels(_ events: [EventName]) -> [String] {
        events.filter { !$0.isPrivate }.map(\.rawValue)
    }

    static func of(_ agent: AgentName, _ keys: RedisKeys) -> [Grant] {
        let calls = agent.lanes.map(agent.callStream)
        let said = agent.publications.filter { $0 != .quoteUpdated }.map(\.stream)
        let appended = said + calls + (calls.isEmpty ? [] : [agent.inbox, .callJournal]) + [.deadLetter, .journal]
        let trimmed = agent.trimmedStreams + [.journal]
        let written = agent.writtenDocuments + [DocumentFamily(.spanExport)]
        let read = written + agent.readDocuments + [DocumentFamily(.installation)]
        let leases = [agent.feedLease, AgentName.spanExportLease].compactMap(\.self)
        let histories = agent.writtenDocuments.filter { $0 == .trades }
        let deleted = agent.deletedDocuments
        var grants = [
            Self.scripts(keys),
            Grant(
                commands: ["xreadgroup", "xack", "xclaim", "xpending", "xgroup|create", "xgroup|delconsumer"],
                keys: agent.allStreams.map(keys.stream)
            ),
            // For metrics.
            Grant(commands: ["xinfo|groups", "xinfo|consumers", "xrange"], keys: agent.allStreams.map(keys.stream)),
            // XDEL takes back what a commit has appended before a stream that refuses.
            Grant(commands: ["xadd", "xdel", "xlen"], keys: appended.map(keys.stream)),
            Grant(
                commands: ["xtrim", "xlen", "xrange", "xpending", "xinfo|stream", "xinfo|groups"],
                keys: trimmed.map(keys.stream)
            ),
            // To see whether another journal has taken its place.
            Grant(commands: ["xrevrange"], keys: [keys.stream(.journal)]),
            Grant(
                commands: ["publish"],
                channels: Self.channels(agent.publications) + [StreamName.deadLetter.rawValue]
            ),
            Grant(commands: ["hget", "hmget"], keys: read.map(keys.documents)),
            // A ledger is begun once, and then nobody can change its id.
            Grant(commands: ["hsetnx"], keys: [keys.document(.installation)]),
            Grant(commands: ["hset", "hincrby", "hlen"], keys: written.map(keys.documents)),
            Grant(commands: ["rpush", "llen"], keys: histories.map(keys.histories)),
            Grant(commands: ["del"], keys: deleted.map(keys.documents) + deleted.map(keys.histories)),
            Grant(commands: ["sadd", "scard"], keys: agent.beginsTrades ? [keys.set(Decision.tradesSet)] : []),
            Grant(commands: ["get", "set", "del"], keys: leases.map(keys.lease)),
            Grant(commands: ["get", "incr"], keys: [keys.trimCount]),
        ]
        if agent.asksBroker { grants += Self.rates(keys) }
        if agent.publications.contains(.quoteUpdated) { grants += Self.quotePublishing(keys) }
        if agent.watchesQuotes { grants += Self.quoteWatching(keys) }
        return grants
    }

    private static func rates(_ keys: RedisKeys) -> [Grant] {
        [
            Grant(
                commands: ["lindex", "lpop", "lrange", "rpop", "llen", "rpush", "pexpire"],
                keys: [keys.allDepartures]
            ),
            Grant(commands: ["hget", "hmget", "hset", "pexpire", "del"], keys: [keys.allNotices]),
        ]
    }

    private static func quotePublishing(_ keys: RedisKeys) -> [Grant] {
        [
            Grant(commands: ["hkeys", "hlen", "hset"], keys: [keys.quoteVersions]),
            Grant(commands: ["smembers"], keys: [keys.quoteConsumers]),
            Grant(commands: ["hlen", "hget"], keys: [keys.quoteCursors]),
            Grant(commands: ["scard", "sadd"], keys: [keys.quoteBacklog]),
        ]
    }

    private static func quoteWatching(_ keys: RedisKeys) -> [Grant] {
        [
            Grant(commands: ["subscribe"], channels: [EventName.quoteUpdated.rawValue]),
            Grant(commands: ["hget", "hgetall", "hkeys"], keys: [keys.quoteVersions]),
            Grant(commands: ["sadd"], keys: [keys.quoteConsumers]),
            Grant(commands: ["hlen", "hget", "hset"], keys: [keys.quoteCursors]),
            Grant(commands: ["scard", "sadd", "srem"], keys: [keys.quoteBacklog]),
        ]
    }

    /// It only looks whether everybody is done.
    static func ofSimulator(_ keys: RedisKeys) -> [Grant] {
        [
            Self.scripts(keys),
            Grant(commands: ["xlen", "xrange", "xinfo|groups"], keys: [keys.allStreams]),
            Grant(commands: ["srandmember"], keys: [keys.quoteBacklog]),
            Grant(commands: ["get"], keys: [keys.trimCount]),
        ]
    }

    /// Reads everything; says what an operator says.
    static func ofOperator(_ keys: RedisKeys) -> [Grant] {
        let given = AgentName.allCases.flatMap { [$0.replays] + $0.lanes.map($0.callStream) }
        let appended = OperatorAccess.publications.map(\.stream) + given + [.journal]
        let written = OperatorAccess.writtenDocuments
        return [
            Self.scripts(keys),
            Grant(
                commands: [
                    "hget", "hmget", "hkeys", "hlen", "llen", "lrange", "smembers", "xinfo|stream", "xinfo|groups",
                    "xinfo|consumers", "xlen", "xpending", "xrange", "xrevrange",
                ],
                keys: [keys.all]
            ),
            Grant(commands: ["xadd"], keys: appended.map(keys.stream)),
            Grant(commands: ["xdel"], keys: (appended + [.deadLetter]).map(keys.stream)),
            Grant(commands: ["publish"], channels: Self.channels(OperatorAccess.publications)),
            Grant(commands: ["subscribe", "psubscribe"], channels: ["*"]),
            Grant(commands: ["hset", "del"], keys: written.map(keys.documents) + written.map(keys.histories)),
        ]
    }
}
