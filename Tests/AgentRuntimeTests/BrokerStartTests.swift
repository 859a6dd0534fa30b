import AgentRuntime
import Brokerage
import Logging
import Synchronization
import Testing
import TradingCore

/// What an agent's process does about its broker before it works, and about the login that ends.
@Suite struct BrokerStartTests {
    private static let names = BrokerSettingNames(
        prefix: "APCA_",
        address: "APCA_API_BASE_URL",
        keys: "APCA_API_KEY_ID"
    )

    @Test(arguments: [
        (BrokerError.Kind.refused(code: "403"), "APCA_API_KEY_ID and what they are permitted"),
        (.refused(code: "404"), "reason. Check APCA_API_BASE_URL: this is not the broker's API"),
        (.refused(code: "40410000"), "reason. Check APCA_API_BASE_URL: this is not the broker's API"),
        (.unreadable, "not the broker's API"),
        (.notExecuted, "and the network"), (.unknownOutcome, "asked again"), (.loginExpired, "tradectl schwab login"),
    ])
    func `a problem names cause and remedy in one line`(kind: BrokerError.Kind, remedy: String) {
        let line = BrokerCheck.problem(BrokerError(kind, "GET account: no\nreason"), Self.names)
        #expect(line.hasPrefix("GET account: no reason. "))
        #expect(line.contains(remedy), "\(line)")
    }

    @Test func `a remedy that is named already is not followed by another`() {
        let reason = "the key is not known: check APCA_API_KEY_ID"
        #expect(BrokerCheck.problem(BrokerError(.refused(code: "401"), reason), Self.names) == reason)
    }

    @Test func `a line is repeated after minutes, a new one is said at once`() {
        var filter = RepetitionFilter()
        func says(_ line: String, _ time: Duration) -> Bool { filter.isWorthSaying(line, now: time) }
        #expect(says("GET account: no (correlation id 1)", .zero))
        #expect(!says("GET account: no (correlation id 2)", .seconds(1)))
        #expect(says("GET account: perhaps (correlation id 2)", .seconds(2)))
        #expect(!says("GET account: no (correlation id 3)", .seconds(299)))
        #expect(says("GET account: no (correlation id 4)", .seconds(300)))
    }

    @Test func `nothing but protection passes before the broker has said whose account it is`() async throws {
        let stop = StopSignal()
        let gate = BrokerGate(stop: stop)
        let readiness = ReadinessBoard(waitingFor: [BrokerCheck.readinessName])
        let answers = Mutex<[Result<BrokerAccountCheck, BrokerError>]>([
            .failure(BrokerError(.refused(code: "401"), "no")), .failure(BrokerError(.unknownOutcome, "perhaps")),
            .failure(BrokerError(.refused(code: "account"), "another account")),
            .success(
                BrokerAccountCheck(
                    broker: "alpaca",
                    accountNumber: "1234567",
                    environment: .paper,
                    mayOpenPositions: true
                )
            ),
        ])
        let seen = Mutex<[String]>([])
        try await DedicatedThread.run {
            BrokerCheck(
                ask: { () throws(BrokerError) in
                    let lanes = BrokerLane.allCases.filter { gate.isOpen(for: $0) }.map(\.rawValue)
                    seen.withLock { $0.append("\(lanes)") }
                    #expect(!readiness.report().isReady)
                    return try answers.withLock { $0.removeFirst() }.get()
                },
                settingNames: Self.names,
                gate: gate,
                stop: stop,
                readiness: readiness,
                heartbeat: Heartbeat("check"),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ).askUntilPassed()
        }
        #expect(seen.withLock { $0 } == ["[]", "[]", #"["protective"]"#, "[]"])
        #expect(readiness.report().isReady)
        #expect(BrokerLane.allCases.allSatisfy { gate.isOpen(for: $0) })
    }

    @Test func `a key that is revoked later leaves the gate open for protection alone until it is accepted again`()
        async throws
    {
        let stop = StopSignal()
        let gate = BrokerGate(stop: stop)
        let readiness = ReadinessBoard(waitingFor: [BrokerCheck.readinessName])
        let account = BrokerAccountCheck(
            broker: "alpaca",
            accountNumber: "1234567",
            environment: .paper,
            mayOpenPositions: true
        )
        let refused = BrokerError(.loginExpired, "the key is not accepted: check APCA_API_KEY_ID")
        let answers = Mutex<[Result<BrokerAccountCheck, BrokerError>]>([
            .success(account), .failure(BrokerError(.notExecuted, "not reached")), .success(account),
            .failure(refused), .failure(refused), .success(account),
        ])
        let seen = Mutex<[String]>([])
        try await DedicatedThread.run {
            BrokerCheck(
                ask: { () throws(BrokerError) in
                    seen.withLock {
                        $0.append("\(BrokerLane.allCases.filter { gate.isOpen(for: $0) }.map(\.rawValue))")
                    }
                    #expect(readiness.report().isReady == gate.isOpen(for: .entries))
                    let answer = answers.withLock { answers in
                        defer { if answers.isEmpty { stop.give() } }
                        return answers.removeFirst()
                    }
                    return try answer.get()
                },
                settingNames: Self.names,
                gate: gate,
                stop: stop,
                readiness: readiness,
                heartbeat: Heartbeat("check"),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                interval: .milliseconds(1)
            ).run()
        }
        let all = "\(BrokerLane.allCases.map(\.rawValue))"
        #expect(
            seen.withLock { $0 } == ["[]", all, all, all, #"["protective", "account"]"#, #"["protective", "account"]"#]
        )
        #expect(readiness.report().isReady)
        #expect(gate.isOpen(for: .protective))
    }

    @Test func `the end of the process lets go who waits at the gate, and nothing through`() async throws {
        let stop = StopSignal()
        let gate = BrokerGate(stop: stop)
        let heartbeat = Heartbeat("lane")
        let waiting = Task { try await DedicatedThread.run { gate.wait(for: .entries, beating: heartbeat) } }
        stop.give()
        try await waiting.value
        #expect(!gate.isOpen(for: .entries))
    }

    @Test func `a login is looked at every few seconds, and its end is warned of when it comes nearer`() {
        let messages = MessageList()
        var (now, left) = (Duration.zero, Duration.seconds(7 * 86_400))
        let watch = LoginWatch(
            look: { BrokerLogin(.ending(Timestamp(seconds: 0) + left), asOf: Timestamp(seconds: 0), remedy: "log in") },
            now: { now },
            logger: Logger(label: "test") { _ in messages }
        )
        var told: [Duration] = []
        func turn(after seconds: Int, left newLeft: Duration) {
            now += .seconds(seconds)
            left = newLeft
            watch.turn { told.append($0.timeLeft) }
        }
        turn(after: 0, left: .seconds(49 * 3600))
        turn(after: 1, left: .seconds(48 * 3600))
        #expect(told == [.seconds(49 * 3600)])
        #expect(messages.levels == [])
        turn(after: 4, left: .seconds(48 * 3600))
        #expect(told.count == 2)
        #expect(messages.levels == [.warning])
        turn(after: 3500, left: .seconds(47 * 3600))
        #expect(messages.levels == [.warning])
        turn(after: 100, left: .seconds(47 * 3600))
        #expect(messages.levels == [.warning, .warning])
        turn(after: 5, left: .seconds(24 * 3600))
        #expect(messages.levels == [.warning, .warning, .error])
        turn(after: 5, left: .zero)
        #expect(messages.levels == [.warning, .warning, .error, .error])
        turn(after: 5, left: .seconds(7 * 86_400))
        #expect(messages.levels == [.warning, .warning, .error, .error, .notice])
        // What could not be told is told again at once.
        struct Failure: Error {}
        now += .seconds(5)
        #expect(throws: Failure.self) { try watch.turn { _ in throw Failure() } }
        let before = told.count
        turn(after: 0, left: .seconds(7 * 86_400))
        #expect(told.count == before + 1)
    }
}
