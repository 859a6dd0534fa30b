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

    /// Heartbeats come every few seconds.
    package var vitalSigns: FeedVitalSigns { FeedVitalSigns(frames: .seconds(30), marketData: true) }

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
        var isDelayed = false
        var isHalted = false
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
        return [self.login(streamer)]
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
            let isEnd = [3, 12, 20, 30].contains(code)
            guard service == Service.activity.rawValue, !isEnd else { return [self.ended(code, message)] }
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

    // MARK: Requests

    private mutating func login(_ streamer: SchwabStreamer) -> FeedAction {
        let request = self.request(
            "ADMIN",
            "LOGIN",
            [
                ("Authorization", streamer.accessToken), ("SchwabClientChannel", streamer.channel),
                ("SchwabClientFunctionId", streamer.functionID),
            ],
            streamer
        )
        return .send(SchwabStreamRequest.frame([request]))
    }

    private mutating func subscriptions() -> [FeedAction] {
        guard let streamer else { return [] }
        var wanted: [(service: Service, keys: String, fields: String)] = []
        var notes: [FeedAction] = []
        let keys = self.symbols.map(\.rawValue).joined(separator: ",")
        if !self.symbols.isEmpty {
            wanted.append((.levelOne, keys, "0,1,2,3,4,5,8,32,34,35"))
            if self.timeframe == Self.minute {
                wanted.append((.chart, keys, "0,1,2,3,4,5,6,7,8"))
            } else if self.timeframe != .day {
                notes.append(
                    .note("Schwab streams bars of 1Min only: those of \(self.timeframe) have to be asked for")
                )
            }
        }
        // Any key will do.
        wanted.append((.activity, streamer.correlationID, "0,1,2,3"))
        self.awaited = Set(wanted.map(\.service))
        var requests: [SchwabStreamRequest] = []
        for (service, keys, fields) in wanted {
            requests.append(
                self.request(service.rawValue, "SUBS", [("keys", keys), ("fields", fields)], streamer)
            )
        }
        return notes + [.send(SchwabStreamRequest.frame(requests))]
    }

    private mutating func request(
        _ service: String,
        _ command: String,
        _ parameters: [(name: String, value: String)],
        _ streamer: SchwabStreamer
    ) -> SchwabStreamRequest {
        defer { self.requestCount += 1 }
        return SchwabStreamRequest(
            service: service,
            command: command,
            number: self.requestCount,
            streamer: streamer,
            parameters: parameters
        )
    }

    /// The agent listens once every subscription is answered.
    private mutating func subscribed(_ service: Service) -> [FeedAction] {
        guard self.awaited.remove(service) != nil, self.awaited.isEmpty else { return [] }
        return [.event(.connected)]
    }

    // MARK: Data

    private mutating func told(_ data: JSONObject) throws(JSONError) -> [FeedAction] {
        guard let service = Service(rawValue: try data.value("service")) else { return [] }
        let contents: [JSONValue] = try data.value("content")
        if service == .activity {
            // Its messages come late, twice and in any order: all they are good for is to ask the broker.
            guard contents.contains(where: { $0["2"] != .string("SUBSCRIBED") }) else { return [] }
            // They name account and orders, which nobody needs to read.
            let timestamp = try data.optional("timestamp", as: Int64.self) ?? 0
            let ring = MessageID(derivedFrom: "\(timestamp)", JSONWriter.text(contents))
            return [.event(.ordersMoved(ring.rawValue))]
        }
        var actions: [FeedAction] = []
        for content in contents {
            do throws(JSONError) {
                let content = try JSONObject(content)
                guard let symbol = Symbol(try content.value("key", as: String.self)) else { continue }
                switch service {
                case .levelOne: actions += try self.levelOne(symbol, content)
                case .chart where self.timeframe == Self.minute: actions.append(try self.bar(symbol, content))
                case .chart, .activity: break
                }
            } catch {
                actions.append(Self.unreadable(error))
            }
        }
        return actions
    }

    private mutating func levelOne(_ symbol: Symbol, _ content: JSONObject) throws(JSONError) -> [FeedAction] {
        var known = self.quotes[symbol] ?? LevelOne()
        let bid = try content.optional("1", as: BrokerNumber<Price>.self)?.value
        let ask = try content.optional("2", as: BrokerNumber<Price>.self)?.value
        let time = try content.optional("34", as: Int64.self).map { Timestamp(milliseconds: $0) }
        let status = try content.optional("32", as: String.self)
        known.bid = bid ?? known.bid
        known.ask = ask ?? known.ask
        known.time = time ?? known.time
        known.isDelayed = try content.optional("delayed") ?? known.isDelayed
        var actions: [FeedAction] = []
        if let status {
            let isHalted = status == "Halted"
            if isHalted != known.isHalted {
                actions.append(.note("trading of \(symbol) \(isHalted ? "is halted" : "goes on")"))
            }
            known.isHalted = isHalted
        }
        self.quotes[symbol] = known
        // Nothing may be decided by what is old or cannot be traded on.
        if known.isDelayed, !self.isDelayNoted {
            self.isDelayNoted = true
            actions.append(
                .note("Schwab streams delayed quotes, which are left out: the user has no real-time market data")
            )
        }
        guard bid != nil || ask != nil || time != nil, !known.isDelayed, !known.isHalted, let bid = known.bid,
            let ask = known.ask, let time = known.time
        else { return actions }
        return actions + [.event(.quote(Quote(symbol: symbol, bid: bid, ask: ask, timestamp: time)))]
    }

    /// In the order of the wire: sequence, open, high, low, close, volume, time. The published table has the prices
    /// one place earlier; read by it, a bar would not hold together.
    private func bar(_ symbol: Symbol, _ content: JSONObject) throws(JSONError) -> FeedAction {
        let bar = try content.bar(at: try content.milliseconds("7"), names: ("2", "3", "4", "5", "6"))
        guard bar.low <= min(bar.open, bar.close), max(bar.open, bar.close) <= bar.high else {
            throw JSONError("a bar of \(symbol) whose open or close lies outside of its low and high")
        }
        return .event(.bar(symbol, self.timeframe, bar))
    }

    /// The only bars that the stream has.
    private static let minute = Timeframe("1Min")
}
