package import HTTPTransport
package import TradingCore

/// The talk on Schwab's one stream per user: quotes, bars of a minute, and word that orders have moved.
package struct SchwabStreamFeed: BrokerFeed {
    private let symbols: [Symbol]
    private let timeframe: Timeframe
    private let findStreamer: @Sendable (_ refusedToken: String?) throws(BrokerError) -> SchwabStreamer
    private var streamer: SchwabStreamer?
    private var refusedToken: String?
    /// Logins refused one after the other.
    private var denials = 0
    private var requestCount = 0
    /// Services whose subscription is not answered yet.
    private var awaited: Set<Service> = []
    private var quotes: [Symbol: LevelOne] = [:]
    private var isDelayNoted = false

    private enum Service: String {
        case levelOne = "LEVELONE_EQUITIES"
        case chart = "CHART_EQUITY"
        case activity = "ACCT_ACTIVITY"
    }

    /// What is known of one symbol: the stream tells only what has changed.
    private struct LevelOne {
        var bid: Price?
        var ask: Price?
        var time: Timestamp?
        var status: String?
    }

    /// `makeClient` and `now`, which tells wall time, are called by `prepare()`, on its thread.
    package init(
        endpoints: SchwabEndpoints,
        symbols: [Symbol],
        timeframe: Timeframe,
        makeClient: @escaping @Sendable () -> any HTTPClient,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.symbols = symbols
        self.timeframe = timeframe
        self.findStreamer = { refused throws(BrokerError) in
            try SchwabStreamer(endpoints: endpoints, client: makeClient(), now: now, refusedToken: refused)
        }
    }

    /// Asks where the stream is, and for a good access token. Blocks; to be called before each connection.
    package mutating func prepare() throws(BrokerError) {
        self.streamer = try self.findStreamer(self.refusedToken)
        self.refusedToken = nil
    }

    /// Empty before `prepare()`.
    package var url: String { self.streamer?.url ?? "" }

    package mutating func opened() -> [FeedAction] {
        guard let streamer else {
            return [.give(up: "the Schwab stream was opened before its login was prepared", retryAfter: .seconds(5))]
        }
        self.requestCount = 0
        self.awaited = []
        self.quotes = [:]
        self.isDelayNoted = false
        return [
            self.request([
                (
                    "ADMIN", "LOGIN",
                    [
                        ("Authorization", streamer.accessToken), ("SchwabClientChannel", streamer.channel),
                        ("SchwabClientFunctionId", streamer.functionID),
                    ]
                )
            ])
        ]
    }

    package mutating func received(_ frame: [UInt8]) -> [FeedAction] {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: frame)
        } catch {
            return [Self.unreadable(error)]
        }
        var actions: [FeedAction] = []
        for kind in ["response", "notify", "data"] {
            guard case .array(let items)? = json[kind] else { continue }
            for item in items {
                do throws(JSONError) {
                    let item = try JSONObject(item)
                    switch kind {
                    case "response": actions += try self.answered(item)
                    case "notify": actions += try self.notified(item)
                    default: actions += try self.told(item)
                    }
                } catch {
                    actions.append(Self.unreadable(error))
                }
            }
        }
        return actions
    }

    /// Frames that are no JSON come now and then, and are worth no reconnection.
    private static func unreadable(_ error: JSONError) -> FeedAction {
        .note("a part of the Schwab stream cannot be read: \(error)")
    }

    // MARK: Answers

    private mutating func answered(_ response: JSONObject) throws(JSONError) -> [FeedAction] {
        let service: String = try response.value("service")
        let command: String = try response.value("command")
        let content = try JSONObject(try response.value("content", as: JSONValue.self))
        let code: Int = try content.value("code")
        let message: String = try content.optional("msg") ?? ""
        guard code == 0 || (26...29).contains(code) else {
            guard service == Service.activity.rawValue, code != 12 else { return [self.ended(code, message)] }
            // The orders are asked about in any case, only later.
            return [.note("Schwab does not tell of orders on the stream (\(code): \(self.redacted(message)))")]
                + self.subscribed(.activity)
        }
        switch command {
        case "LOGIN":
            self.denials = 0
            return self.subscriptions()
        case "SUBS": return Service(rawValue: service).map { self.subscribed($0) } ?? []
        default: return []
        }
    }

    /// Heartbeats, and the end of the stream.
    private mutating func notified(_ notice: JSONObject) throws(JSONError) -> [FeedAction] {
        guard let content: JSONValue = try notice.optional("content") else { return [] }
        let object = try JSONObject(content)
        guard let code: Int = try object.optional("code"), code != 0 else { return [] }
        return [self.ended(code, try object.optional("msg") ?? "")]
    }

    private mutating func ended(_ code: Int, _ message: String) -> FeedAction {
        let reason = "the Schwab stream answers \(code) (\(self.redacted(message)))"
        switch code {
        case 3:
            self.refusedToken = self.streamer?.accessToken
            self.denials += 1
            return .give(
                up: reason + ": its login is refused. If a new access token does not help, log in again with "
                    + "`tradectl schwab login`",
                retryAfter: .seconds(5 << min(self.denials - 1, 5))
            )
        case 12:
            return .give(
                up: reason + ": another program has logged in to the stream as the same user, and Schwab allows one. "
                    + "Stop one of them",
                retryAfter: .seconds(60)
            )
        case 19:
            return .give(
                up: reason + ": Schwab does not stream that many symbols. Trade fewer",
                retryAfter: .seconds(300)
            )
        case 20, 30: return .give(up: reason, retryAfter: .seconds(5))
        default: return .give(up: reason, retryAfter: .seconds(30))
        }
    }

    private func redacted(_ message: String) -> String {
        let token = self.streamer?.accessToken ?? ""
        return String((token.isEmpty ? message : message.replacing(token, with: "***")).prefix(100))
    }

    private mutating func subscriptions() -> [FeedAction] {
        var requests: [Request] = []
        var notes: [FeedAction] = []
        let keys = self.symbols.map(\.rawValue).joined(separator: ",")
        if !self.symbols.isEmpty {
            requests.append(Self.subscription(.levelOne, keys: keys, fields: "0,1,2,3,4,5,8,32,34,35"))
            if self.timeframe == Self.minute {
                requests.append(Self.subscription(.chart, keys: keys, fields: "0,1,2,3,4,5,6,7,8"))
            } else if self.timeframe != .day {
                notes.append(.note("Schwab streams bars of 1Min only: those of \(self.timeframe) have to be asked for"))
            }
        }
        // Any key will do.
        requests.append(
            Self.subscription(.activity, keys: self.streamer?.correlationID ?? "", fields: "0,1,2,3")
        )
        self.awaited = Set(requests.compactMap { Service(rawValue: $0.service) })
        return notes + [self.request(requests)]
    }

    private mutating func subscribed(_ service: Service) -> [FeedAction] {
        guard self.awaited.remove(service) != nil, self.awaited.isEmpty else { return [] }
        return [.event(.connected)]
    }

    private typealias Request = (service: String, command: String, parameters: [(name: String, value: String)])

    private static func subscription(_ service: Service, keys: String, fields: String) -> Request {
        (service.rawValue, "SUBS", [("keys", keys), ("fields", fields)])
    }

    private mutating func request(_ requests: [Request]) -> FeedAction {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("requests", requests.map { WireRequest(request: $0, streamer: self.streamer, number: self.next()) })
        }
        return .send(String(decoding: writer.bytes, as: UTF8.self))
    }
}
