import MessageBus
import Synchronization
import TestSupport
import Testing
import TradingCore

/// One budget and one set of notices for all processes of an API key, whichever bus they meet on.
@Suite struct RateBudgetTests {
    private static let budget = RateBudget(
        key: ["alpaca", "PK123"],
        part: "trading",
        requestsPerMinute: 20,
        reservedShare: Rate(raw: Rate.unit / 10 * 3)
    )
    private static let notice = BrokerNotice(.loginExpired, "the login has ended")

    @Test func `the less urgent leave room for the more urgent, and each may have at least one`() {
        #expect(RequestUrgency.allCases.map(Self.budget.limit) == [20, 17, 14, 12])
        for limit in 1...40 {
            for tenths in 0...10 {
                let budget = RateBudget(
                    key: ["alpaca", "PK123"],
                    part: "trading",
                    requestsPerMinute: limit,
                    reservedShare: Rate(raw: Rate.unit / 10 * Int64(tenths))
                )
                let limits = RequestUrgency.allCases.map(budget.limit)
                #expect(limits == limits.sorted(by: >) && limits[0] == limit && limits[3] >= 1, "\(limits)")
            }
        }
    }

    @Test(arguments: BusKind.allCases)
    func `no minute sees more than the budget, and what is reserved is there at once`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let buses = (0..<3).map { _ in fixture.makeBus() }
        var random = SeededGenerator(seed: 11)
        var departures: [(time: Duration, urgency: RequestUrgency)] = []
        var now = Duration.zero
        for step in 0..<400 {
            let pause = Duration.milliseconds(Int.random(in: 0...3000, using: &random))
            now += pause
            fixture.pass(pause)
            // Everybody hammers but the exits, which come now and then.
            let hammering = [RequestUrgency.orders, .entry, .data].randomElement(using: &random) ?? .data
            let urgency = step % 40 == 39 ? .exit : hammering
            for _ in 0..<4 {
                let bus = try #require(buses.randomElement(using: &random))
                let answer = try bus.takeRequest(urgency, of: Self.budget)
                if case .admitted = answer { departures.append((now, urgency)) }
            }
            let last = departures.filter { $0.time > now - RateBudget.window }
            #expect(last.count <= 20)
            #expect(last.filter { $0.urgency != .exit }.count <= 17)
            // An exit that comes after the hammering goes at once: three of twenty are never touched by others.
            if urgency == .exit { #expect(departures.suffix(3).allSatisfy { $0.urgency == .exit && $0.time == now }) }
        }
        #expect(departures.count > 150, "the budget is used as far as it goes")
    }

    @Test(arguments: BusKind.allCases)
    func `who is turned away learns when there is room, to the microsecond`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        for number in 1...12 {
            #expect(try bus.takeRequest(.data, of: Self.budget) == .admitted(left: 20 - number, probe: nil))
            fixture.pass(.milliseconds(10))
        }
        #expect(try bus.takeRequest(.data, of: Self.budget) == .full(retryAfter: .milliseconds(59_880)))
        #expect(try bus.takeRequest(.entry, of: Self.budget) == .admitted(left: 7, probe: nil))
        // Now two have to go before data has room again.
        #expect(try bus.takeRequest(.data, of: Self.budget) == .full(retryAfter: .milliseconds(59_890)))
        fixture.pass(.microseconds(59_889_999))
        #expect(try bus.takeRequest(.data, of: Self.budget) == .full(retryAfter: .microseconds(1)))
        fixture.pass(.microseconds(1))
        #expect(try bus.takeRequest(.data, of: Self.budget) == .admitted(left: 8, probe: nil))
    }

    @Test(arguments: BusKind.allCases)
    func `a notice keeps all quiet but for protective requests now and then, until one probe ends it`(
        kind: BusKind
    ) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let (one, two) = (fixture.makeBus(), fixture.makeBus())
        func quiet(_ seconds: Int64) -> RateAnswer { .noticed(Self.notice, retryAfter: .seconds(seconds)) }
        try one.postNotice(Self.notice, on: Self.budget, for: .seconds(30))
        for urgency in [RequestUrgency.entry, .data] {
            #expect(try two.takeRequest(urgency, of: Self.budget) == quiet(30))
        }
        #expect(try two.takeRequest(.exit, of: Self.budget) == quiet(5))
        fixture.pass(.seconds(5))
        #expect(try one.takeRequest(.exit, of: Self.budget) == .admitted(left: 19, probe: nil))
        // What such a call still has to send goes with it, and counts.
        #expect(try one.takeRequest(.exit, of: Self.budget, goesOn: true) == .admitted(left: 18, probe: nil))
        #expect(try two.takeRequest(.orders, of: Self.budget) == quiet(5))
        #expect(try two.takeRequest(.data, of: Self.budget) == quiet(25))
        // A shorter notice does not end a longer one.
        try two.postNotice(BrokerNotice(.rateLimited, "429"), on: Self.budget, for: .seconds(1))
        #expect(try two.takeRequest(.data, of: Self.budget) == quiet(25))
        fixture.pass(.seconds(25))
        guard case .admitted(_, let probe?) = try two.takeRequest(.data, of: Self.budget) else {
            Issue.record("no probe was let through")
            return
        }
        #expect(try one.takeRequest(.data, of: Self.budget) == quiet(15), "one probe at a time")
        // One that is never answered makes room for the next, and its late answer is not the next one's.
        fixture.pass(.seconds(15))
        guard case .admitted(_, let second?) = try one.takeRequest(.entry, of: Self.budget) else {
            Issue.record("no second probe was let through")
            return
        }
        try two.endNotice(probe: probe, on: Self.budget)
        #expect(try two.takeRequest(.data, of: Self.budget) == quiet(15))
        try one.endNotice(probe: second, on: Self.budget)
        #expect(try two.takeRequest(.data, of: Self.budget).isAdmitted)
    }

    @Test(arguments: BusKind.allCases)
    func `budgets of other keys and other parts are others`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        func budget(_ key: String, _ part: String) -> RateBudget {
            RateBudget(key: ["alpaca", key], part: part, requestsPerMinute: 1, reservedShare: .zero)
        }
        #expect(try bus.takeRequest(.data, of: budget("PK1", "trading")).isAdmitted)
        try bus.postNotice(Self.notice, on: budget("PK1", "trading"), for: .seconds(30))
        for other in [budget("PK1", "data"), budget("PK2", "trading")] {
            #expect(try bus.takeRequest(.data, of: other).isAdmitted)
        }
        #expect(try !bus.takeRequest(.data, of: budget("PK1", "trading")).isAdmitted)
    }

    @Test(arguments: 1...4)
    func `both buses give the same answers, whatever is asked when`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let fixtures = try BusKind.allCases.map { try BusFixture($0) }
        defer { for fixture in fixtures { fixture.stop() } }
        let buses = fixtures.map { [$0.makeBus(), $0.makeBus()] }
        let budgets = [3, 20].map { RateBudget(key: ["k"], part: "\($0)", requestsPerMinute: $0, reservedShare: .zero) }
        var probes: [Int64] = []
        for step in 0..<500 {
            // As long as requests are apart, a notice lasts or is remembered; now and then the clock is set back.
            let pause: Duration =
                switch Int.random(in: 0..<40, using: &random) {
                case 0: .seconds(Int.random(in: 0...700, using: &random))
                case 1: .zero - .milliseconds(Int.random(in: 0...5000, using: &random))
                default: .microseconds(Int.random(in: 0...4_000_000, using: &random))
                }
            for fixture in fixtures { fixture.pass(step == 0 ? .seconds(1_800_000_000) : pause) }
            let budget = budgets.randomElement(using: &random) ?? budgets[0]
            let process = Int.random(in: 0...1, using: &random)
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                let notice = BrokerNotice(Bool.random(using: &random) ? .loginExpired : .rateLimited, "no \(step)")
                let duration = Duration.milliseconds(Int.random(in: 0...60_000, using: &random))
                for bus in buses { try bus[process].postNotice(notice, on: budget, for: duration) }
            case 1, 2:
                guard let probe = probes.randomElement(using: &random) else { continue }
                for bus in buses { try bus[process].endNotice(probe: probe, on: budget) }
            default:
                let urgency = RequestUrgency.allCases.randomElement(using: &random) ?? .data
                let goesOn = urgency.isProtective && Bool.random(using: &random)
                let answers = try buses.map { try $0[process].takeRequest(urgency, of: budget, goesOn: goesOn) }
                #expect(answers[0] == answers[1], "step \(step)")
                if case .admitted(_, let probe?) = answers[0] { probes.append(probe) }
            }
        }
        #expect(!probes.isEmpty)
    }

    @Test func `connections that ask at the same time get no more than the budget, by the server's own clock`() throws {
        let server = try RedisServer()
        defer { server.stop() }
        let admitted = Atomic(0)
        let failed = Atomic(0)
        let budget = RateBudget(key: ["k"], part: "trading", requestsPerMinute: 100, reservedShare: .zero)
        let endpoint = server.endpoint
        func threads() {
            (0..<4).map { _ in
                TestThread {
                    let bus = RedisMessageBus(endpoint: endpoint)
                    for _ in 0..<50 {
                        switch try? bus.takeRequest(.exit, of: budget) {
                        case .admitted: admitted.add(1, ordering: .sequentiallyConsistent)
                        case .full(let wait) where wait > .zero && wait <= RateBudget.window: break
                        default: failed.add(1, ordering: .sequentiallyConsistent)
                        }
                    }
                }
            }.forEach { $0.join() }
        }
        threads()
        #expect(admitted.load(ordering: .sequentiallyConsistent) == 100)
        #expect(failed.load(ordering: .sequentiallyConsistent) == 0)
        // Nothing stays behind: each key is forgotten when it is of no more use.
        let bus = RedisMessageBus(endpoint: endpoint)
        try bus.postNotice(Self.notice, on: budget, for: .seconds(30))
        let connection = try RedisConnection(to: endpoint)
        let keys = try Self.keys(connection)
        #expect(keys.count == 2)
        for key in keys {
            guard case .integer(let life) = try connection.call(RedisCommand("PTTL", key)) else {
                Issue.record("no PTTL of \(key)")
                continue
            }
            #expect((1...630_000).contains(life))
            #expect(!key.contains("k:") && key.hasPrefix("{quintet}:"))
        }
    }

    private static func keys(_ connection: RedisConnection) throws -> [String] {
        guard case .array(let keys) = try connection.call(RedisCommand("KEYS", "*")) else { return [] }
        return keys.compactMap {
            if case .string(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { nil }
        }
    }
}

extension RateAnswer {
    fileprivate var isAdmitted: Bool { if case .admitted = self { true } else { false } }
}

/// Gives the same numbers on every run (SplitMix64).
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var word = self.state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }
}
