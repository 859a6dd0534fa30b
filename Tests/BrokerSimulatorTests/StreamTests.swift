import BrokerSimulator
import MarketSimulation
import Testing
import TradingCore

struct StreamTests {
    private static let auth = #"{"action":"auth","key":"key","secret":"secret"}"#

    // MARK: Market data

    @Test func `a market-data socket greets, authenticates and subscribes`() async throws {
        try await withSimulator { simulator in
            let client = try StreamClient(port: simulator.port, path: "/v2/sip")
            #expect(try client.nextText() == #"[{"T":"success","msg":"connected"}]"#)
            try client.send(#"{"action":"subscribe","quotes":["AAPL"]}"#)
            #expect(try client.nextText() == #"[{"T":"error","code":401,"msg":"not authenticated"}]"#)
            try client.send(#"{"action":"auth","key":"","secret":"x"}"#)
            #expect(try client.nextText() == #"[{"T":"error","code":402,"msg":"auth failed"}]"#)
            try client.send(Self.auth)
            #expect(try client.nextText() == #"[{"T":"success","msg":"authenticated"}]"#)
            try client.send(Self.auth)
            #expect(try client.nextText() == #"[{"T":"error","code":403,"msg":"already authenticated"}]"#)
            try client.send("subscribe please")
            #expect(try client.nextText() == #"[{"T":"error","code":400,"msg":"invalid syntax"}]"#)
            try client.send(#"{"action":"subscribe","trades":["MSFT"],"quotes":["MSFT","AAPL"],"dailyBars":["*"]}"#)
            #expect(
                try client.nextText() == """
                    [{"T":"subscription","trades":["MSFT"],"quotes":["AAPL","MSFT"],"bars":[],"updatedBars":[],\
                    "dailyBars":["*"],"statuses":[],"lulds":[],"corrections":["MSFT"],"cancelErrors":["MSFT"]}]
                    """
            )
            try client.send(#"{"action":"unsubscribe","trades":["MSFT"],"quotes":["AAPL"]}"#)
            #expect(
                try client.nextText() == """
                    [{"T":"subscription","trades":[],"quotes":["MSFT"],"bars":[],"updatedBars":[],"dailyBars":["*"],\
                    "statuses":[],"lulds":[],"corrections":[],"cancelErrors":[]}]
                    """
            )
        }
    }

    @Test func `each tick is one frame, then the close, then the bars`() async throws {
        try await Stage.run { stage in
            #expect(
                try stage.step() == """
                    [{"T":"q","S":"AAPL","t":"2009-01-02T14:30:00Z","bx":"V","bp":90,"bs":100,"ax":"V","ap":90,\
                    "as":100,"c":["R"],"z":"C"}]
                    """
            )
            let prices = try (0..<7).map { _ in
                let quote = try JSONValue(parsing: Array(try stage.step().utf8))[0]
                return "\(quote?["S"]?.text ?? "") \(quote?["bp"]?.text ?? "")"
            }
            #expect(prices == ["MSFT 20", "AAPL 95", "MSFT 19", "AAPL 85", "MSFT 22", "AAPL 88", "MSFT 21.5"])
            let close = try JSONValue(parsing: Array(try stage.step().utf8))
            #expect(close.count == 2)
            #expect(close[0]?["t"] == .string("2009-01-02T21:00:00Z"))
            #expect(close[1]?["bp"] == .number("21.5"))
            #expect(
                try stage.step() == """
                    [{"T":"d","S":"AAPL","t":"2009-01-02T05:00:00Z","o":90,"h":95,"l":85,"c":88,"v":1000,"n":4,"vw":89.5}]
                    """
            )
            #expect(try stage.step().hasPrefix(#"[{"T":"d","S":"MSFT""#))
        }
    }

    @Test func `intraday bars come as minute bars while the session goes on`() async throws {
        let bars = ["A": ["2009-01-02T09:30:00-05:00,1,2,1,2,5", "2009-01-02T09:35:00-05:00,2,3,2,3,6"]]
        try await Stage.run(bars: bars) { stage in
            try stage.step(4)
            #expect(try stage.step().hasPrefix(#"[{"T":"b","S":"A","t":"2009-01-02T14:30:00Z","o":1"#))
            #expect(try stage.get("/v2/clock").json["is_open"] == .bool(true))
            #expect(try stage.get("/v2/stocks/A/bars?timeframe=5Min").json["bars"]?.count == 1)
            #expect(try stage.get("/v2/stocks/A/bars?timeframe=5T").json["bars"]?.count == 1)
            try stage.step(6)
            #expect(try stage.get("/v2/clock").json["timestamp"] == .string("2009-01-02T16:00:00-05:00"))
        }
    }

    @Test func `trades are sent to who asked for them`() async throws {
        try await withSimulator(.init(requiredStreams: [.marketData])) { simulator in
            let headers = "APCA-API-KEY-ID: key\r\nAPCA-API-SECRET-KEY: secret\r\n"
            let client = try StreamClient(port: simulator.port, path: "/v2/iex", headers: headers)
            #expect(try client.nextText().contains("connected"))
            #expect(try client.nextText().contains("authenticated"))
            try client.send(#"{"action":"subscribe","trades":["AAPL"],"quotes":["AAPL","MSFT"]}"#)
            _ = try client.nextText()
            let first = try JSONValue(parsing: Array(try client.nextText().utf8))
            #expect(first.count == 2)
            #expect(first[1]?["T"] == .string("t"))
            #expect(first[1]?["p"] == .number("90"))
            #expect(try JSONValue(parsing: Array(try client.nextText().utf8)).count == 1)
        }
    }

    @Test func `a feed takes one connection and is free again when that is gone`() async throws {
        try await withSimulator { simulator in
            var first: StreamClient? = try StreamClient(port: simulator.port, path: "/v2/iex")
            _ = try first?.nextText()
            try first?.send(Self.auth)
            #expect(try first?.nextText().contains("authenticated") == true)

            let second = try StreamClient(port: simulator.port, path: "/v2/iex")
            _ = try second.nextText()
            try second.send(Self.auth)
            #expect(try second.nextText() == #"[{"T":"error","code":406,"msg":"connection limit exceeded"}]"#)
            #expect(throws: ClientError.self) { try second.nextText() }

            let other = try StreamClient(port: simulator.port, path: "/v2/sip")
            _ = try other.nextText()
            try other.send(Self.auth)
            #expect(try other.nextText().contains("authenticated"))

            first = nil
            let third = try StreamClient(port: simulator.port, path: "/v2/iex")
            _ = try third.nextText()
            try third.send(Self.auth)
            #expect(try third.nextText().contains("authenticated"))
        }
    }

    // MARK: Trade updates

    @Test func `the trading stream authenticates in both dialects and listens`() async throws {
        try await withSimulator { simulator in
            let client = try StreamClient(port: simulator.port, path: "/stream")
            try client.send(#"{"action":"listen","data":{"streams":["trade_updates"]}}"#)
            #expect(
                try client.nextText()
                    == #"{"stream":"authorization","data":{"status":"unauthorized","action":"listen"}}"#
            )
            try client.send(#"{"action":"authenticate","data":{"key_id":"","secret_key":""}}"#)
            #expect(try client.nextText().contains(#""status":"unauthorized""#))
            try client.send(#"{"action":"authenticate","data":{"key_id":"k","secret_key":"s"}}"#)
            #expect(
                try client.nextText()
                    == #"{"stream":"authorization","data":{"status":"authorized","action":"authenticate"}}"#
            )
            try client.send(Self.auth)
            #expect(
                try client.nextText() == #"{"stream":"authorization","data":{"status":"authorized","action":"auth"}}"#
            )
            try client.send(#"{"action":"listen","data":{"streams":["trade_updates","news"]}}"#)
            #expect(try client.nextText() == #"{"stream":"listening","data":{"streams":["trade_updates"]}}"#)
        }
    }

    private static func listener(_ simulator: BrokerSimulator) throws -> StreamClient {
        let client = try StreamClient(port: simulator.port, path: "/stream")
        try client.send(Self.auth)
        try client.send(#"{"action":"listen","data":{"streams":["trade_updates"]}}"#)
        for _ in 0..<2 { _ = try client.nextText() }
        return client
    }

    @Test func `every change of an order is told with the whole order`() async throws {
        try await Stage.run { stage in
            let listener = try Self.listener(stage.simulator)
            _ = try stage.post(
                #"{"symbol":"AAPL","qty":"10","side":"buy","type":"limit","time_in_force":"day","limit_price":"90.5","client_order_id":"one"}"#
            )
            try stage.step()
            let new = try JSONValue(parsing: Array(try listener.nextText().utf8))
            #expect(new["stream"] == .string("trade_updates"))
            #expect(new["data"]?["event"] == .string("new"))
            #expect(new["data"]?["order"]?["status"] == .string("new"))
            #expect(new["data"]?["price"] == nil)
            let fill = try JSONValue(parsing: Array(try listener.nextText().utf8))["data"]
            #expect(fill?["event"] == .string("fill"))
            #expect(fill?["price"] == .string("90"))
            #expect(fill?["qty"] == .string("10"))
            #expect(fill?["position_qty"] == .string("10"))
            #expect(fill?["timestamp"] == .string("2009-01-02T14:30:00Z"))
            #expect(fill?["order"]?["client_order_id"] == .string("one"))
            #expect(fill?["order"]?["filled_qty"] == .string("10"))
            let activity = try stage.get("/v2/account/activities/FILL").json[0]
            #expect(activity?["id"] == .string("20090102093000000::\(fill?["execution_id"]?.text ?? "")"))
        }
    }

    @Test func `frames come in the order of the engine's events`() async throws {
        try await Stage.run { stage in
            try stage.step(2)
            let listener = try Self.listener(stage.simulator)
            for number in 0..<50 {
                try stage.http.send(
                    "POST",
                    "/v2/orders",
                    #"{"symbol":"MSFT","qty":1,"side":"buy","type":"limit","time_in_force":"day","limit_price":"\#(number % 2 == 0 ? "20" : "18.5")","client_order_id":"\#(number)"}"#
                )
            }
            for _ in 0..<50 { #expect(try stage.http.receive().status == 200) }
            // The next MSFT tick, at 19, fills nothing: what is open has its limit at 18.5.
            try stage.step(2)
            _ = try stage.http.call("DELETE", "/v2/orders")
            let lines = try (0..<100).map { _ in
                let data = try JSONValue(parsing: Array(try listener.nextText().utf8))["data"]
                return "\(data?["order"]?["client_order_id"]?.text ?? "") \(data?["event"]?.text ?? "")"
            }
            let entered = (0..<50).flatMap { $0 % 2 == 0 ? ["\($0) new", "\($0) fill"] : ["\($0) new"] }
            let cancelled = (0..<50).filter { $0 % 2 == 1 }.map { "\($0) canceled" }
            #expect(lines == entered + cancelled)
        }
    }

    // MARK: The protocol below

    @Test func `fragments, binary frames, pings and closes are understood`() async throws {
        try await withSimulator { simulator in
            let client = try StreamClient(port: simulator.port, path: "/stream")
            let bytes = Array(Self.auth.utf8)
            try client.frame(opcode: 2, isFinal: false, Array(bytes[..<10]))
            try client.frame(opcode: 9, [1, 2, 3])
            try client.frame(opcode: 0, isFinal: true, Array(bytes[10...]))
            #expect(try client.next() == .pong([1, 2, 3]))
            #expect(try client.nextText().contains(#""status":"authorized""#))
            try client.frame(opcode: 8, [0x03, 0xE8])
            #expect(try client.next() == .close)
            #expect(throws: ClientError.self) { try client.next() }
        }
    }

    @Test func `other paths are not upgraded`() async throws {
        try await withSimulator { simulator in
            #expect(throws: ClientError.self) { try StreamClient(port: simulator.port, path: "/v2/other") }
        }
    }
}
