import AgentRuntime
import Brokerage
import HTTPTransport
import MessageBus
package import TradingCore

/// What `doctor` has found.
package struct Examination: OperatorAnswer {
    package enum Finding: String, Hashable, Sendable {
        case fine = "ok"
        case problem
        case unknown
    }

    package struct Check: Hashable, Sendable, JSONEncodable {
        package var subject: String
        package var finding: Finding
        package var text: String

        package func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("subject", self.subject)
                $0.field("finding", self.finding.rawValue)
                $0.field("text", self.text)
            }
        }
    }

    package private(set) var checks: [Check] = []

    /// - Throws: `MessageBusError` if Redis does not answer at all.
    init(_ settings: Settings, place: RedisPlace) throws {
        let connection = try RedisConnection(to: place.endpoint)
        self.note("redis", .fine, "answers at \(place.endpoint)")
        self.examineAccess(place.endpoint)
        try self.examineServer(connection)
        do {
            try self.examineLedger(RedisMessageBus(endpoint: place.endpoint, namespace: place.namespace), place)
        } catch {
            self.note("ledger", .problem, "\(error)")
        }
        self.examineBroker(settings)
        self.examineCollector(settings)
    }

    private mutating func note(_ subject: String, _ finding: Finding, _ text: String) {
        self.checks.append(Check(subject: subject, finding: finding, text: text))
    }

    // MARK: Redis

    private mutating func examineServer(_ connection: RedisConnection) throws {
        let version = Self.lines(try? connection.call(RedisCommand("INFO", "server")))["redis_version"]
        if let version {
            let isOld = (version.split(separator: ".").first.flatMap { Int($0) } ?? 0) < 7
            self.note("redis version", isOld ? .problem : .fine, isOld ? "\(version): 7.0 or newer is needed" : version)
        } else {
            self.note("redis version", .unknown, "Redis does not tell")
        }
        self.examineSetting("appendonly", connection, isGood: { $0 == "yes" }) {
            "\($0): Redis forgets everything when it ends; set `appendonly yes`"
        }
        self.examineSetting("appendfsync", connection, isGood: { $0 == "always" || $0 == "no" }) {
            "\($0): Redis may answer before it has written, and forget what it has acknowledged; set `appendfsync always`, "
                + "or `no` where only the process may die and not the machine"
        }
        self.examineSetting("maxmemory-policy", connection, isGood: { $0 == "noeviction" }) {
            "\($0): Redis may drop trades when memory runs short; set `maxmemory-policy noeviction`"
        }
    }

    /// Whether somebody comes in without a password who need not be on this machine.
    private mutating func examineAccess(_ endpoint: RedisEndpoint) {
        guard case .tcp(let host, _) = endpoint.address else {
            return self.note("redis access", .fine, "by a socket of this machine's")
        }
        var stranger = endpoint
        (stranger.user, stranger.password) = (nil, nil)
        let isOpen = (try? RedisConnection(to: stranger).call(RedisCommand("PING"))) != nil
        let isLocal = ["localhost", "::1"].contains(host) || host.hasPrefix("127.")
        guard isOpen else { return self.note("redis access", .fine, "asks for a password") }
        self.note(
            "redis access",
            isLocal ? .fine : .problem,
            isLocal
                ? "asks nobody for a password; no other machine should reach it"
                : "asks nobody for a password: whoever reaches it can trade; `tradectl redis-acl` gives each process a user"
        )
    }

    private mutating func examineSetting(
        _ name: String,
        _ connection: RedisConnection,
        isGood: (String) -> Bool,
        advice: (String) -> String
    ) {
        guard case .array(let pair)? = try? connection.call(RedisCommand("CONFIG", "GET", name)), pair.count == 2,
            case .string(let bytes) = pair[1]
        else { return self.note(name, .unknown, "Redis does not let its settings be read (CONFIG GET)") }
        let value = String(decoding: bytes, as: UTF8.self)
        self.note(name, isGood(value) ? .fine : .problem, isGood(value) ? value : advice(value))
    }

    private static func lines(_ reply: RedisReply?) -> [String: String] {
        guard case .string(let bytes)? = reply else { return [:] }
        return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).reduce(into: [:]) {
            let parts = $1.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { $0[String(parts[0])] = String(parts[1]) }
        }
    }

    // MARK: The ledger

    private mutating func examineLedger(_ bus: RedisMessageBus, _ place: RedisPlace) throws {
        let before = WallClock.now()
        let told = try bus.time()
        let after = WallClock.now()
        let skew = (told - (before + (after - before) / 2)).inMilliseconds
        let isFar = skew.magnitude > UInt64(MarketClock.maximumSkew)
        let skewText = "Redis' clock is \(skew.magnitude) ms \(skew < 0 ? "behind" : "ahead of") this machine's"
        self.note(
            "clocks",
            isFar ? .problem : .fine,
            isFar ? "\(skewText): have both set by NTP; more than \(MarketClock.maximumSkew) ms is too much" : skewText
        )
        guard let installation = try bus.load([.installation])[0] else {
            return self.note(
                "ledger",
                .unknown,
                "there is none in the namespace \(place.namespace): no agent has run there yet"
            )
        }
        if let fault = installation.fault { return self.note("ledger", .problem, fault) }
        let id = String(decoding: installation.body, as: UTF8.self).prefix(8)
        self.note("ledger", .fine, "\(id)… in the namespace \(place.namespace)")
        var strange: [String] = []
        for event in EventName.allCases where !event.isPrivate {
            for (_, body) in try bus.tail(of: event.stream, limit: 1) {
                do {
                    _ = try Message(decoding: body)
                } catch {
                    strange.append("\(event.rawValue): \(error)")
                }
            }
        }
        self.note(
            "versions",
            strange.isEmpty ? .fine : .problem,
            strange.isEmpty
                ? "messages are of schema version \(Message.schemaVersion), as tradectl writes them"
                : "this tradectl (schema version \(Message.schemaVersion)) cannot read the newest of "
                    + strange.joined(separator: "; ")
        )
        for agent in AgentName.allCases {
            let missing = try agent.allStreams.filter { stream in
                try !bus.groups(on: stream).contains { $0.name == agent.rawValue }
            }
            let names = missing.map(\.rawValue).joined(separator: ", ")
            self.note(
                agent.rawValue,
                missing.isEmpty ? .fine : .problem,
                missing.isEmpty
                    ? "has its groups on \(agent.allStreams.count) streams"
                    : "has no group on \(names): start the agent"
            )
        }
    }

    // MARK: The broker

    private mutating func examineBroker(_ settings: Settings) {
        let broker: any Broker
        do throws(ConfigurationError) {
            broker = try BrokerSettings(settings).makeBroker(try TLSSettings(settings))
        } catch  where error.code == .missing {
            return self.note("broker", .unknown, "not asked: \(error)")
        } catch {
            return self.note("broker", .problem, "\(error)")
        }
        do throws(BrokerError) {
            self.note("broker", .fine, "\(try broker.checkAccount())")
        } catch {
            self.note("broker", .problem, error.reason)
        }
    }

    // MARK: The trace collector

    private mutating func examineCollector(_ settings: Settings) {
        let subject = "trace collector"
        do throws(ConfigurationError) {
            switch try CollectorAnswer(settings) {
            case .notConfigured:
                self.note(subject, .fine, "none: spans stay in the journal (OTEL_EXPORTER_OTLP_ENDPOINT is not set)")
            case .takes(let url): self.note(subject, .fine, "takes spans at \(url)")
            case .refuses(let url, let reason):
                self.note(subject, .problem, "\(url) takes no spans, so that they wait in the journal: \(reason)")
            }
        } catch {
            self.note(subject, .problem, "\(error)")
        }
    }

    // MARK: What it says

    package var problem: CommandFailure.Code? { self.checks.contains { $0.finding == .problem } ? .failed : nil }

    package var text: String {
        var table = TextTable(.left("CHECK"), .left(""), .left("FOUND"))
        for check in self.checks {
            let mark =
                switch check.finding {
                case .fine: "ok"
                case .problem: "PROBLEM"
                case .unknown: "?"
                }
            table.add(check.subject, mark, check.text)
        }
        return table.text
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { $0.field("checks", self.checks) }
    }
}
