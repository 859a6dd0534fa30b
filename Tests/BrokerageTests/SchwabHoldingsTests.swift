import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// What Schwab says is in the account: open orders, shares, executions, and whose account it is.
@Suite struct SchwabHoldingsTests {
    private let stage: SchwabStage
    private let symbol: Symbol

    init() throws {
        self.stage = try SchwabStage()
        self.symbol = try #require(Symbol("AAPL"))
    }

    // MARK: Open orders

    @Test func `open orders of the last year are listed, those below others included, each once`() throws {
        let pair = """
            {"orderStrategyType":"OCO","orderId":2,"childOrderStrategies":[
            \(SchwabStage.order(3, status: "AWAITING_PARENT_ORDER", side: "SELL")),
            \(SchwabStage.order(4, status: "AWAITING_PARENT_ORDER", side: "SELL"))]}
            """
        let entry = SchwabStage.order(1, filled: "2", more: #","childOrderStrategies":[\#(pair)]"#)
        let option = SchwabStage.order(9).replacing("EQUITY", with: "OPTION")
        let ended = ["FILLED", "CANCELED", "REPLACED", "EXPIRED", "REJECTED"].enumerated().map {
            SchwabStage.order(20 + $0.offset, status: $0.element)
        }
        let list = [entry, SchwabStage.order(4, status: "AWAITING_PARENT_ORDER", side: "SELL"), option] + ended
        self.stage.client.on("GET {account}/orders", "[\(list.joined(separator: ","))]")
        let expected = [("1", OrderSide.buy, 3), ("3", .sell, 5), ("4", .sell, 5)].map { id, side, quantity in
            BrokerOrder(
                brokerOrderID: id,
                clientOrderID: nil,
                symbol: self.symbol,
                side: side,
                remainingQuantity: Quantity(quantity)
            )
        }
        #expect(try self.stage.broker().openOrders() == expected)
        let url = try #require(self.stage.client.requests("GET {account}/orders").first?.url)
        #expect(
            url.hasSuffix(
                "?fromEnteredTime=2025-11-24T14%3A32%3A00.000Z&toEnteredTime=2026-11-23T14%3A32%3A00.000Z"
                    + "&maxResults=3000"
            )
        )
    }

    @Test func `a full answer is asked for again in halves`() throws {
        let full = "[\((1...3000).map { #"{"orderId":\#($0),"status":"FILLED"}"# }.joined(separator: ","))]"
        self.stage.client.on("GET {account}/orders", full)
        self.stage.client.on("GET {account}/orders", "[\(SchwabStage.order(1)),\(SchwabStage.order(2))]")
        self.stage.client.on("GET {account}/orders", "[\(SchwabStage.order(2)),\(SchwabStage.order(3))]")
        #expect(try self.stage.broker().openOrders().map(\.brokerOrderID) == ["1", "2", "3"])
        let halves = self.stage.client.requests("GET {account}/orders").dropFirst().map {
            String($0.url.drop { $0 != "?" })
        }
        let (start, middle) = ("2025-11-24T14%3A32%3A00.000Z", "2026-05-25T14%3A32%3A00.000Z")
        let end = "2026-11-23T14%3A32%3A00.000Z"
        #expect(halves.first == "?fromEnteredTime=\(start)&toEnteredTime=\(middle)&maxResults=3000")
        #expect(halves.last == "?fromEnteredTime=\(middle)&toEnteredTime=\(end)&maxResults=3000")
        #expect(halves.count == 2)
    }

    // MARK: Positions

    @Test func `shares are counted with their sign, funds among them, other things not`() throws {
        let position = { (symbol: String, long: String, short: String, kind: String) in
            #"{"longQuantity":\#(long),"shortQuantity":\#(short),"instrument":{"assetType":"\#(kind)","#
                + #""symbol":"\#(symbol)"}}"#
        }
        let positions = [
            position("AAPL", "10.0", "0.0", "EQUITY"), position("MSFT", "0.0", "3.0", "EQUITY"),
            position("SPY", "1.5", "0", "COLLECTIVE_INVESTMENT"), position("IBM", "0", "0", "EQUITY"),
            position("AAPL  261218C00150000", "1", "0", "OPTION"), position("SWVXX", "9", "0", "MUTUAL_FUND"),
        ]
        self.stage.client.on(
            "GET {account}",
            #"{"securitiesAccount":{"type":"MARGIN","positions":[\#(positions.joined(separator: ","))]}}"#
        )
        #expect(
            try self.stage.broker().positions() == [
                BrokerPosition(symbol: self.symbol, quantity: Quantity(10)),
                BrokerPosition(symbol: try #require(Symbol("MSFT")), quantity: Quantity(-3)),
                BrokerPosition(symbol: try #require(Symbol("SPY")), quantity: try #require(Quantity("1.5"))),
            ]
        )
        #expect(self.stage.client.requests("GET {account}").first?.url.hasSuffix("?fields=positions") == true)
    }

    @Test func `no positions are none, and an answer that cannot be read is not none`() throws {
        self.stage.client.on("GET {account}", #"{"securitiesAccount":{"type":"MARGIN"}}"#)
        #expect(try self.stage.broker().positions().isEmpty)
        for body in ["{}", #"{"securitiesAccount":{"positions":{}}}"#, "<html>"] {
            let stage = try SchwabStage()
            stage.client.on("GET {account}", body)
            #expect(throws: BrokerError.self) { try stage.broker().positions() }
        }
    }

    // MARK: Executions

    @Test func `only fills are executions, oldest first, from the second on that is asked for`() throws {
        let activity = { (number: Int, type: String, kind: String, time: String) in
            #"{"activityType":"\#(type)","activityId":\#(number),"executionType":"\#(kind)","quantity":2,"#
                + #""executionLegs":[{"legId":1,"price":150.01,"quantity":2,"time":"2026-11-23T\#(time)+0000"}]}"#
        }
        let first = [
            activity(3, "EXECUTION", "FILL", "14:30:09"), activity(1, "EXECUTION", "FILL", "14:30:06"),
            activity(2, "EXECUTION", "FILL", "14:30:07"), activity(4, "EXECUTION", "CANCELED", "14:30:10"),
            activity(5, "EXECUTION", "UROUT", "14:30:10"), activity(6, "ORDER_ACTION", "FILL", "14:30:10"),
            activity(3, "EXECUTION", "FILL", "14:30:09"),
        ]
        let child = SchwabStage.order(
            2,
            side: "SELL",
            activity(7, "EXECUTION", "FILL", "14:30:08")
        )
        let order = SchwabStage.order(1, more: #","childOrderStrategies":[\#(child)]"#, first.joined(separator: ","))
        self.stage.client.on("GET {account}/orders", "[\(order)]")
        // Schwab tells whole seconds, so what came within this one counts.
        let since = try #require(Timestamp("2026-11-23T14:30:07.9Z"))
        let executions = try self.stage.broker().executions(since: since)
        #expect(executions.map(\.id) == ["1/2/0", "2/7/0", "1/3/0"])
        #expect(executions.map(\.side) == [.buy, .sell, .buy])
        #expect(executions.first?.quantity == Quantity(2))
        #expect(executions.first?.price == Price("150.01"))
        #expect(executions.first?.brokerOrderID == "1")
    }

    // MARK: The account

    @Test func `a person sees which account it is and what it may do`() throws {
        self.stage.client.on("GET {account}", Self.account(SchwabStage.accountNumber))
        #expect(
            "\(try self.stage.broker().checkAccount())"
                == "schwab account …5678 (simulator): may open and close positions"
        )
        let stage = try SchwabStage()
        stage.client.on(
            "GET {account}",
            Self.account(SchwabStage.accountNumber, more: #","isClosingOnlyRestricted":true"#)
        )
        #expect(
            "\(try stage.broker().checkAccount())" == "schwab account …5678 (simulator): may only close positions"
        )
        stage.endpoints.base = "https://api.schwabapi.com"
        #expect(stage.endpoints.environment == .live)
        stage.endpoints.base = "https://api.schwabapi.com.example"
        #expect(stage.endpoints.environment == .simulator)
    }

    @Test func `an account that is not the login's names the setting and the way out`() throws {
        self.stage.endpoints.accountNumber = "99991234"
        let error = try self.refusal(self.stage)
        #expect(error.kind == .refused(code: "account"))
        #expect(
            error.reason
                == "the Schwab login does not have account …1234, but …4321, …5678: check SCHWAB_ACCOUNT_NUMBER, or tick the "
                + "account when you log in again with `tradectl schwab login`"
        )
    }

    @Test func `another account's answer is refused`() throws {
        self.stage.client.on("GET {account}", Self.account("87654321"))
        let error = try self.refusal(self.stage)
        #expect(error.reason.contains("…4321") && error.reason.contains("SCHWAB_ACCOUNT_NUMBER"))
    }

    @Test(arguments: [
        (403, #"{"errors":[{"status":403,"title":"Forbidden","detail":"no"}]}"#, "tradectl schwab login"),
        (403, #"{"message":"forbidden"}"#, "Ready For Use"), (404, "<html>", "check SCHWAB_BASE_URL"),
        (301, "<html>", "check SCHWAB_BASE_URL"), (500, "", "HTTP 500"),
    ])
    func `what stands in the way is told with its remedy`(status: Int, body: String, text: String) throws {
        self.stage.client.on("GET {account}", body, status: status)
        let error = try self.refusal(self.stage)
        #expect(error.reason.contains(text))
        SchwabStage.expectNoSecret(error.reason)
    }

    @Test func `a host that cannot be reached names the setting`() throws {
        self.stage.client.on(
            "GET {account}",
            .failure(HTTPTransportError(code: .couldNotResolve, message: "no", requestMayHaveBeenSent: false))
        )
        let error = try self.refusal(self.stage)
        #expect(error.kind == .notExecuted)
        #expect(error.reason == "no; check SCHWAB_BASE_URL")
    }

    private func refusal(_ stage: SchwabStage) throws -> BrokerError {
        try #require(#expect(throws: BrokerError.self) { try stage.broker().checkAccount() })
    }

    private static func account(_ number: String, more: String = "") -> String {
        #"{"securitiesAccount":{"type":"MARGIN","accountNumber":"\#(number)"\#(more)}}"#
    }
}
