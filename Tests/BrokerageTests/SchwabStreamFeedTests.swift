import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// The talk on Schwab's stream.
@Suite struct SchwabStreamFeedTests {
    private let stage: SchwabStage
    private let symbols: [Symbol]
    private let minute: Timeframe

    init() throws {
        self.stage = try SchwabStage()
        self.symbols = try ["AAPL", "MSFT"].map { try #require(Symbol($0)) }
        self.minute = try #require(Timeframe("1Min"))
    }

    @Test func `it finds the stream, logs in, subscribes, and is connected when all is answered`() throws {
        var feed = try self.feed(timeframe: self.minute)
        #expect(feed.url == "")
        try feed.prepare()
        #expect(feed.url == "wss://streamer-api.schwab.test/ws")
        #expect(
            feed.opened() == [
                .send(
                    #"{"requests":[{"service":"ADMIN","command":"LOGIN","requestid":"0","#
                        + #""SchwabClientCustomerId":"C","SchwabClientCorrelId":"X","parameters":{"#
                        + #""Authorization":"access-token-1","SchwabClientChannel":"N9","#
                        + #""SchwabClientFunctionId":"APIAPP"}}]}"#
                )
            ]
        )
        #expect(
            feed.received(Self.answer("ADMIN", "LOGIN", 0)) == [
                .send(
                    #"{"requests":[{"service":"LEVELONE_EQUITIES","command":"SUBS","requestid":"1","#
                        + #""SchwabClientCustomerId":"C","SchwabClientCorrelId":"X","parameters":{"#
                        + #""keys":"AAPL,MSFT","fields":"0,1,2,3,4,5,8,32,34,35"}},"#
                        + #"{"service":"CHART_EQUITY","command":"SUBS","requestid":"2","#
                        + #""SchwabClientCustomerId":"C","SchwabClientCorrelId":"X","parameters":{"#
                        + #""keys":"AAPL,MSFT","fields":"0,1,2,3,4,5,6,7,8"}},"#
                        + #"{"service":"ACCT_ACTIVITY","command":"SUBS","requestid":"3","#
                        + #""SchwabClientCustomerId":"C","SchwabClientCorrelId":"X","parameters":{"#
                        + #""keys":"X","fields":"0,1,2,3"}}]}"#
                )
            ]
        )
        #expect(feed.received(Self.answer("CHART_EQUITY", "SUBS", 0)) == [])
        #expect(feed.received(Self.answer("ACCT_ACTIVITY", "SUBS", 26)) == [])
        #expect(feed.received(Self.answer("LEVELONE_EQUITIES", "SUBS", 0)) == [.event(.connected)])
        #expect(feed.received(Self.answer("LEVELONE_EQUITIES", "SUBS", 0)) == [])
    }

    @Test func `daily bars are not subscribed, and for the others it says so`() throws {
        var daily = try self.connected(timeframe: .day, subscribe: false)
        guard case .send(let text)? = daily.received(Self.answer("ADMIN", "LOGIN", 0)).last else {
            Issue.record("nothing sent")
            return
        }
        #expect(!text.contains("CHART_EQUITY"))
        var fives = try self.connected(timeframe: try #require(Timeframe("5Min")), subscribe: false)
        let actions = fives.received(Self.answer("ADMIN", "LOGIN", 0))
        guard case .note(let note)? = actions.first, case .send(let request)? = actions.last else {
            Issue.record("\(actions)")
            return
        }
        #expect(note.contains("5Min"))
        #expect(!request.contains("CHART_EQUITY"))
    }

    @Test func `a quote is told when bid, ask and time are known, and when one of them changes`() throws {
        var feed = try self.connected()
        #expect(feed.received(Self.levelOne(#""key":"AAPL","delayed":false,"1":150.01,"3":150"#)) == [])
        #expect(feed.received(Self.levelOne(#""key":"AAPL","34":1795444200000"#)) == [])
        #expect(
            feed.received(Self.levelOne(#""key":"AAPL","2":150.02"#)) == [
                try Self.quote("AAPL", "150.01", "150.02", 1_795_444_200_000)
            ]
        )
        // Trades and sizes are no quote; another symbol is another quote.
        #expect(feed.received(Self.levelOne(#""key":"AAPL","3":150.02,"8":900,"4":2"#)) == [])
        #expect(feed.received(Self.levelOne(#""key":"MSFT","1":150.00"#)) == [])
        #expect(
            feed.received(Self.levelOne(#""key":"AAPL","1":150.0000,"34":1795444201000"#)) == [
                try Self.quote("AAPL", "150", "150.02", 1_795_444_201_000)
            ]
        )
    }

    @Test func `what was known is forgotten with the connection`() throws {
        var feed = try self.connected()
        let whole = Self.levelOne(#""key":"AAPL","1":150.01,"2":150.02,"34":1795444200000"#)
        #expect(feed.received(whole).count == 1)
        _ = feed.opened()
        #expect(feed.received(Self.levelOne(#""key":"AAPL","1":149"#)) == [])
        #expect(feed.received(whole).count == 1)
    }

    @Test func `delayed and halted quotes are not told`() throws {
        var feed = try self.connected()
        let figures = #""1":150.01,"2":150.02,"34":1795444200000"#
        let delayed = feed.received(Self.levelOne(#""key":"AAPL","delayed":true,\#(figures)"#))
        guard case .note? = delayed.first, delayed.count == 1 else {
            Issue.record("\(delayed)")
            return
        }
        #expect(feed.received(Self.levelOne(#""key":"AAPL",\#(figures)"#)) == [])
        #expect(feed.received(Self.levelOne(#""key":"MSFT",\#(figures),"32":"Normal""#)).count == 1)
        #expect(
            feed.received(Self.levelOne(#""key":"MSFT","32":"Halted","1":1"#)) == [.note("trading of MSFT is halted")]
        )
        #expect(
            feed.received(Self.levelOne(#""key":"MSFT","32":"Normal","1":2"#)) == [
                .note("trading of MSFT goes on"), try Self.quote("MSFT", "2", "150.02", 1_795_444_200_000),
            ]
        )
    }

    @Test func `bars are read in the order of the wire and have to hold together`() throws {
        var feed = try self.connected(timeframe: self.minute)
        let bar = #""key":"AAPL","seq":3,"1":44,"2":150.1,"3":151,"4":149.5,"5":150.5,"6":1200,"7":1795444200000,"8":1"#
        #expect(
            feed.received(Self.data("CHART_EQUITY", "{\(bar)}")) == [
                .event(
                    .bar(
                        self.symbols[0],
                        self.minute,
                        Bar(
                            timestamp: Timestamp(milliseconds: 1_795_444_200_000),
                            open: try #require(Price("150.1")),
                            high: Price(151),
                            low: try #require(Price("149.5")),
                            close: try #require(Price("150.5")),
                            volume: 1200
                        )
                    )
                )
            ]
        )
        // As the published table has it: the one bad bar is left out, the good one after it is not.
        let shifted = #""key":"MSFT","1":150.1,"2":151,"3":149.5,"4":150.5,"5":1200,"6":44,"7":1795444200000"#
        let actions = feed.received(Self.data("CHART_EQUITY", "{\(shifted)},{\(bar)}"))
        guard case .note? = actions.first, case .event(.bar)? = actions.last, actions.count == 2 else {
            Issue.record("\(actions)")
            return
        }
    }

    @Test func `account activity rings once for a frame, and tells nothing of the account`() throws {
        var feed = try self.connected()
        let subscribed = #"{"seq":0,"key":"X","1":"12345678","2":"SUBSCRIBED","3":""}"#
        #expect(feed.received(Self.data("ACCT_ACTIVITY", subscribed)) == [])
        var rings: [String] = []
        for data in [
            #"{"seq":1,"key":"X","1":"12345678","2":"OrderCreated","3":"{\"SchwabOrderID\":\"1001\"}"}"#,
            #"{"seq":2,"key":"X","1":"12345678","2":"OrderAccepted","3":"prose"}"#,
            #"{"seq":2,"key":"X","1":"12345678","2":"OrderAccepted","3":"prose"}"#, #"{"new":"shape"}"#,
            #"{"seq":3,"2":"CancelAccepted"},{"seq":4,"2":"OrderUROutCompleted"},\#(subscribed)"#,
        ] {
            let actions = feed.received(Self.data("ACCT_ACTIVITY", data))
            guard case .event(.ordersMoved(let ring))? = actions.first, actions.count == 1 else {
                Issue.record("\(data) led to \(actions)")
                continue
            }
            SchwabStage.expectNoSecret(ring)
            rings.append(ring)
        }
        // The same one told again is the same ring.
        #expect(rings.count == 5)
        #expect(Set(rings).count == 4)
    }

    @Test func `a refused login waits longer each time and brings a new access token`() throws {
        let route = "POST /v1/oauth/token"
        self.stage.client.on(route, SchwabStage.tokenAnswer(2, refresh: "refresh-token-2"))
        var feed = try self.connected(subscribe: false)
        let refusal = Self.answer("ADMIN", "LOGIN", 3, "token access-token-1 is invalid")
        for seconds in [5, 10, 20, 40, 80, 160, 160] {
            guard case .give(let reason, let retryAfter)? = feed.received(refusal).first else {
                Issue.record("went on")
                return
            }
            #expect(retryAfter == .seconds(seconds))
            #expect(reason.contains("tradectl schwab login"))
            SchwabStage.expectNoSecret(reason)
        }
        try feed.prepare()
        #expect("\(feed.opened())".contains("access-token-2"))
        _ = feed.received(Self.answer("ADMIN", "LOGIN", 0))
        guard case .give(_, let retryAfter)? = feed.received(refusal).first else {
            Issue.record("went on")
            return
        }
        #expect(retryAfter == .seconds(5))
    }

    @Test(arguments: [
        ("response", 12, 60), ("notify", 12, 60), ("notify", 30, 5), ("response", 20, 5), ("response", 19, 300),
        ("response", 22, 30), ("response", 9, 30), ("notify", 77, 30),
    ])
    func `the end of a stream comes with the time to wait`(kind: String, code: Int, seconds: Int) throws {
        var feed = try self.connected()
        let actions = feed.received(
            """
            {"\(kind)":[{"service":"LEVELONE_EQUITIES","command":"SUBS","requestid":"1","timestamp":1795444200000,
            "content":{"code":\(code),"msg":"why"}}]}
            """
        )
        guard case .give(let reason, let retryAfter)? = actions.first, actions.count == 1 else {
            Issue.record("\(actions)")
            return
        }
        #expect(retryAfter == .seconds(seconds))
        #expect(reason.contains("\(code) (why)"))
    }

    @Test func `quotes come also where account activity does not`() throws {
        var feed = try self.connected(subscribe: false)
        _ = feed.received(Self.answer("ADMIN", "LOGIN", 0))
        _ = feed.received(Self.answer("LEVELONE_EQUITIES", "SUBS", 0))
        let actions = feed.received(Self.answer("ACCT_ACTIVITY", "SUBS", 22))
        guard case .note? = actions.first, actions.last == .event(.connected), actions.count == 2 else {
            Issue.record("\(actions)")
            return
        }
    }

    @Test func `what cannot be read is noted and changes nothing`() throws {
        var feed = try self.connected()
        for frame in [
            "", "{", "not json", #"{"data":[{}]}"#, #"{"data":[7]}"#, #"{"response":[{"service":"ADMIN"}]}"#,
            Self.levelOne(#""key":"AAPL","1":"?""#), Self.data("LEVELONE_EQUITIES", "7"),
            #"{"notify":[{"content":{"code":"x"}}]}"#,
        ] {
            let actions = feed.received(frame)
            guard case .note? = actions.first, actions.count == 1 else {
                Issue.record("\(frame) led to \(actions)")
                continue
            }
        }
        for frame in [
            #"{"notify":[{"heartbeat":"1763908210000"}]}"#, "[]", "{}", "7", Self.data("NEWS", "{}"),
            Self.levelOne(#""key":"$SPX","1":1"#), Self.answer("ADMIN", "LOGOUT", 0), Self.answer("NEWS", "SUBS", 0),
            #"{"notify":[{"service":"ADMIN","content":{"code":0}}]}"#,
        ] {
            #expect(feed.received(frame) == [])
        }
        #expect(
            feed.received(Self.levelOne(#""key":"AAPL","1":1,"2":2,"34":1000"#)) == [
                try Self.quote("AAPL", "1", "2", 1000)
            ]
        )
    }

    @Test func `without the user's preferences there is no stream, and the error says what failed`() throws {
        for (status, body) in [(200, "{}"), (200, #"{"streamerInfo":[]}"#), (500, ""), (200, "<html>")] {
            var feed = try self.feed(preference: body, status: status)
            let error = try #require(#expect(throws: BrokerError.self) { try feed.prepare() })
            #expect(error.reason.contains("userPreference"))
            SchwabStage.expectNoSecret(error.reason)
            guard case .give? = feed.opened().first else {
                Issue.record("went on")
                continue
            }
        }
    }

    @Test func `preferences in an array are read too`() throws {
        var feed = try self.feed(preference: "[\(Self.preference)]")
        try feed.prepare()
        #expect(feed.url == "wss://streamer-api.schwab.test/ws")
    }

    // MARK: Fixtures

    private func feed(
        timeframe: Timeframe = .day,
        preference: String = SchwabStreamFeedTests.preference,
        status: Int = 200
    ) throws -> SchwabStreamFeed {
        let time = self.stage.time
        return SchwabStreamFeed(
            endpoints: self.stage.endpoints,
            symbols: self.symbols,
            timeframe: timeframe,
            makeClient: {
                let client = ScriptedSchwab()
                client.on("GET /trader/v1/userPreference", preference, status: status)
                client.on("POST /v1/oauth/token", SchwabStage.tokenAnswer(2, refresh: "refresh-token-2"))
                return client
            },
            now: { time }
        )
    }

    private func connected(timeframe: Timeframe = .day, subscribe: Bool = true) throws -> SchwabStreamFeed {
        var feed = try self.feed(timeframe: timeframe)
        try feed.prepare()
        _ = feed.opened()
        guard subscribe else { return feed }
        _ = feed.received(Self.answer("ADMIN", "LOGIN", 0))
        for service in ["LEVELONE_EQUITIES", "CHART_EQUITY", "ACCT_ACTIVITY"] {
            _ = feed.received(Self.answer(service, "SUBS", 0))
        }
        return feed
    }

    private static let preference = """
        {"accounts":[{"accountNumber":"12345678","primaryAccount":true}],"streamerInfo":[{
        "streamerSocketUrl":"wss://streamer-api.schwab.test/ws","schwabClientCustomerId":"C",
        "schwabClientCorrelId":"X","schwabClientChannel":"N9","schwabClientFunctionId":"APIAPP"}],"offers":[]}
        """

    private static func answer(_ service: String, _ command: String, _ code: Int, _ message: String = "") -> String {
        """
        {"response":[{"service":"\(service)","command":"\(command)","requestid":"0","SchwabClientCorrelId":"X",
        "timestamp":1763908200000,"content":{"code":\(code),"msg":"\(message)"}}]}
        """
    }

    private static func data(_ service: String, _ contents: String) -> String {
        #"{"data":[{"service":"\#(service)","timestamp":1795444200000,"command":"SUBS","content":[\#(contents)]}]}"#
    }

    private static func levelOne(_ members: String) -> String { Self.data("LEVELONE_EQUITIES", "{\(members)}") }

    private static func quote(
        _ symbol: String,
        _ bid: String,
        _ ask: String,
        _ milliseconds: Int64
    ) throws -> FeedAction {
        .event(
            .quote(
                Quote(
                    symbol: try #require(Symbol(symbol)),
                    bid: try #require(Price(bid)),
                    ask: try #require(Price(ask)),
                    timestamp: Timestamp(milliseconds: milliseconds)
                )
            )
        )
    }
}

extension SchwabStreamFeed {
    fileprivate mutating func received(_ text: String) -> [FeedAction] { self.received(Array(text.utf8)) }
}
