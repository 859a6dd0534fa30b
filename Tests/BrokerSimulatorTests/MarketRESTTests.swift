import BrokerSimulator
import MarketSimulation
import Testing
import TradingCore

/// Clock, calendar, assets and prices, as Alpaca's REST tells them.
struct MarketRESTTests {
    @Test func `the clock follows the replay`() async throws {
        try await Stage.run { stage in
            #expect(
                try stage.get("/v2/clock").text == """
                    {"timestamp":"2009-01-02T09:00:00-05:00","is_open":false,"next_open":"2009-01-02T09:30:00-05:00",\
                    "next_close":"2009-01-02T16:00:00-05:00"}
                    """
            )
            try stage.step()
            #expect(
                try stage.get("/v2/clock").text == """
                    {"timestamp":"2009-01-02T09:30:00-05:00","is_open":true,"next_open":"2009-01-05T09:30:00-05:00",\
                    "next_close":"2009-01-02T16:00:00-05:00"}
                    """
            )
            try stage.step(Stage.stepsPerSession - 1)
            #expect(try stage.get("/v2/clock").json["next_close"] == .string("2009-01-05T16:00:00-05:00"))
            try stage.step(Stage.stepsPerSession)
            #expect(
                try stage.get("/v2/clock").text == """
                    {"timestamp":"2009-01-05T16:00:00-05:00","is_open":false,"next_open":"2009-01-06T09:30:00-05:00",\
                    "next_close":"2009-01-06T16:00:00-05:00"}
                    """
            )
        }
    }

    @Test func `the calendar is the bars' where there are bars and the market's elsewhere`() async throws {
        try await Stage.run(bars: ["A": ["2009-11-26,1,1,1,1,1", "2009-11-27,1,1,1,1,1", "2009-12-01,1,1,1,1,1"]]) {
            stage in
            let days = try stage.get("/v2/calendar?start=2009-11-25&end=2009-12-02").json
            let dates = (0..<days.count).compactMap { days[$0]?["date"]?.text }
            #expect(dates == ["2009-11-25", "2009-11-26", "2009-11-27", "2009-12-01", "2009-12-02"])
            #expect(
                String(decoding: JSONWriter.bytes(try #require(days[2])), as: UTF8.self) == """
                    {"date":"2009-11-27","open":"09:30","close":"13:00","session_open":"0400","session_close":"1700",\
                    "settlement_date":"2009-12-01"}
                    """
            )
            #expect(try stage.get("/v2/calendar").json.count == 3)
            #expect(try stage.get("/v2/calendar?start=2009-12-05&end=2009-12-06").json.count == 0)
            #expect(try stage.get("/v2/calendar?start=2009-12-05&end=2009-12-01").status == 422)
        }
    }

    @Test func `assets are the replay's symbols`() async throws {
        try await Stage.run { stage in
            #expect(try stage.get("/v2/assets?status=active").json.count == 2)
            let asset = try stage.get("/v2/assets/MSFT").json
            #expect(asset["tradable"] == .bool(true))
            #expect(asset["easy_to_borrow"] == .bool(false))
            #expect(try stage.get("/v2/assets/\(asset["id"]?.text ?? "")").json["symbol"] == .string("MSFT"))
        }
    }

    // MARK: Market data

    @Test func `a bar is there only when its session is over`() async throws {
        let query = "/v2/stocks/bars?symbols=AAPL,MSFT,ZZZZ&timeframe=1Day&start=2009-01-01"
        try await Stage.run { stage in
            #expect(try stage.get(query).text == #"{"bars":{},"next_page_token":null}"#)
            #expect(
                try stage.get("/v2/stocks/AAPL/bars?timeframe=1Day").text
                    == #"{"bars":null,"symbol":"AAPL","next_page_token":null}"#
            )
            try stage.step(9)
            #expect(try stage.get(query).json["bars"]?["AAPL"] == nil)
            try stage.step()
            #expect(
                try stage.get(query).text == """
                    {"bars":{"AAPL":[{"t":"2009-01-02T05:00:00Z","o":90,"h":95,"l":85,"c":88,"v":1000,"n":4,"vw":89.5}]},\
                    "next_page_token":null}
                    """
            )
            #expect(try stage.get("/v2/stocks/MSFT/bars?timeframe=1D").json["bars"] == .null)
        }
    }

    @Test func `bars come in pages over all symbols`() async throws {
        try await Stage.run { stage in
            try stage.step(2 * Stage.stepsPerSession)
            var token: String?
            var seen: [String] = []
            repeat {
                let page = try stage.get(
                    "/v2/stocks/bars?symbols=MSFT,AAPL&timeframe=1Day&limit=1\(token.map { "&page_token=\($0)" } ?? "")"
                )
                for symbol in ["AAPL", "MSFT"] {
                    guard let bar = page.json["bars"]?[symbol]?[0] else { continue }
                    seen.append("\(symbol) \(bar["c"]?.text ?? "")")
                }
                token = page.json["next_page_token"]?.text
            } while token != nil && seen.count < 10
            #expect(seen == ["AAPL 88", "AAPL 98", "MSFT 21.5", "MSFT 19"])
            let latest = try stage.get(
                "/v2/stocks/AAPL/bars?timeframe=1Day&sort=desc&limit=1&start=2009-01-02&end=2009-01-05"
            ).json
            #expect(latest["bars"]?[0]?["c"] == .number("98"))
            #expect(latest["next_page_token"] != .null)
            let first = try stage.get("/v2/stocks/AAPL/bars?timeframe=1Day&end=2009-01-02").json
            #expect(first["bars"]?.count == 1)
            #expect(try stage.get("/v2/stocks/AAPL/bars?timeframe=1Day&page_token=x").status == 400)
        }
    }

    @Test func `latest prices and snapshots follow the ticks`() async throws {
        try await Stage.run { stage in
            #expect(try stage.get("/v2/stocks/quotes/latest?symbols=AAPL").text == #"{"quotes":{}}"#)
            try stage.step(3)
            #expect(
                try stage.get("/v2/stocks/AAPL/quotes/latest").text == """
                    {"symbol":"AAPL","quote":{"t":"2009-01-02T16:00:00Z","bx":"V","bp":95,"bs":100,"ax":"V","ap":95,\
                    "as":100,"c":["R"],"z":"C"}}
                    """
            )
            let trades = try stage.get("/v2/stocks/trades/latest?symbols=AAPL,MSFT").json["trades"]
            #expect(trades?["MSFT"]?["p"] == .number("20"))
            try stage.step(6)
            #expect(
                try stage.get("/v2/stocks/quotes/latest?symbols=MSFT").json["quotes"]?["MSFT"]?["t"]
                    == .string("2009-01-02T21:00:00Z")
            )
            try stage.step(2)
            let snapshot = try stage.get("/v2/stocks/snapshots?symbols=AAPL").json["AAPL"]
            #expect(snapshot?["dailyBar"]?["c"] == .number("88"))
            #expect(snapshot?["prevDailyBar"] == .null)
            #expect(snapshot?["latestTrade"]?["p"] == .number("88"))
            #expect(try stage.get("/v2/stocks/bars/latest?symbols=AAPL").json["bars"]?["AAPL"]?["h"] == .number("95"))
            #expect(try stage.get("/v2/stocks/AAPL/snapshot").json["latestQuote"]?["bp"] == .number("88"))
        }
    }
}
