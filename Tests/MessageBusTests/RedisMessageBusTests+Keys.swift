import MessageBus
import TestSupport
import Testing
import TradingCore

/// Which keys there are, and what others may have done to them.
extension RedisMessageBusTests {
    @Test func `entries that were deleted while pending are acknowledged and skipped`() throws {
        defer { self.server.stop() }
        try self.bus.append("a", "b", "c")
        let deliveries = try self.receive().deliveries
        try #require(deliveries.count == 3)
        try self.ask("XDEL", "{quintet}:stream:order.filled", deliveries[0].id, deliveries[2].id)
        let oldest = try self.bus.pending(group: "position", consumer: "one", streams: [.filled], limit: 1)
        #expect(oldest.map(\.text) == ["b"])
        #expect(try self.pending().map(\.text) == ["b"])
        #expect(try self.bus.acknowledge(deliveries[2]) == .alreadyAcknowledged)
        #expect(try self.bus.acknowledge(deliveries[1]) == .committed)
        #expect(try self.bus.quiescence(of: [(.filled, "position")]) == .settled)
    }

    @Test func `unread entries that were deleted keep nobody busy`() throws {
        defer { self.server.stop() }
        try self.bus.append("a", "b")
        let newest = try #require(try self.bus.tail(of: .filled, limit: 1).first)
        #expect(try self.receive(limit: 1).deliveries.map(\.text) == ["a"])
        #expect(try self.bus.acknowledge(try #require(try self.pending().first)) == .committed)
        #expect(try self.bus.quiescence(of: [(.filled, "position")]) != .settled)
        try self.ask("XDEL", "{quintet}:stream:order.filled", newest.id)
        #expect(try self.bus.quiescence(of: [(.filled, "position")]) == .settled)
    }

    @Test func `consumers that are silent for long and owe nothing are forgotten`() throws {
        defer { self.server.stop() }
        func consumers() throws -> [String]? {
            try self.bus.groups(on: .filled).first { $0.name == "position" }?.consumers.map(\.name).sorted()
        }
        try self.bus.append("a", "b")
        _ = try self.bus.receiveNow(consumer: "owing", limit: 1)
        let handled = try #require(try self.bus.receiveNow(consumer: "gone", limit: 1).deliveries.first)
        #expect(try self.bus.acknowledge(handled) == .committed)
        try self.bus.createGroup("strategy", on: .filled)
        _ = try self.bus.receiveNow(consumer: "other", group: "strategy", limit: 1)
        try self.bus.removeConsumers(of: "position", on: [.filled, .closed], silentFor: .seconds(3600))
        #expect(try consumers() == ["gone", "owing"])
        try self.bus.removeConsumers(of: "position", on: [.filled, .closed], silentFor: .zero)
        #expect(try consumers() == ["owing"])
        #expect(try self.bus.groups(on: .filled).first { $0.name == "strategy" }?.consumers.count == 1)
    }

    @Test func `a foreign entry arrives with an empty body`() throws {
        defer { self.server.stop() }
        try self.ask("XADD", "{quintet}:stream:order.filled", "*", "other", "field")
        #expect(try self.receive().deliveries.map(\.body) == [[]])
        #expect(try self.pending().map(\.body) == [[]])
    }

    @Test(arguments: [
        "document:trade:AAPL-1", "history:trade:AAPL-1", "document:sum", "set:open", "stream:a", "stream:b",
    ])
    func `a key of another type is refused by name before anything is written`(name: String) throws {
        defer { self.server.stop() }
        try self.bus.append("input")
        let input = try #require(try self.receive().deliveries.first)
        let key = "{quintet}:\(name)"
        try self.ask(name.hasPrefix("history") ? "SADD" : "RPUSH", key, "by hand")
        var commit = Commit()
        commit.acknowledge = input.input()
        commit.writes = [
            .init(.other, from: 0, "", to: "A", "x"), .init(.trade, from: 0, "", to: "A", "x", history: ["h"]),
        ]
        commit.puts = [(key: DocumentKey(rawValue: "sum"), body: [1])]
        commit.additions = [(set: "open", member: "x")]
        commit.messages = ["a", "a", "b"].map {
            OutboundMessage(stream: StreamName(rawValue: $0), channel: nil, body: [1])
        }
        let before = try self.ask("DBSIZE")
        let error = try #require(#expect(throws: MessageBusError.self) { try self.bus.commit(commit) })
        #expect(error.code == .refused)
        #expect(error.message.contains(key))
        #expect(try self.ask("DBSIZE") == before)
        #expect(try self.pending().count == 1)

        try self.ask("DEL", key)
        #expect(try self.bus.commit(commit) == .committed)
    }

    @Test(arguments: ["a", "b"])
    func `a commit to a stream whose ids are used up changes nothing, and goes on once that is mended`(
        name: String
    ) throws {
        defer { self.server.stop() }
        let last = "18446744073709551615-18446744073709551615"
        let listener = RedisMessageBus(endpoint: self.server.endpoint)
        try listener.subscribe(to: ["a"])
        try self.bus.append("input")
        let input = try #require(try self.receive().deliveries.first)
        try self.ask("XADD", "{quintet}:stream:\(name)", last, "d", "by hand")
        var commit = Commit()
        commit.acknowledge = input.input()
        commit.writes = [.init(.trade, from: 0, "", to: "A", "x", history: ["h"])]
        commit.puts = [(key: DocumentKey(rawValue: "sum"), body: [1])]
        commit.additions = [(set: "open", member: "x")]
        commit.messages = ["a", "a", "b"].map {
            OutboundMessage(stream: StreamName(rawValue: $0), channel: $0, body: [1])
        }
        let error = try #require(#expect(throws: MessageBusError.self) { try self.bus.commit(commit) })
        #expect(error.code == .unreachable)
        #expect(error.message.contains("{quintet}:stream:\(name) are used up") && error.message.contains("RENAME"))
        #expect(try self.bus.load([.trade, DocumentKey(rawValue: "sum")]) == [nil, nil])
        #expect(try self.bus.history(of: .trade).isEmpty)
        #expect(try self.bus.members(of: "open").isEmpty)
        for stream in ["a", "b"] {
            let left = try self.bus.tail(of: StreamName(rawValue: stream), limit: 9).map(\.id)
            #expect(left == (stream == name ? [last] : []))
        }
        // There is nothing to read behind it.
        #expect(try self.bus.entries(of: StreamName(rawValue: name), after: last, limit: 9).isEmpty)
        #expect(StreamPosition("1700000000000-5") < StreamPosition("1700000000000-12"))
        #expect(StreamPosition("1700000000000-12") < StreamPosition(last))
        #expect(try self.pending().count == 1)

        try self.ask("RENAME", "{quintet}:stream:\(name)", "aside")
        #expect(try self.bus.commit(commit) == .committed)
        #expect(try self.pending().isEmpty)
        // What failed was not published either.
        var published: [PublishedMessage] = []
        while published.count < 2 {
            let more = try listener.receive(
                group: "",
                consumer: "",
                streams: [],
                limit: 1,
                timeout: .seconds(20)
            ).published
            try #require(!more.isEmpty)
            published += more
        }
        #expect(published.map(\.channel) == ["a", "a"])
    }

    @Test func `what concerns quotes is refused before anything is written, too`() throws {
        defer { self.server.stop() }
        let attempts: [(keys: [String], attempt: () throws -> Void)] = [
            (
                ["document:quote:AAPL", "quote:versions", "quote:consumers", "quote:cursors", "quote:backlog"],
                { _ = try self.bus.publishQuote(key: .quote, version: 1, body: [], channel: "quotes") }
            ),
            (
                ["quote:versions", "quote:consumers", "quote:cursors", "quote:backlog"],
                { try self.bus.registerQuoteConsumer("strategy") }
            ),
            (
                ["quote:versions", "quote:cursors", "quote:backlog"],
                { try self.bus.advanceQuoteCursor(of: "strategy", key: .quote, version: 1) }
            ),
        ]
        for (keys, attempt) in attempts {
            for key in keys.map({ "{quintet}:\($0)" }) {
                try self.ask("RPUSH", key, "by hand")
                let before = try self.ask("DBSIZE")
                let error = #expect(throws: MessageBusError.self, "\(key)", performing: attempt)
                #expect(error?.code == .refused, "\(key)")
                #expect(try self.ask("DBSIZE") == before, "\(key)")
                try self.ask("DEL", key)
            }
        }
    }

    @Test func `every key is in the namespace's slot`() throws {
        defer { self.server.stop() }
        try self.bus.registerQuoteConsumer("strategy")
        _ = try self.bus.publishQuote(key: .quote, version: 1, body: [], channel: "quotes")
        try self.bus.advanceQuoteCursor(of: "strategy", key: .quote, version: 0)
        _ = try self.bus.acquireLease("scan", holder: "a", for: .seconds(60))
        var commit = Commit()
        commit.writes = [.init(.trade, from: 0, "", to: "A", "x", history: ["h"])]
        commit.additions = [(set: "open", member: "x")]
        #expect(try self.bus.commit(commit) == .committed)
        guard case .array(let keys) = try self.ask("KEYS", "*") else { return #expect(Bool(false)) }
        let names = keys.map { reply in
            if case .string(let bytes) = reply { String(decoding: bytes, as: UTF8.self) } else { "\(reply)" }
        }
        #expect(names.count == 11)
        #expect(names.allSatisfy { $0.hasPrefix("{quintet}:") })
    }
}
