import BrokerSimulator
import MarketSimulation
import Testing
import TradingCore

struct SchwabStreamTests {
    private static let activity = "ACCT_ACTIVITY"
    private static let quotes = "LEVELONE_EQUITIES"

    /// A stream that is connected and no more, and a token for it.
    private static func connect(_ simulator: BrokerSimulator) throws -> (stream: SchwabStream, token: String) {
        let (http, token) = try SchwabCalls.client(simulator)
        return (try SchwabStream(port: simulator.port, http: http), token)
    }

    // MARK: Requests

    @Test func `a login is answered with the request's id as text`() async throws {
        try await withSimulator(SchwabCalls.configuration()) { simulator in
            let (stream, token) = try Self.connect(simulator)
            try stream.send("ADMIN", "LOGIN", #""Authorization":"\#(token)""#)
            #expect(
                try stream.socket.nextText() == """
                    {"response":[{"service":"ADMIN","command":"LOGIN","requestid":"0","SchwabClientCorrelId":"X",\
                    "timestamp":1230904800000,"content":{"code":0,"msg":"server=simulator;status=PN"}}]}
                    """
            )
            #expect(try stream.subscribe(Self.quotes, keys: "AAPL,ZZZZ", fields: "0,1") == 0)
            #expect(try stream.request(Self.quotes, "ADD", #""keys":"YYYY""#) == 0)
            #expect(try stream.request(Self.quotes, "VIEW", #""fields":"0,1,2""#) == 0)
            #expect(try stream.request(Self.quotes, "UNSUBS", #""keys":"ZZZZ""#) == 0)
            #expect(try stream.subscribe(Self.quotes, keys: "", fields: "0") == 22)
            #expect(try stream.request(Self.quotes, "DANCE", "") == 21)
            #expect(try stream.subscribe("NEWS_HEADLINE", keys: "AAPL", fields: "0") == 11)
            let many = (0...500).map { "A\($0)" }.joined(separator: ",")
            #expect(try stream.subscribe(Self.quotes, keys: many, fields: "0") == 19)
            try stream.socket.send("subscribe please")
            #expect(try stream.next()["response"]?[0]?["content"]?["code"] == .number("21"))
            #expect(try stream.request("ADMIN", "LOGOUT", "") == 0)
            #expect(throws: ClientError.self) { try stream.next() }
        }
    }

    @Test func `without a good token nobody gets in`() async throws {
        let clock = HandClock()
        try await withSimulator(SchwabCalls.configuration(clock: clock)) { simulator in
            let (stream, token) = try Self.connect(simulator)
            #expect(try stream.subscribe(Self.quotes, keys: "AAPL", fields: "0") == 20)
            #expect(try stream.logIn("Bearer \(token)") == 3)
            #expect(throws: ClientError.self) { try stream.next() }

            let (late, lateToken) = try Self.connect(simulator)
            clock.advance(by: .seconds(1800))
            #expect(try late.logIn(lateToken) == 3)
            #expect(throws: ClientError.self) { try late.next() }
        }
    }

    @Test func `a second login ends the first stream`() async throws {
        try await withSimulator(SchwabCalls.configuration()) { simulator in
            let (first, token) = try Self.connect(simulator)
            #expect(try first.logIn(token) == 0)
            let (second, other) = try Self.connect(simulator)
            #expect(try second.logIn(other) == 0)
            let notice = try first.next()["notify"]?[0]
            #expect(notice?["service"] == .string("ADMIN"))
            #expect(notice?["content"]?["code"] == .number("12"))
            #expect(throws: ClientError.self) { try first.next() }
            #expect(try second.subscribe(Self.quotes, keys: "AAPL", fields: "0,1") == 0)
        }
    }

    @Test func `heartbeats come by the wall's clock, to who has logged in`() async throws {
        let configuration = SchwabCalls.configuration(heartbeatInterval: .milliseconds(5))
        try await withSimulator(configuration) { simulator in
            let (stream, token) = try Self.connect(simulator)
            #expect(!stream.socket.isReadable(within: 50))
            #expect(try stream.logIn(token) == 0)
            for _ in 0..<2 {
                #expect(try stream.socket.nextText() == #"{"notify":[{"heartbeat":"1230904800000"}]}"#)
            }
        }
    }

    // MARK: Quotes and bars

    @Test func `the first quote is whole, the next tell what has changed`() async throws {
        try await SchwabStage.run { stage in
            let frame = try stage.stream.next()
            #expect(frame["data"]?[0]?["service"] == .string(Self.quotes))
            #expect(frame["data"]?[0]?["command"] == .string("SUBS"))
            #expect(frame["data"]?[0]?["timestamp"] == .number("1230906600000"))
            let first = try #require(frame["data"]?[0]?["content"]?[0])
            #expect(
                JSONWriter.text(first) == """
                    {"key":"AAPL","delayed":false,"assetMainType":"EQUITY","assetSubType":"COE",\
                    "cusip":"\(first["cusip"]?.text ?? "")","1":90,"2":90,"3":90,"4":1,"5":1,"8":0,"32":"Normal",\
                    "34":1230906600000,"35":1230906600000}
                    """
            )
            #expect(try stage.step()[0]?["content"]?[0]?["key"] == .string("MSFT"))
            #expect(
                JSONWriter.text(try stage.step()[0]?["content"] ?? .null)
                    == #"[{"key":"AAPL","1":95,"2":95,"3":95,"34":1230912000000,"35":1230912000000}]"#
            )
            try stage.step(5)
            // The close: nobody has traded, but every quote is new.
            #expect(
                JSONWriter.text(try stage.step()[0]?["content"] ?? .null) == """
                    [{"key":"AAPL","32":"Closed","34":1230930000000},{"key":"MSFT","32":"Closed","34":1230930000000}]
                    """
            )
            #expect(JSONWriter.text(try stage.step()[0]?["content"] ?? .null) == #"[{"key":"AAPL","8":1000}]"#)
            #expect(JSONWriter.text(try stage.step()[0]?["content"] ?? .null) == #"[{"key":"MSFT","8":2000}]"#)
            let next = try stage.step()[0]?["content"]?[0]
            #expect(next?["8"] == .number("0"))
            #expect(next?["32"] == .string("Normal"))
            #expect(next?["delayed"] == nil)
        }
    }

    @Test func `who comes late is shown what is known, in the fields it asks for`() async throws {
        try await SchwabStage.run { stage in
            try stage.step(3)
            #expect(try stage.stream.subscribe(Self.quotes, keys: "AAPL,MSFT", fields: "0,3,10,11,12,17,33") == 0)
            let content = try stage.step()[0]?["content"]
            #expect(content?.count == 2)
            #expect(content?[0]?["3"] == .number("95"))
            #expect(content?[0]?["10"] == .number("95"))
            #expect(content?[0]?["11"] == .number("90"))
            #expect(content?[0]?["17"] == .number("90"))
            #expect(content?[0]?["33"] == .number("95"))
            #expect(content?[0]?["12"] == nil)
            #expect(content?[0]?["1"] == nil)
            #expect(content?[1]?["3"] == .number("20"))
        }
    }

    @Test func `a minute's bar has the sequence before its prices`() async throws {
        let bars = [
            "A": ["2009-01-02T09:30:00-05:00,1,3,0.5,2,5", "2009-01-02T09:31:00-05:00,2,3,2,3,6"]
        ]
        try await SchwabStage.run(bars: bars) { stage in
            try stage.step(2)
            #expect(try stage.stream.subscribe("CHART_EQUITY", keys: "A", fields: "0,1,2,3,4,5,6,7,8") == 0)
            try stage.step(2)
            let bar = try stage.step()
            #expect(bar[0]?["service"] == .string("CHART_EQUITY"))
            #expect(
                JSONWriter.text(bar[0]?["content"] ?? .null) == """
                    [{"seq":1,"key":"A","1":0,"2":1,"3":3,"4":0.5,"5":2,"6":5,"7":1230906600000,"8":14246}]
                    """
            )
            #expect(bar[1]?["content"]?[0]?["8"] == .number("5"))
            // Four ticks, the close, the bar.
            let second = try stage.step(6)
            #expect(second[0]?["content"]?[0]?["1"] == .number("1"))
            #expect(second[1]?["content"]?[0]?["8"] == .number("11"))
        }
    }

    // MARK: Orders

    @Test func `the bell rings for every change of an order`() async throws {
        try await SchwabStage.run { stage in
            #expect(try stage.stream.subscribe(Self.activity, keys: "X", fields: "0,1,2,3") == 0)
            let greeting = try stage.step()
            #expect(greeting[0]?["service"] == .string(Self.activity))
            #expect(
                JSONWriter.text(greeting[0]?["content"] ?? .null)
                    == #"[{"seq":1,"key":"X","1":"","2":"SUBSCRIBED","3":""}]"#
            )
            let buy = try stage.post(SchwabCalls.order("BUY", 10, type: "LIMIT", price: "90.50"))
            #expect(try Self.bells(stage) == ["OrderCreated \(buy)"])
            let filled = try Self.bells(stage)
            #expect(filled == ["OrderAccepted \(buy)", "ExecutionCreated \(buy)", "OrderFillCompleted \(buy)"])
            try stage.step()

            let refused = try stage.post(SchwabCalls.order("SELL", 11))
            #expect(
                try Self.bells(stage)
                    == ["OrderCreated", "OrderAccepted", "CancelAccepted", "OrderUROutCompleted"]
                    .map { "\($0) \(refused)" }
            )
            let stop = try stage.post(SchwabCalls.order("SELL", 10, type: "STOP", stop: "80"))
            #expect(try Self.bells(stage) == ["OrderCreated \(stop)", "OrderAccepted \(stop)"])
            let other = SchwabCalls.order("SELL", 10, type: "STOP", stop: "81")
            let answer = try stage.http.call("PUT", "\(stage.account)/orders/\(stop)", other)
            let next = answer.header("Location")?.split(separator: "/").last ?? ""
            let changed = ["CancelAccepted \(stop)", "ExecutionCreated \(stop)", "OrderUROutCompleted \(stop)"]
            #expect(try Self.bells(stage) == changed + ["ChangeCreated \(next)", "ChangeAccepted \(next)"])
            _ = try stage.http.call("DELETE", "\(stage.account)/orders/\(next)")
            let cancelled = ["CancelAccepted \(next)", "ExecutionCreated \(next)", "OrderUROutCompleted \(next)"]
            #expect(try Self.bells(stage) == cancelled)
        }
    }

    @Test func `an execution is told in scaled decimals and New York time`() async throws {
        try await SchwabStage.run { stage in
            #expect(try stage.stream.subscribe(Self.activity, keys: "X", fields: "0,1,2,3") == 0)
            try stage.step()
            _ = try stage.post(SchwabCalls.order("BUY", 10, type: "LIMIT", price: "90.50"))
            try stage.step()
            let fill = try stage.step()[0]?["content"]?[2]
            #expect(fill?["1"] == .string("12345678"))
            let data = try JSONValue(parsing: Array((fill?["3"]?.text ?? "").utf8))
            #expect(data["SchwabOrderID"] == .string("1000000001"))
            #expect(data["AccountNumber"] == .string("12345678"))
            #expect(data["BaseEvent"]?["EventType"] == .string("OrderFillCompleted"))
            let info = data["BaseEvent"]?["OrderFillCompletedEventOrderLegQuantityInfo"]
            #expect(info?["QuantityInfo"]?["LeavesQuantity"]?["lo"] == nil)
            #expect(info?["QuantityInfo"]?["CumulativeQuantity"]?["lo"] == .string("1000000000"))
            let execution = info?["ExecutionInfo"]
            #expect(execution?["ExecutionTransType"] == .string("Fill"))
            #expect(execution?["ExecutionPrice"]?["lo"] == .string("9000000000"))
            #expect(execution?["ExecutionPrice"]?["signScale"] == .number("16"))
            #expect(
                execution?["ExecutionTimeStamp"]?["DateTimeString"] == .string("2009-01-02 09:30:00.000")
            )
        }
    }

    @Test func `an order through the other dialect rings too`() async throws {
        try await SchwabStage.run { stage in
            try stage.step(2)
            #expect(try stage.stream.subscribe(Self.activity, keys: "X", fields: "0,1,2,3") == 0)
            try stage.step()
            let alpaca = try HTTPClient(port: stage.simulator.port)
            let order = #"{"symbol":"MSFT","qty":"1","side":"buy","type":"market","time_in_force":"day"}"#
            #expect(try alpaca.call("POST", "/v2/orders", order).status == 200)
            #expect(
                try Self.bells(stage)
                    == ["OrderAccepted", "ExecutionCreated", "OrderFillCompleted"].map { "\($0) 1000000001" }
            )
        }
    }

    /// Type and order number of each message of the next frame, which must be the account's.
    private static func bells(_ stage: SchwabStage) throws -> [String] {
        let data = try stage.step()
        guard data[0]?["service"] == .string(Self.activity), let content = data[0]?["content"] else {
            throw ClientError(JSONWriter.text(data))
        }
        return try (0..<content.count).map { index in
            let text = content[index]?["3"]?.text ?? ""
            let number = try JSONValue(parsing: Array(text.utf8))["SchwabOrderID"]?.text ?? ""
            return "\(content[index]?["2"]?.text ?? "") \(number)"
        }
    }
}
