import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// Whether Alpaca's account is the one that is meant, and what a person reads when it is not.
@Suite struct AlpacaAccountTests {
    private static let live = "https://api.alpaca.markets"
    private static let paper = "https://paper-api.alpaca.markets"

    @Test func `the host decides what the account is`() throws {
        for (trading, number, environment) in [
            (Self.live, "123456789", BrokerAccountCheck.Environment.live), (Self.paper, "PA1234567", .paper),
            ("HTTPS://API.alpaca.markets.:443", "123456789", .live),
            ("https://elsewhere.alpaca.markets", "123456789", .live), ("http://127.0.0.1:1", "SIM000001", .simulator),
            ("http://api.alpaca.markets.example.com", "PA1234567", .simulator),
        ] {
            let check = try self.check(Self.account(number), trading: trading)
            #expect(check.environment == environment, "\(trading)")
            #expect(check.mayOpenPositions)
            #expect("\(check)".contains("…\(number.suffix(4))") && !"\(check)".contains(number))
        }
        #expect(
            "\(try self.check(Self.account("PA1234567"), trading: Self.paper))"
                == "alpaca account …4567 (paper): may open and close positions"
        )
    }

    @Test func `an account that does not fit its host is refused`() throws {
        for (trading, account) in [
            (Self.live, Self.account("PA1234567")), (Self.live, Self.account("123456789", status: "PAPER_ONLY")),
            (Self.paper, Self.account("123456789")),
        ] {
            let error = try self.refusal(account, trading: trading)
            #expect(error.reason.contains("APCA_API_BASE_URL") && error.reason.contains("APCA_ACCOUNT_NUMBER"))
        }
        // A number in the configuration says what is meant.
        #expect(try self.check(Self.account("123456789"), trading: Self.paper, pinned: "123456789").mayOpenPositions)
        #expect(try self.check(Self.account("PA1"), trading: Self.live, pinned: "PA1").environment == .live)
        #expect(
            try self.check(Self.account("X", status: "PAPER_ONLY"), trading: Self.paper, pinned: "X").mayOpenPositions
        )
    }

    @Test func `another account than the one named is refused`() throws {
        let error = try self.refusal(Self.account("PA1234567"), trading: Self.paper, pinned: "PA7654321")
        #expect(
            error.reason
                == "the key is that of account …4567, and APCA_ACCOUNT_NUMBER names …4321; correct one of them"
        )
    }

    @Test(arguments: ["ONBOARDING", "ACCOUNT_CLOSED", "SUBMISSION_FAILED", "SOMETHING_NEW", "PAPER_ONLY"])
    func `an account that is not active does not trade`(status: String) throws {
        let error = try self.refusal(Self.account("123456789", status: status), trading: Self.live)
        #expect(error.reason.contains(status == "PAPER_ONLY" ? "paper account" : status))
    }

    @Test(arguments: ["trading_blocked", "account_blocked", "trade_suspended_by_user"])
    func `a blocked account does not trade`(flag: String) throws {
        let error = try self.refusal(Self.account("PA1234567", more: #","\#(flag)":true"#), trading: Self.paper)
        #expect(error.reason.contains(flag))
        #expect(error.reason.contains("dashboard") == (flag == "trade_suspended_by_user"))
    }

    // MARK: What a person reads

    @Test(arguments: [
        (401, #"{"code":40110000,"message":"request is not authorized"}"#), (401, #"{"message":"unauthorized."}"#),
        (401, ""), (403, #"{"message":"forbidden."}"#),
    ])
    func `a key that is not accepted names the settings and the host`(status: Int, body: String) throws {
        let client = ScriptedClient((status, body))
        let broker = AlpacaStage.broker(client, trading: Self.paper)
        let error = try #require(#expect(throws: BrokerError.self) { try broker.checkAccount() })
        #expect(
            error.reason
                == "GET /v2/account: the key is not accepted by paper-api.alpaca.markets (HTTP \(status)): keys of the "
                + "paper account and of the live account are different; check APCA_API_KEY_ID, APCA_API_SECRET_KEY, "
                + "APCA_API_BASE_URL"
        )
        switch error.kind {
        case .refused: #expect(status == 403)
        case .loginExpired: #expect(status == 401)
        default: Issue.record("\(error.kind)")
        }
    }

    @Test(arguments: [(404, "<html>Not Found</html>"), (404, ""), (200, "<html>"), (301, "")])
    func `a host that is none of Alpaca's names the setting`(status: Int, body: String) throws {
        let broker = AlpacaStage.broker(ScriptedClient((status, body)))
        let error = try #require(#expect(throws: BrokerError.self) { try broker.checkAccount() })
        #expect(error.reason.contains("127.0.0.1 does not answer as Alpaca does"))
        #expect(error.reason.contains("check APCA_API_BASE_URL"))
    }

    @Test(arguments: [
        (HTTPTransportError.Code.couldNotResolve, false, "check APCA_API_BASE_URL"),
        (.couldNotConnect, false, "check APCA_API_BASE_URL"), (.timedOut, false, "check APCA_API_BASE_URL"),
        (.tls, false, "TLS_AUTHORITIES_FILE"), (.timedOut, true, "late"), (.connectionLost, true, "late"),
    ])
    func `a host that cannot be reached names the setting`(
        code: HTTPTransportError.Code,
        isSent: Bool,
        text: String
    ) throws {
        let client = ScriptedClient()
        client.failure = HTTPTransportError(code: code, message: "late", requestMayHaveBeenSent: isSent)
        let error = try #require(
            #expect(throws: BrokerError.self) { try AlpacaStage.broker(client).checkAccount() }
        )
        #expect(error.reason.contains(text))
        #expect(error.reason.contains("APCA_") == !isSent)
        #expect(error.kind == (isSent ? .unknownOutcome : .notExecuted))
    }

    @Test func `no error tells a key`() throws {
        for answer in [(401, ""), (403, "{}"), (404, ""), (500, "the-key"), (200, "{}")] {
            let broker = AlpacaStage.broker(ScriptedClient(answer))
            let error = try #require(#expect(throws: BrokerError.self) { try broker.checkAccount() })
            #expect(!error.reason.contains("the-key") && !error.reason.contains("the-secret"))
            #expect(!error.reason.contains("\n"))
        }
    }

    // MARK: Fixtures

    private func check(
        _ account: String,
        trading: String,
        pinned: String? = nil
    ) throws -> BrokerAccountCheck {
        try AlpacaStage.broker(ScriptedClient((200, account)), trading: trading, accountNumber: pinned).checkAccount()
    }

    private func refusal(_ account: String, trading: String, pinned: String? = nil) throws -> BrokerError {
        let error = try #require(
            #expect(throws: BrokerError.self) { try self.check(account, trading: trading, pinned: pinned) }
        )
        #expect(error.kind == .refused(code: "account"))
        return error
    }

    private static func account(_ number: String, status: String = "ACTIVE", more: String = "") -> String {
        """
        {"id":"a","account_number":"\(number)","status":"\(status)","cash":"1","equity":"1"\(more)}
        """
    }
}
