import BrokerSimulator
import MarketSimulation
import Testing
import TradingCore

struct SchwabRESTTests {
    @Test func `every answer carries the market's time`() async throws {
        try await SchwabStage.run { stage in
            #expect(try stage.get("/trader/v1/accounts").header("Date") == "Fri, 02 Jan 2009 14:00:00 GMT")
            try stage.step(3)
            #expect(try stage.get("/marketdata/v1/nothing").header("Date") == "Fri, 02 Jan 2009 16:00:00 GMT")
            stage.http.headers = ""
            #expect(try stage.get("/trader/v1/accounts").header("Date") == "Fri, 02 Jan 2009 16:00:00 GMT")
            #expect(try stage.get("/v1/oauth/authorize").header("Date") == "Fri, 02 Jan 2009 16:00:00 GMT")
            #expect(try stage.get("/v2/clock").header("Date") == nil)
        }
    }

    // MARK: Accounts

    @Test func `the account is found by its number and reached by its hash`() async throws {
        try await SchwabStage.run { stage in
            let numbers = try stage.get("/trader/v1/accounts/accountNumbers").json
            #expect(numbers.count == 1)
            #expect(numbers[0]?["accountNumber"] == .string("12345678"))
            #expect(numbers[0]?["hashValue"]?.text?.count == 64)
            #expect(try stage.get("/trader/v1/accounts/12345678").status == 400)
            #expect(try stage.get("/trader/v1/accounts").json.count == 1)
            #expect(try stage.get("\(stage.account)?fields=orders").status == 400)
            #expect(try stage.get("/trader/v1/nothing").status == 404)
            #expect(try stage.get("/trader/v2/accounts").status == 404)
        }
    }

    @Test func `an account tells its balances and, when asked, its positions`() async throws {
        try await SchwabStage.run { stage in
            let empty = try stage.get("\(stage.account)?fields=positions").json
            #expect(empty["securitiesAccount"]?["positions"] == nil)
            #expect(empty["aggregatedBalance"]?["currentLiquidationValue"] == .number("10000"))
            _ = try stage.post(SchwabCalls.order("BUY", 10, type: "LIMIT", price: "90.50"))
            try stage.step(3)
            let plain = try stage.get(stage.account).json
            #expect(plain["securitiesAccount"]?["positions"] == nil)
            let answer = try stage.get("\(stage.account)?fields=positions").json
            let account = answer["securitiesAccount"]
            #expect(account?["type"] == .string("MARGIN"))
            #expect(account?["accountNumber"] == .string("12345678"))
            #expect(account?["currentBalances"]?["cashBalance"] == .number("9100"))
            #expect(account?["currentBalances"]?["liquidationValue"] == .number("10050"))
            #expect(account?["currentBalances"]?["buyingPower"] == .number("9100"))
            #expect(account?["initialBalances"]?["cashBalance"] == .number("10000"))
            let position = account?["positions"]?[0]
            #expect(position?["longQuantity"] == .number("10"))
            #expect(position?["averagePrice"] == .number("90"))
            #expect(position?["marketValue"] == .number("950"))
            #expect(position?["longOpenProfitLoss"] == .number("50"))
            #expect(position?["previousSessionLongQuantity"] == .number("0"))
            #expect(position?["instrument"]?["symbol"] == .string("AAPL"))
            #expect(position?["instrument"]?["assetType"] == .string("EQUITY"))
            #expect(answer["aggregatedBalance"]?["liquidationValue"] == .number("10050"))
            try stage.step(9)
            let later = try stage.get("\(stage.account)?fields=positions").json["securitiesAccount"]?["positions"]?[0]
            #expect(later?["previousSessionLongQuantity"] == .number("10"))
            #expect(later?["currentDayProfitLoss"] == .number("10"))
        }
    }

    @Test func `trades are told as transactions`() async throws {
        try await SchwabStage.run { stage in
            let number = try stage.post(SchwabCalls.order("BUY", 10, type: "LIMIT", price: "90.50"))
            try stage.step()
            let range = "startDate=2009-01-01T00:00:00.000Z&endDate=2009-01-03T00:00:00.000Z"
            let trades = try stage.get("\(stage.account)/transactions?\(range)&types=TRADE").json
            #expect(trades.count == 1)
            #expect(trades[0]?["orderId"] == .number(number))
            #expect(trades[0]?["netAmount"] == .number("-900"))
            #expect(trades[0]?["type"] == .string("TRADE"))
            #expect(trades[0]?["tradeDate"] == .string("2009-01-02T14:30:00+0000"))
            #expect(trades[0]?["settlementDate"] == .string("2009-01-05T05:00:00+0000"))
            #expect(trades[0]?["transferItems"]?[0]?["price"] == .number("90"))
            #expect(try stage.get("\(stage.account)/transactions?\(range)&symbol=MSFT").json.count == 0)
            #expect(try stage.get("\(stage.account)/transactions?\(range)&types=DIVIDEND_OR_INTEREST").json.count == 0)
            #expect(try stage.get("\(stage.account)/transactions").status == 400)
        }
    }

    @Test func `the preference says where the streamer is`() async throws {
        try await SchwabStage.run { stage in
            let answer = try stage.get("/trader/v1/userPreference").json
            #expect(answer["accounts"]?[0]?["accountNumber"] == .string("12345678"))
            let streamer = answer["streamerInfo"]?[0]
            // Where this request went.
            #expect(streamer?["streamerSocketUrl"] == .string("ws://localhost/ws"))
            for name in ["schwabClientCustomerId", "schwabClientCorrelId"] {
                #expect(streamer?[name]?.text?.isEmpty == false)
            }
            #expect(streamer?["schwabClientChannel"] == .string("N9"))
            #expect(streamer?["schwabClientFunctionId"] == .string("APIAPP"))
            #expect(answer["offers"]?[0]?["level2Permissions"] == .bool(false))
        }
    }

    // MARK: Market data

    @Test func `quotes follow the ticks`() async throws {
        try await SchwabStage.run { stage in
            let before = try stage.get("/marketdata/v1/quotes?symbols=AAPL").json["AAPL"]?["quote"]
            #expect(before?["bidPrice"] == nil)
            #expect(before?["securityStatus"] == .string("Closed"))
            try stage.step(3)
            let answer = try stage.get("/marketdata/v1/quotes?symbols=MSFT,ZZZZ,AAPL&fields=quote,reference").json
            #expect(answer["errors"]?["invalidSymbols"]?[0] == .string("ZZZZ"))
            let entry = answer["AAPL"]
            #expect(entry?["realtime"] == .bool(true))
            #expect(entry?["quoteType"] == .string("NBBO"))
            #expect(entry?["reference"]?["cusip"]?.text?.count == 9)
            #expect(entry?["regular"] == nil)
            let quote = entry?["quote"]
            for name in ["askPrice", "bidPrice", "lastPrice", "highPrice", "mark"] {
                #expect(quote?[name] == .number("95"), "\(name)")
            }
            #expect(quote?["openPrice"] == .number("90"))
            #expect(quote?["lowPrice"] == .number("90"))
            #expect(quote?["quoteTime"] == .number("1230912000000"))
            #expect(quote?["securityStatus"] == .string("Normal"))
            let single = try stage.get("/marketdata/v1/MSFT/quotes").json["MSFT"]
            #expect(single?["regular"]?["regularMarketLastPrice"] == .number("20"))
            #expect(single?["extended"]?["lastPrice"] == .number("20"))
            #expect(try stage.get("/marketdata/v1/ZZZZ/quotes").status == 404)
            #expect(try stage.get("/marketdata/v1/quotes").status == 400)
            try stage.step(9)
            let next = try stage.get("/marketdata/v1/quotes?symbols=AAPL").json["AAPL"]?["quote"]
            #expect(next?["closePrice"] == .number("88"))
            #expect(next?["netChange"] == .number("1"))
            #expect(next?["openPrice"] == .number("89"))
            #expect(next?["totalVolume"] == .number("0"))
        }
    }

    @Test func `a day's candle is there when its session has closed`() async throws {
        let query = "/marketdata/v1/pricehistory?symbol=AAPL&periodType=year&frequencyType=daily&frequency=1"
        try await SchwabStage.run { stage in
            #expect(try stage.get(query).text == #"{"candles":[],"symbol":"AAPL","empty":true}"#)
            try stage.step(8)
            #expect(try stage.get(query).json["empty"] == .bool(true))
            try stage.step()
            #expect(
                try stage.get(query).text == """
                    {"candles":[{"open":90,"high":95,"low":85,"close":88,"volume":1000,"datetime":1230872400000}],\
                    "symbol":"AAPL","empty":false}
                    """
            )
            #expect(try stage.get(query.replacing("AAPL", with: "MSFT")).json["candles"]?.count == 1)
            try stage.step(2)
            #expect(try stage.get(query).json["candles"]?.count == 1)
            try stage.step(11)
            #expect(try stage.get(query).json["candles"]?.count == 2)
            let second = try stage.get("\(query)&startDate=1230872400001&needPreviousClose=true").json
            #expect(second["candles"]?.count == 1)
            #expect(second["previousClose"] == .number("88"))
            #expect(second["previousCloseDate"] == .number("1230872400000"))
            #expect(try stage.get("\(query)&endDate=1230872400000").json["candles"]?.count == 1)
            #expect(try stage.get(query.replacing("AAPL", with: "ZZZZ")).json["empty"] == .bool(true))
            for wrong in [
                query.replacing("symbol=AAPL&", with: ""), query.replacing("daily", with: "weekly"),
                query.replacing("year", with: "century"), "\(query)&startDate=2009-01-02",
                "/marketdata/v1/pricehistory?symbol=AAPL",
            ] {
                let refusal = try stage.get(wrong)
                #expect(refusal.status == 400, "\(wrong)")
                #expect(refusal.json["errors"]?[0]?["title"] == .string("Bad Request"))
            }
        }
    }

    @Test func `minute candles come as they are complete`() async throws {
        let bars = [
            "A": [
                "2009-01-02T09:30:00-05:00,1,2,1,2,5", "2009-01-02T09:31:00-05:00,2,3,2,3,6",
                "2009-01-05T09:30:00-05:00,3,4,3,4,7",
            ]
        ]
        try await SchwabStage.run(bars: bars) { stage in
            let query = "/marketdata/v1/pricehistory?symbol=A&periodType=day&period=1&frequencyType=minute&frequency=1"
            try stage.step(4)
            #expect(try stage.get(query).json["empty"] == .bool(true))
            try stage.step()
            #expect(try stage.get(query).json["candles"]?[0]?["datetime"] == .number("1230906600000"))
            // Four ticks, the close and the bar; then the first tick of the next day, whose period has no bar yet.
            try stage.step(6)
            #expect(try stage.get(query).json["candles"]?.count == 2)
            try stage.step()
            #expect(try stage.get(query).json["candles"]?.count == 0)
            #expect(try stage.get(query.replacing("period=1", with: "period=2")).json["candles"]?.count == 2)
            #expect(try stage.get(query.replacing("frequency=1", with: "frequency=5")).status == 400)
        }
    }

    @Test func `the hours are the bars' where there are bars and the market's elsewhere`() async throws {
        let bars = ["A": ["2009-11-26,1,1,1,1,1", "2009-11-27,1,1,1,1,1", "2009-12-01,1,1,1,1,1"]]
        try await SchwabStage.run(bars: bars) { stage in
            #expect(
                try stage.get("/marketdata/v1/markets/equity?date=2009-11-27").text == """
                    {"equity":{"EQ":{"date":"2009-11-27","marketType":"EQUITY","product":"EQ","productName":"equity",\
                    "isOpen":true,"sessionHours":{"preMarket":[{"start":"2009-11-27T07:00:00-05:00",\
                    "end":"2009-11-27T09:30:00-05:00"}],"regularMarket":[{"start":"2009-11-27T09:30:00-05:00",\
                    "end":"2009-11-27T13:00:00-05:00"}],"postMarket":[{"start":"2009-11-27T13:00:00-05:00",\
                    "end":"2009-11-27T17:00:00-05:00"}]}}}}
                    """
            )
            #expect(
                try stage.get("/marketdata/v1/markets?markets=equity&date=2009-11-30").text == """
                    {"equity":{"equity":{"date":"2009-11-30","marketType":"EQUITY","product":"equity","isOpen":false}}}
                    """
            )
            let today = try stage.get("/marketdata/v1/markets/equity").json["equity"]?["EQ"]
            #expect(today?["date"] == .string("2009-11-26"))
            let later = try stage.get("/marketdata/v1/markets/equity?date=2009-12-02").json["equity"]
            #expect(later?["EQ"]?["isOpen"] == .bool(true))
            #expect(try stage.get("/marketdata/v1/markets/equity?date=tomorrow").status == 400)
            #expect(try stage.get("/marketdata/v1/markets?markets=bond").status == 400)
        }
    }
}
