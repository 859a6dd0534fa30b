import MessageBus
import Testing
import TradingCore

/// How messages reach the consumers of a group, and the subscribers of a channel.
@Suite struct DeliveryTests {
    @Test(arguments: BusKind.allCases)
    func `a group sees what was appended before it and after it, in order`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        try bus.append("a")
        try bus.createGroup("position", on: .filled)
        try bus.createGroup("position", on: .filled)
        try bus.append("b", "c")
        let deliveries = try bus.receiveNow().deliveries
        #expect(deliveries.map(\.text) == ["a", "b", "c"])
        #expect(deliveries.allSatisfy { $0.deliveryCount == 1 && $0.stream == .filled })
        #expect(try bus.receiveNow().deliveries.isEmpty)
    }

    @Test(arguments: BusKind.allCases)
    func `bodies are bytes`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        try bus.createGroup("position", on: .filled)
        var commit = Commit()
        commit.messages = [[], [0, 13, 10, 255], Array(repeating: 42, count: 100_000)].map {
            OutboundMessage(stream: .filled, channel: nil, body: $0)
        }
        #expect(try bus.commit(commit) == .committed)
        #expect(try bus.receiveNow().deliveries.map(\.body) == commit.messages.map(\.body))
    }

    @Test(arguments: BusKind.allCases)
    func `several streams come together, at most the limit of each`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        let streams: [StreamName] = [.filled, .closed]
        for stream in streams { try bus.createGroup("position", on: stream) }
        try bus.append("1", "2", "3", to: .closed)
        try bus.append("4", to: .filled)
        #expect(Set(try bus.receiveNow(streams: streams, limit: 2).deliveries.map(\.text)) == ["1", "2", "4"])
        #expect(try bus.receiveNow(streams: streams, limit: 2).deliveries.map(\.text) == ["3"])
    }

    @Test(arguments: BusKind.allCases)
    func `two consumers of a group share, two groups each get all`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let one = fixture.makeBus()
        let two = fixture.makeBus()
        for group in ["position", "strategy"] { try one.createGroup(group, on: .filled) }
        try one.append("a", "b")
        #expect(try one.receiveNow(consumer: "one", limit: 1).deliveries.map(\.text) == ["a"])
        #expect(try two.receiveNow(consumer: "two", limit: 1).deliveries.map(\.text) == ["b"])
        #expect(try two.receiveNow(group: "strategy").deliveries.map(\.text) == ["a", "b"])
    }

    @Test(arguments: BusKind.allCases)
    func `a missing group is refused`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        try bus.append("a")
        let delivery = Delivery(stream: .filled, id: "1-0", deliveryCount: 1, body: [])
        let attempts: [() throws -> Void] = [
            { _ = try bus.receiveNow() },
            { _ = try bus.pending(group: "position", consumer: "one", streams: [.filled], limit: 1) },
            { _ = try bus.claim(group: "position", consumer: "one", streams: [.filled], idle: .zero, limit: 1) },
            { _ = try bus.acknowledge(delivery) },
        ]
        for attempt in attempts {
            let error = #expect(throws: MessageBusError.self, performing: attempt)
            #expect(error?.code == .refused)
        }
    }

    @Test(arguments: BusKind.allCases)
    func `a wake-up is reported once`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        bus.wake()
        bus.wakeSignal.wake()
        #expect(try bus.receive(group: "", consumer: "", streams: [], limit: 1, timeout: .seconds(5)).woken)
        #expect(try !bus.receive(group: "", consumer: "", streams: [], limit: 1, timeout: .zero).woken)
    }

    @Test(arguments: BusKind.allCases)
    func `subscribers get what is published on their channels only`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        let deaf = fixture.makeBus()
        try bus.subscribe(to: ["order.filled"])
        try bus.subscribe(to: ["quotes"])
        try deaf.append("a", channel: "order.filled")
        try deaf.append("b", channel: "position.closed")
        try deaf.append("c")
        #expect(try deaf.publishQuote(key: .quote, version: 1, body: [100], channel: "quotes"))
        let published = try fixture.received(2, by: bus)
        #expect(published.map(\.channel) == ["order.filled", "quotes"])
        #expect(published.map(\.body) == [Array("a".utf8), [100]])
        #expect(try deaf.receive(group: "", consumer: "", streams: [], limit: 1, timeout: .zero).published.isEmpty)
    }
}
