import Testing
import TradeControl
import TradingCore

@Suite("Progress of a replay")
struct ReplayProgressTests {
    private func progress() throws -> ReplayProgress {
        let fixture = try LedgerFixture()
        var progress = ReplayProgress()
        progress.status = SimulatorStatus(
            time: try LedgerFixture.time("2009-02-12T21:00:00Z"),
            session: 3,
            sessions: 4,
            ticks: 12,
            isFinished: false
        )
        progress.account = fixture.account
        progress.elapsed = .seconds(7)
        return progress
    }

    @Test("One of a thing is not several")
    func grammar() throws {
        #expect(
            try self.progress().line
                == "7 s:  2009-02-12  session 3/4  1 open trade  cash 9,031.75  equity 9,961.75"
        )
    }

    @Test("A block leaves the cursor its line and the screen's edge its column, whatever the size")
    func block() throws {
        let progress = try self.progress()
        let whole = progress.block(width: 80, height: 24)
        #expect(whole.count == 3)
        for height in 2...4 {
            #expect(progress.block(width: 80, height: height) == Array(whole.prefix(height - 1)))
        }
        for width in [2, 10, 40] {
            #expect(progress.block(width: width, height: 24).allSatisfy { $0.count < width })
        }
    }
}
