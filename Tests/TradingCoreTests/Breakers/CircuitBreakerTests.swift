import Testing
import TradingCore

@Suite struct CircuitBreakerTests {
    private enum Situation: String, CaseIterable {
        case closed, closedAfterTwo, resting, rested, probing

        /// A breaker in this situation at second 100.
        var breaker: CircuitBreaker {
            var breaker = CircuitBreaker()
            let failures: (count: Int, second: Int) =
                switch self {
                case .closed: (0, 0)
                case .closedAfterTwo: (2, 90)
                case .resting: (3, 70)
                case .rested, .probing: (3, 40)
                }
            for _ in 0..<failures.count { breaker.failed(.transient, now: .seconds(failures.second)) }
            if self == .probing { _ = breaker.request(now: .seconds(100)) }
            return breaker
        }
    }

    /// What each event does at second 100: the answer to a request, and the state afterwards.
    private static let table = """
        closed         request       closed allowed
        closed         succeeded     closed
        closed         transient     closed
        closed         loginExpired  open
        closedAfterTwo request       closed allowed
        closedAfterTwo succeeded     closed
        closedAfterTwo transient     open
        closedAfterTwo loginExpired  open
        resting        request       open refused(30)
        resting        succeeded     open
        resting        transient     open
        resting        loginExpired  open
        rested         request       half_open probe
        rested         succeeded     open
        rested         transient     open
        rested         loginExpired  open
        probing        request       half_open refused(60)
        probing        succeeded     closed
        probing        transient     open
        probing        loginExpired  open
        """

    private static func words(_ situation: Situation, _ event: String) -> [String] {
        var breaker = situation.breaker
        var answer: [String] = []
        switch event {
        case "request":
            switch breaker.request(now: .seconds(100)) {
            case .allowed: answer = ["allowed"]
            case .probe: answer = ["probe"]
            case .refused(let retryAfter): answer = ["refused(\(retryAfter.components.seconds))"]
            }
        case "succeeded": breaker.succeeded()
        case "transient": breaker.failed(.transient, now: .seconds(100))
        default: breaker.failed(.loginExpired, now: .seconds(100))
        }
        return [situation.rawValue, event, breaker.state.rawValue] + answer
    }

    @Test func `every situation and event step as the table says`() {
        let rows = Self.table.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let steps = Situation.allCases.flatMap { situation in
            ["request", "succeeded", "transient", "loginExpired"].map { Self.words(situation, $0) }
        }
        for (step, row) in zip(steps, rows) { #expect(step == row) }
        #expect(steps.count == rows.count)
    }

    @Test func `only consecutive failures open it`() {
        var breaker = CircuitBreaker()
        for _ in 0..<10 {
            breaker.failed(.transient, now: .zero)
            breaker.failed(.transient, now: .zero)
            #expect(breaker.state == .closed)
            breaker.succeeded()
        }
        for failures in 1...3 {
            breaker.failed(.transient, now: .zero)
            #expect(breaker.state == (failures < 3 ? .closed : .open))
        }
    }

    @Test func `rests for the set time to the attosecond, then lets one probe through`() {
        var breaker = CircuitBreaker()
        for second in 1...3 { breaker.failed(.transient, now: .seconds(second)) }
        let end = Duration.seconds(63)
        let instant = Duration(secondsComponent: 0, attosecondsComponent: 1)
        #expect(breaker.request(now: .seconds(3)) == .refused(retryAfter: .seconds(60)))
        #expect(breaker.request(now: end - instant) == .refused(retryAfter: instant))
        #expect(breaker.state == .open)
        #expect(breaker.request(now: end) == .probe)
        for second in 63..<200 { #expect(breaker.request(now: .seconds(second)) != .probe) }
        breaker.failed(.transient, now: .seconds(200))
        #expect(breaker.request(now: .seconds(259)) == .refused(retryAfter: .seconds(1)))
        #expect(breaker.request(now: .seconds(260)) == .probe)
        breaker.succeeded()
        #expect(breaker.request(now: .seconds(260)) == .allowed)
        // The old failures are forgotten.
        breaker.failed(.transient, now: .seconds(261))
        breaker.failed(.transient, now: .seconds(261))
        #expect(breaker.state == .closed)
    }

    @Test func `late failures of calls made before it opened do not prolong the rest`() {
        var breaker = CircuitBreaker()
        for _ in 0..<3 { breaker.failed(.transient, now: .zero) }
        for second in 1..<60 { breaker.failed(.transient, now: .seconds(second)) }
        #expect(breaker.request(now: .seconds(60)) == .probe)
    }

    @Test func `a dead login starts the rest anew from every situation`() {
        for situation in Situation.allCases {
            var breaker = situation.breaker
            breaker.failed(.loginExpired, now: .seconds(100))
            #expect(breaker.request(now: .seconds(159)) == .refused(retryAfter: .seconds(1)), "\(situation)")
            #expect(breaker.request(now: .seconds(160)) == .probe, "\(situation)")
        }
    }

    @Test func `a probe that was not made leaves its place to the next call, and nothing else behind`() {
        var breaker = CircuitBreaker()
        breaker.withdrawn(now: .zero)
        #expect(breaker == CircuitBreaker())
        for _ in 0..<3 { breaker.failed(.transient, now: .zero) }
        #expect(breaker.openUntil == .seconds(60))
        breaker.withdrawn(now: .seconds(1))
        #expect(breaker.openUntil == .seconds(60), "nothing was allowed that could have been withdrawn")
        #expect(breaker.request(now: .seconds(60)) == .probe)
        #expect(breaker.openUntil == nil)
        breaker.withdrawn(now: .seconds(61))
        #expect(breaker.state == .open)
        #expect(breaker.request(now: .seconds(61)) == .probe)
        breaker.succeeded()
        #expect(breaker.state == .closed)
    }

    @Test func `what somebody else has found out opens it in every situation, and never for less than before`() {
        for situation in Situation.allCases {
            var breaker = situation.breaker
            breaker.open(until: .seconds(1000))
            breaker.open(until: .seconds(900))
            #expect(breaker.request(now: .seconds(999)) == .refused(retryAfter: .seconds(1)), "\(situation)")
            #expect(breaker.request(now: .seconds(1000)) == .probe, "\(situation)")
        }
    }

    @Test func `threshold and rest are settings`() {
        var settings = BreakerSettings()
        #expect(settings.failureThreshold == 3)
        #expect(settings.openFor == .seconds(60))
        settings.failureThreshold = 1
        settings.openFor = .milliseconds(5)
        var breaker = CircuitBreaker(settings: settings)
        breaker.failed(.transient, now: .seconds(1))
        #expect(breaker.request(now: .seconds(1)) == .refused(retryAfter: .milliseconds(5)))
        #expect(breaker.request(now: .milliseconds(1005)) == .probe)
    }
}
