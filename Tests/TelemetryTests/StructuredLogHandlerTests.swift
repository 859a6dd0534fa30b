import Glibc
import Logging
import Telemetry
import Testing
import TradingCore

@Suite struct StructuredLogHandlerTests {
    private struct BrokerDown: Error, CustomStringConvertible {
        var description: String { "connection refused\nby \"paper\"" }
    }

    /// What the handler writes while `body` logs.
    private func lines(
        format: LogFormat,
        label: String = "order-execution-agent",
        level: Logger.Level = .trace,
        provider: Logger.MetadataProvider? = nil,
        _ body: (inout Logger) -> Void
    ) throws -> [String] {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        do {
            defer { close(ends[1]) }
            // 2025-10-28T15:04:05.123456Z
            let now = Timestamp(microseconds: 1_761_663_845_123_456)
            let handler = StructuredLogHandler(
                label: label,
                service: "order-execution-agent",
                level: level,
                format: format,
                metadataProvider: provider,
                fileDescriptor: ends[1],
                now: { now }
            )
            var logger = Logger(label: label) { _ in handler }
            body(&logger)
        }
        return self.drain(ends[0])
    }

    private func text(_ json: JSONValue?) -> String? {
        guard case .string(let text)? = json else { return nil }
        return text
    }

    @Test func `a JSON line carries time, level, service, message and dotted metadata`() throws {
        let lines = try self.lines(format: .json) { logger in
            logger[metadataKey: "trade_id"] = "AAPL-1"
            logger.warning(
                "order \"refused\"\nby\tthe broker",
                metadata: ["reason": "no cash", "legs": ["stop", "target"], "order": ["qty": "5"]]
            )
        }
        #expect(
            lines == [
                #"{"time":"2025-10-28T15:04:05.123456Z","level":"warning","service":"order-execution-agent","#
                    + #""trade_id":"AAPL-1","message":"order \"refused\"\nby\u0009the broker","metadata":{"legs":["stop","target"],"#
                    + #""order":{"qty":"5"},"reason":"no cash"}}"#
            ]
        )
    }

    @Test func `every JSON line parses, whatever it holds`() throws {
        var generator = SeededGenerator(state: 20_251_028)
        let alphabet =
            (0..<0x100).compactMap(UnicodeScalar.init).map(Character.init) + ["é", "🧾", "\u{2028}", "\u{FEFF}"]
        let texts = (0..<200).map { _ in String((0..<12).compactMap { _ in alphabet.randomElement(using: &generator) })
        }
        let lines = try self.lines(format: .json) { logger in
            for text in texts {
                logger.info("\(text)", metadata: ["value": "\(text)"])
            }
        }
        #expect(lines.count == texts.count)
        for (line, text) in zip(lines, texts) {
            let json = try JSONValue(parsing: Array(line.utf8))
            #expect(self.text(json["message"]) == text)
            #expect(self.text(json["metadata"]?["value"]) == text)
        }
    }

    @Test func `a text line is for people`() throws {
        let lines = try self.lines(format: .text) { logger in
            logger.warning("order refused", metadata: ["trade_id": "AAPL-1", "reason": "no cash"])
            logger.info("ready")
        }
        #expect(
            lines == [
                #"15:04:05.123 WARN order-execution-agent order refused  reason="no cash" trade_id=AAPL-1"#,
                "15:04:05.123 INFO order-execution-agent ready",
            ]
        )
    }

    @Test func `a text line cannot be forged or steer the terminal`() throws {
        let lines = try self.lines(format: .text) { logger in
            logger.info("a\n15:04:05.123 ERROR faked", metadata: ["value": "\u{1B}[2J"])
        }
        #expect(lines == [#"15:04:05.123 INFO order-execution-agent a\n15:04:05.123 ERROR faked  value=\u{1B}[2J"#])
    }

    @Test(arguments: LogFormat.allCases)
    func `secrets are masked wherever they stand`(format: LogFormat) throws {
        let provider = Logger.MetadataProvider { ["refresh-token": "hunter2"] }
        let lines = try self.lines(format: format, provider: provider) { logger in
            logger[metadataKey: "apca.api.secret_key"] = "hunter2"
            logger.info(
                "signed in",
                metadata: [
                    "Redis.Password": "hunter2", "apca.key.id": "hunter2", "APCA-API-KEY-ID": "hunter2",
                    "headers": ["Authorization": "Bearer hunter2", "accept": "json"], "tokens": ["hunter2"],
                ]
            )
        }
        let line = try #require(lines.first)
        #expect(!line.contains("hunter2"))
        #expect(line.split(separator: "***", omittingEmptySubsequences: false).count == 8)
        #expect(line.contains("\"accept\":\"json\""))
    }

    @Test func `an error and a logger of another name are shown`() throws {
        let json = try self.lines(format: .json, label: "message-bus") { $0.error("lost", error: BrokerDown()) }
        let parsed = try JSONValue(parsing: Array(try #require(json.first).utf8))
        #expect(self.text(parsed["logger"]) == "message-bus")
        #expect(self.text(parsed["error"]) == "connection refused\nby \"paper\"")
        let text = try self.lines(format: .text, label: "message-bus") { $0.error("lost", error: BrokerDown()) }
        #expect(
            text == [
                #"15:04:05.123 ERROR order-execution-agent [message-bus] lost  error="connection refused\nby \"paper\"""#
            ]
        )
    }

    @Test func `levels below the chosen one stay silent`() throws {
        let lines = try self.lines(format: .text, level: .warning) { logger in
            logger.info("quiet")
            logger.critical("loud")
        }
        #expect(lines == ["15:04:05.123 CRITICAL order-execution-agent loud"])
    }

    @Test func `a reader that does not read costs lines and not the caller`() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let descriptor = ends[1]
        for end in ends {
            try #require(fcntl(end, F_SETFL, O_NONBLOCK) == 0)
        }
        defer {
            close(ends[0])
            close(descriptor)
        }
        let logger = Logger(label: "agent") { label in
            StructuredLogHandler(label: label, service: label, level: .info, format: .json, fileDescriptor: descriptor)
        }
        for _ in 0..<2_000 {
            logger.info("nobody reads this")
        }
        let kept = self.drain(ends[0])
        #expect(0 < kept.count && kept.count < 2_000)
        #expect(kept.allSatisfy { $0.hasPrefix("{\"time\":") && $0.hasSuffix("\"}") })
        logger.info("read again")
        #expect(self.drain(ends[0]).count == 1)
    }

    /// The lines that can be read before the end or a pause.
    private func drain(_ descriptor: Int32) -> [String] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes.append(contentsOf: buffer.prefix(count))
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

/// SplitMix64.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
