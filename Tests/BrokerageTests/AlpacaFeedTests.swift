import Brokerage
import Testing
import TradingCore

/// The talk on Alpaca's two streams.
@Suite struct AlpacaFeedTests {
    private let endpoints = AlpacaEndpoints(
        trading: "http://127.0.0.1:1",
        data: "http://127.0.0.1:1",
        stream: "ws://127.0.0.1:1",
        feed: "iex",
        keyID: "K",
        secretKey: "S"
    )

    @Test func `market data authenticates, subscribes, and is connected once`() throws {
        var feed = AlpacaMarketDataFeed(
            endpoints: self.endpoints,
            symbols: [try #require(Symbol("AAPL"))],
            timeframe: .day
        )
        #expect(feed.url == "ws://127.0.0.1:1/v2/iex")
        #expect(feed.opened() == [])
        #expect(
            feed.received(#"[{"T":"success","msg":"connected"}]"#)
                == [.send(#"{"action":"auth","key":"K","secret":"S"}"#)]
        )
        #expect(
            feed.received(#"[{"T":"success","msg":"authenticated"}]"#)
                == [.send(#"{"action":"subscribe","quotes":["AAPL"],"dailyBars":["AAPL"]}"#)]
        )
        let state = #"[{"T":"subscription","quotes":["AAPL"],"dailyBars":["AAPL"]}]"#
        #expect(feed.received(state) == [.event(.connected)])
        #expect(feed.received(state) == [])
        guard
            case .event(.quote(let quote)) = feed.received(
                #"[{"T":"q","S":"AAPL","bp":90.1,"bs":1,"ap":90.2,"as":1,"t":"2009-01-02T14:30:00.000000001Z"}]"#
            ).first
        else {
            Issue.record("no quote")
            return
        }
        #expect(quote.bid == Price("90.1"))
    }

    @Test(arguments: [
        ("iex", "v2"), ("sip", "v2"), ("delayed_sip", "v2"), ("boats", "v1beta1"), ("overnight", "v1beta1"),
    ])
    func `each feed is where Alpaca has it`(feed: String, version: String) {
        var endpoints = self.endpoints
        endpoints.feed = feed
        let stream = AlpacaMarketDataFeed(endpoints: endpoints, symbols: [], timeframe: .day)
        #expect(stream.url == "ws://127.0.0.1:1/\(version)/\(feed)")
    }

    @Test func `a second connection is given up for longer and longer, until one is granted`() throws {
        var feed = AlpacaMarketDataFeed(endpoints: self.endpoints, symbols: [], timeframe: .day)
        func refusal() -> Duration? {
            _ = feed.opened()
            let frame = #"[{"T":"error","code":406,"msg":"connection limit exceeded"}]"#
            guard case .give(let reason, let retryAfter) = feed.received(frame).first else { return nil }
            #expect(reason.contains("stop one of them"))
            return retryAfter
        }
        #expect((0..<4).map { _ in refusal() } == [.seconds(30), .seconds(60), .seconds(90), .seconds(90)])
        #expect(feed.received(#"[{"T":"subscription","quotes":[]}]"#) == [.event(.connected)])
        #expect(refusal() == .seconds(30))
    }

    @Test func `frames that cannot be read are noted and change nothing`() throws {
        var market = AlpacaMarketDataFeed(endpoints: self.endpoints, symbols: [], timeframe: .day)
        var trades = AlpacaTradeUpdatesFeed(endpoints: self.endpoints)
        for frame in ["", "{", "[1]", #"[{"T":"q","S":"AAPL"}]"#, #"{"stream":"trade_updates","data":{}}"#, "\u{1}"] {
            for action in market.received(frame) + trades.received(frame) {
                guard case .note = action else {
                    Issue.record("\(frame) led to \(action)")
                    continue
                }
            }
        }
        #expect(market.received(#"[{"T":"n","headline":"news"},{"T":"something new"}]"#) == [])
    }

    @Test func `a fill carries its execution and the cumulative figures`() throws {
        var feed = AlpacaTradeUpdatesFeed(endpoints: self.endpoints)
        #expect(feed.url == "ws://127.0.0.1:1/stream")
        #expect(
            feed.received(#"{"stream":"authorization","data":{"status":"authorized","action":"authenticate"}}"#)
                == [.send(#"{"action":"listen","data":{"streams":["trade_updates"]}}"#)]
        )
        #expect(
            feed.received(#"{"stream":"listening","data":{"streams":["trade_updates"]}}"#) == [.event(.connected)]
        )
        let actions = feed.received(
            """
            {"stream":"trade_updates","data":{"event":"partial_fill","execution_id":"e1","price":"150.10","qty":"4",
            "position_qty":"4","timestamp":"2009-01-05T14:30:00Z","order":{"id":"b-1",
            "client_order_id":"AAPL-20090102T210000Z-entry-1","created_at":"2009-01-02T21:00:00Z",
            "submitted_at":"2009-01-02T21:00:00Z","symbol":"AAPL","side":"buy","qty":"10","filled_qty":"4",
            "filled_avg_price":"150.10","status":"partially_filled"}}}
            """
        )
        guard case .event(.order(let report)) = actions.first else {
            Issue.record("no report: \(actions)")
            return
        }
        #expect(report.event == .partiallyFilled)
        #expect(report.execution == Execution(id: "e1", quantity: Quantity(4), price: try #require(Price("150.1"))))
        #expect(report.timestamp == Timestamp("2009-01-05T14:30:00Z"))
    }

    @Test(arguments: ["new", "fill", "trade_bust", "trade_correct"])
    func `orders of others and fills taken back say that the holdings have moved`(event: String) throws {
        var feed = AlpacaTradeUpdatesFeed(endpoints: self.endpoints)
        let isOurs = event.hasPrefix("trade")
        let actions = feed.received(
            """
            {"stream":"trade_updates","data":{"event":"\(event)","price":"150.10","qty":"4","order":{"id":"b-1",
            "client_order_id":"\(isOurs ? "AAPL-20090102T210000Z-entry-1" : "by hand")","created_at":"2009-01-02T21:00:00Z",
            "symbol":"AAPL","side":"buy","qty":"10","filled_qty":"6","filled_avg_price":"150.10","status":"filled"}}}
            """
        )
        #expect(actions.last == .event(.holdingsMoved(try #require(Symbol("AAPL")), isOurs: isOurs)))
        #expect(actions.count == 2)
    }

    @Test func `a refused key is given up with the names of the settings`() throws {
        var feed = AlpacaTradeUpdatesFeed(endpoints: self.endpoints)
        guard
            case .give(let reason, _) = feed.received(
                #"{"stream":"authorization","data":{"status":"unauthorized","action":"authenticate"}}"#
            ).first
        else {
            Issue.record("went on")
            return
        }
        #expect(reason.contains("APCA_API_KEY_ID"))
    }
}

extension BrokerFeed {
    fileprivate mutating func received(_ text: String) -> [FeedAction] { self.received(Array(text.utf8)) }
}
