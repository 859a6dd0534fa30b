import AgentRuntime
import Testing

@Suite struct StopSignalTests {
    @Test func `a wait takes its time when nobody stops it`() {
        let start = ContinuousClock.now
        #expect(!StopSignal().wait(for: .milliseconds(30)))
        #expect(start.duration(to: .now) >= .milliseconds(30))
    }

    @Test func `a stop ends every wait at once, and those that come later`() async throws {
        let stop = StopSignal()
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    try await DedicatedThread.run { #expect(stop.wait(for: .seconds(600), beating: Heartbeat())) }
                }
            }
            stop.give()
            try await group.waitForAll()
        }
        #expect(stop.wait(for: .seconds(600)))
        #expect(start.duration(to: .now) < .seconds(500))
    }

    @Test func `a thread that waits long still shows that it lives`() {
        let stop = StopSignal()
        let beats = Tally()
        let heartbeat = Heartbeat {
            beats.increment()
            return .now
        }
        #expect(!stop.wait(for: .milliseconds(2100), beating: heartbeat))
        // Being made counts as one; then one at the beginning, after one and two seconds, and at the end.
        #expect(beats.count >= 5)
    }

    @Test func `listeners hear of a stop once, late ones at once`() {
        let stop = StopSignal()
        let heard = Tally()
        stop.onStop { heard.increment() }
        stop.give()
        stop.give()
        #expect(heard.count == 1)
        stop.onStop { heard.increment() }
        #expect(heard.count == 2)
        #expect(stop.isGiven)
    }
}
