import BrokerSimulator
import MarketSimulation
import Synchronization
import TradingCore

/// A clock that stands until it is moved.
final class HandClock: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { self.instant.withLock { $0 } }
    func advance(by duration: Duration) { self.instant.withLock { $0 += duration } }
}

/// What the tests of this dialect do to a simulator.
enum SchwabCalls {
    static let appKey = "quintet-app-key-0000000000000000"
    /// Of the app key and `quintet-app-secret`.
    static let basic = "cXVpbnRldC1hcHAta2V5LTAwMDAwMDAwMDAwMDAwMDA6cXVpbnRldC1hcHAtc2VjcmV0"
    static let refreshToken = "prepared-refresh-token@"

    static func configuration(
        matching: MatchingEngine.Configuration = .init(),
        requiredStreams: Set<StreamRole> = [.marketData],
        heartbeatInterval: Duration = .seconds(10),
        clock: HandClock = HandClock()
    ) -> BrokerSimulatorConfiguration {
        BrokerSimulatorConfiguration(
            matching: matching,
            requiredStreams: requiredStreams,
            schwab: SchwabConfiguration(
                credentials: .init(key: Self.appKey, secret: "quintet-app-secret"),
                refreshToken: Self.refreshToken,
                heartbeatInterval: heartbeatInterval,
                now: { clock.now }
            )
        )
    }

    static func token(_ http: HTTPClient, _ form: String, basic: String = Self.basic) throws -> HTTPAnswer {
        let headers = http.headers
        defer { http.headers = headers }
        http.headers =
            "Authorization: Basic \(basic)\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        return try http.call("POST", "/v1/oauth/token", form)
    }

    /// A client with an access token, and the token.
    static func client(_ simulator: BrokerSimulator) throws -> (http: HTTPClient, accessToken: String) {
        let http = try HTTPClient(port: simulator.port)
        let answer = try Self.token(http, "grant_type=refresh_token&refresh_token=prepared-refresh-token%40").json
        guard let token = answer["access_token"]?.text else { throw ClientError("no access token") }
        http.headers = "Authorization: Bearer \(token)\r\n"
        return (http, token)
    }

    static func order(
        _ instruction: String,
        _ quantity: Int,
        _ symbol: String = "AAPL",
        type: String = "MARKET",
        price: String? = nil,
        stop: String? = nil,
        duration: String = "DAY"
    ) -> String {
        let prices = (price.map { #""price":"\#($0)","# } ?? "") + (stop.map { #""stopPrice":"\#($0)","# } ?? "")
        return """
            {"session":"NORMAL","duration":"\(duration)","orderType":"\(type)",\(prices)"orderStrategyType":"SINGLE",\
            "orderLegCollection":[{"instruction":"\(instruction)","quantity":\(quantity),\
            "instrument":{"symbol":"\(symbol)","assetType":"EQUITY"}}]}
            """
    }
}

/// A streamer's client that logs in as the only user there is.
final class SchwabStream {
    let socket: StreamClient
    private let customer: String
    private var requests = 0

    init(port: Int, http: HTTPClient) throws {
        let preference = try http.call("GET", "/trader/v1/userPreference").json
        self.customer = preference["streamerInfo"]?[0]?["schwabClientCustomerId"]?.text ?? ""
        self.socket = try StreamClient(port: port, path: "/ws")
    }

    /// Sends one request; returns its answer's code. What comes before the answer is left out.
    @discardableResult
    func request(_ service: String, _ command: String, _ parameters: String) throws -> Int {
        try self.send(service, command, parameters)
        while true {
            let frame = try self.next()
            guard let response = frame["response"]?[0] else { continue }
            return response["content"]?["code"]?.text.flatMap { Int($0) } ?? -1
        }
    }

    func send(_ service: String, _ command: String, _ parameters: String) throws {
        try self.socket.send(
            """
            {"requests":[{"service":"\(service)","command":"\(command)","requestid":\(self.requests),\
            "SchwabClientCustomerId":"\(self.customer)","SchwabClientCorrelId":"X","parameters":{\(parameters)}}]}
            """
        )
        self.requests += 1
    }

    func logIn(_ token: String) throws -> Int {
        let channel = #""SchwabClientChannel":"N9","SchwabClientFunctionId":"APIAPP""#
        return try self.request("ADMIN", "LOGIN", #""Authorization":"\#(token)",\#(channel)"#)
    }

    func subscribe(_ service: String, keys: String, fields: String) throws -> Int {
        try self.request(service, "SUBS", #""keys":"\#(keys)","fields":"\#(fields)""#)
    }

    /// The next frame; pings before it are answered.
    func next() throws -> JSONValue { try JSONValue(parsing: Array(try self.socket.nextText().utf8)) }

    /// The content of the next frame of data.
    func nextData() throws -> JSONValue {
        while true {
            if let data = try self.next()["data"] { return data }
        }
    }
}

/// A simulator whose replay a test moves step by step through this dialect's stream.
final class SchwabStage {
    static let fields = "0,1,2,3,4,5,8,32,34,35"

    let simulator: BrokerSimulator
    let http: HTTPClient
    let stream: SchwabStream
    let accessToken: String
    /// The account's path.
    let account: String

    init(_ simulator: BrokerSimulator, symbols: String) throws {
        self.simulator = simulator
        (self.http, self.accessToken) = try SchwabCalls.client(simulator)
        let numbers = try self.http.call("GET", "/trader/v1/accounts/accountNumbers").json
        self.account = "/trader/v1/accounts/\(numbers[0]?["hashValue"]?.text ?? "")"
        self.stream = try SchwabStream(port: simulator.port, http: self.http)
        guard try self.stream.logIn(self.accessToken) == 0,
            try self.stream.subscribe("LEVELONE_EQUITIES", keys: symbols, fields: Self.fields) == 0
        else { throw ClientError("the streamer refuses") }
    }

    static func run(
        matching: MatchingEngine.Configuration = .init(),
        bars: [String: [String]] = sampleBars,
        clock: HandClock = HandClock(),
        _ body: (SchwabStage) throws -> Void
    ) async throws {
        let configuration = SchwabCalls.configuration(matching: matching, clock: clock)
        let symbols = bars.keys.sorted().joined(separator: ",")
        try await withSimulator(configuration, bars: bars) { try body(try SchwabStage($0, symbols: symbols)) }
    }

    /// Lets the replay take steps, each of which shows one frame; returns the last.
    @discardableResult
    func step(_ count: Int = 1) throws -> JSONValue {
        var data = JSONValue.null
        for _ in 0..<count { data = try self.stream.nextData() }
        return data
    }

    func get(_ target: String) throws -> HTTPAnswer { try self.http.call("GET", target) }

    /// Sends an order; returns its number.
    func post(_ body: String) throws -> String {
        let answer = try self.http.call("POST", "\(self.account)/orders", body)
        guard answer.status == 201, answer.text.isEmpty, let location = answer.header("Location") else {
            throw ClientError("\(answer.status) \(answer.text)")
        }
        return String(location.split(separator: "/").last ?? "")
    }

    func order(_ number: String) throws -> JSONValue { try self.get("\(self.account)/orders/\(number)").json }
}
