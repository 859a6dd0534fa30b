package import AgentRuntime
package import TradingCore

/// One thing that a journal entry tells, for people.
package struct JournalLine: Hashable, Sendable {
    package var recordedAt: Timestamp
    package var marketTime: Timestamp?
    package var source: String
    /// Nil for everybody's news.
    package var trade: TradeID?
    package var what: String

    /// Steps of trades, then what else was said to everybody, then what failed at the broker.
    package static func lines(of entry: JournalEntry) throws -> [JournalLine] {
        var lines: [JournalLine] = []
        func add(_ what: String, _ trade: TradeID?, _ time: Timestamp?) {
            lines.append(
                JournalLine(
                    recordedAt: entry.recordedAt,
                    marketTime: time,
                    source: entry.source,
                    trade: trade,
                    what: what
                )
            )
        }
        for document in entry.documents {
            let trade = try document.trade.id
            for step in try document.transitions {
                add("\(step.from.rawValue) → \(step.to.rawValue)  (\(step.trigger.rawValue))", trade, step.timestamp)
            }
        }
        for text in entry.messages {
            let message = try Message(decoding: text.bytes)
            if case .brokerCallCompleted(let answer) = message.body, let reason = answer.failureReason {
                add("\(answer.call.name): \(answer.outcomeName): \(reason)", message.tradeID, message.timestamp)
            }
            guard !message.event.isPrivate else { continue }
            let details = try Self.details(text)
            add(([message.event.rawValue] + details).joined(separator: "  "), message.tradeID, message.timestamp)
        }
        return lines
    }

    /// What a message says in single words and numbers.
    private static func details(_ message: JSONText) throws -> [String] {
        guard case .object(let members)? = try JSONValue(parsing: message.bytes)["data"] else { return [] }
        return members.compactMap { member in
            switch member.value {
            case .number(let text): "\(member.name)=\(text)"
            case .string(let text): "\(member.name)=\(text.contains(" ") ? "\"\(text)\"" : text)"
            case .bool(let flag): "\(member.name)=\(flag)"
            case .null, .array, .object: nil
            }
        }
    }

    /// A trade's id begins with its symbol.
    package func isAbout(_ symbol: Symbol) -> Bool {
        guard let id = self.trade?.rawValue, let end = id.lastIndex(of: "-") else { return false }
        return id[..<end] == symbol.rawValue
    }

    /// A whole line.
    package var text: String {
        let source = self.source + String(repeating: " ", count: max(Self.sourceWidth - self.source.count, 0))
        let time = self.marketTime.map { "\(Timestamp(seconds: $0.seconds))" } ?? ""
        let line = [
            "\(Timestamp(milliseconds: self.recordedAt.milliseconds))", time, source, self.trade?.rawValue ?? "-",
            self.what,
        ].joined(separator: "  ")
        return Display.plain(line.split(whereSeparator: \.isNewline).joined(separator: " ")) + "\n"
    }

    private static let sourceWidth = AgentName.allCases.map(\.rawValue.count).max() ?? 0
}
