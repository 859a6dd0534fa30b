import AgentRuntime
import Testing

/// What the readers of settings make of a text.
@Suite struct SettingsReaderTests {
    private enum Side: String, CaseIterable {
        case long
        case short
    }

    @Test func `every reader reads its kind from both sources`() throws {
        let environment = [
            "A_TEXT": "two words", "A_COUNT": "-3", "A_PRICE": "-1000.250", "A_WAIT": "500ms", "AN_URL": "http://h:1//",
            "A_FLAG": "Yes", "A_SIDE": "short", "SYMBOLS": " AAPL, MSFT,,NVDA ",
        ]
        let yaml = """
            a:
              text: "two words"
              count: -3
              price: '-1000.250'
              wait: 500ms
              flag: on
              side: short
            an.url: http://h:1//
            symbols:
            - AAPL
            - "MSFT"
            - NVDA # not BRK.B
            """
        for source in [(environment, nil), ([:], yaml)] {
            let settings = try SettingsFixture.settings(source.0, yaml: source.1)
            #expect(try settings.requiredString("a.text") == "two words")
            #expect(try settings.int("a.count", default: 0, in: -5...5) == -3)
            #expect(try settings.decimalText("a.price", default: "0") == "-1000.250")
            #expect(try settings.duration("a.wait", default: .zero) == .milliseconds(500))
            #expect(try settings.bool("a.flag", default: false))
            #expect(try settings.choice("a.side", default: Side.long) == .short)
            #expect(try settings.list("symbols", default: []) == ["AAPL", "MSFT", "NVDA"])
            #expect(try settings.url("an.url", default: "", schemes: ["https", "http"]) == "http://h:1")
            try settings.refuseUnknownKeys()
        }
    }

    @Test func `every reader falls back to its default`() throws {
        let settings = try SettingsFixture.settings()
        #expect(try settings.optionalString("a") == nil)
        #expect(try settings.string("a", default: "x") == "x")
        #expect(try settings.name("a", default: "x") == "x")
        #expect(try settings.int("a", default: 4, in: 0...5) == 4)
        #expect(try settings.decimalText("a", default: "0.5") == "0.5")
        #expect(try settings.duration("a", default: .seconds(3)) == .seconds(3))
        #expect(try settings.bool("a", default: true))
        #expect(try settings.choice("a", default: Side.long) == .long)
        #expect(try settings.list("a", default: ["b"]) == ["b"])
        #expect(try settings.optionalSecret("a") == nil)
    }

    @Test(arguments: [("0s", 0), ("1500ms", 1500), ("5s", 5_000), ("2m", 120_000), ("24h", 86_400_000)])
    func `durations have a unit`(text: String, milliseconds: Int) throws {
        let settings = try SettingsFixture.settings(["A_WAIT": text])
        #expect(try settings.duration("a.wait", default: .seconds(1)) == .milliseconds(milliseconds))
    }
}
