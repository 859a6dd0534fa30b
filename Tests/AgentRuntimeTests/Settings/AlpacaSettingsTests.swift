import AgentRuntime
import Testing

/// How Alpaca is reached, and that keys go there encrypted.
@Suite struct AlpacaSettingsTests {
    @Test func `Alpaca's settings default to the paper account`() throws {
        let settings = try SettingsFixture.settings(["APCA_API_KEY_ID": "k", "APCA_API_SECRET_KEY": "s"])
        let alpaca = try AlpacaSettings(settings)
        #expect(alpaca.keyID.exposed == "k")
        #expect(alpaca.secretKey.exposed == "s")
        #expect(alpaca.baseURL == "https://paper-api.alpaca.markets")
        #expect(alpaca.dataURL == "https://data.alpaca.markets")
        #expect(alpaca.streamURL == "wss://stream.data.alpaca.markets")
        #expect(alpaca.feed == .iex)
    }

    @Test func `Alpaca's URLs may end in their version and may lead to a simulator`() throws {
        let environment = [
            "APCA_API_KEY_ID": "k", "APCA_API_SECRET_KEY": "s", "APCA_API_BASE_URL": "https://api.alpaca.markets/v2/",
            "APCA_API_DATA_URL": "http://127.0.0.1:9000", "APCA_API_STREAM_URL": "ws://127.0.0.1:9000",
            "APCA_API_FEED": "delayed_sip",
        ]
        let settings = try SettingsFixture.settings(environment)
        let alpaca = try AlpacaSettings(settings)
        #expect(alpaca.baseURL == "https://api.alpaca.markets")
        #expect(alpaca.dataURL == "http://127.0.0.1:9000")
        #expect(alpaca.streamURL == "ws://127.0.0.1:9000")
        #expect(alpaca.feed == .delayedSIP)
    }

    @Test(arguments: [
        ("APCA_API_BASE_URL", "http://api.alpaca.markets", "https"),
        ("APCA_API_STREAM_URL", "ws://stream.data.alpaca.markets", "wss"),
    ])
    func `keys never go to Alpaca unencrypted`(variable: String, url: String, scheme: String) throws {
        let environment = ["APCA_API_KEY_ID": "k", "APCA_API_SECRET_KEY": "s", variable: url]
        let message = try SettingsFixture.message(environment) { _ = try AlpacaSettings($0) }
        #expect(message.hasSuffix("keys must not travel unencrypted; start it with \(scheme)://"))
    }
}
