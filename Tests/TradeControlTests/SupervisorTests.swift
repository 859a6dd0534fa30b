import Glibc
import TestSupport
import Testing
import TradeControl

@Suite("Keeping processes going", .serialized)
struct SupervisorTests {
    let folder: TemporaryFolder
    let supervisor = Supervisor()

    init() throws {
        self.folder = try TemporaryFolder()
    }

    private func task(_ name: String, _ script: String, role: Supervisor.Task.Role = .agent) throws -> Supervisor.Task {
        Supervisor.Task(
            name: name,
            role: role,
            program: try self.folder.writeScript(script, to: name),
            environment: ["PATH": "/usr/bin:/bin", "GREETING": "hello"],
            logFile: "\(self.folder.path)/\(name).log",
            pidFile: "\(self.folder.path)/\(name).pid"
        )
    }

    @Test("A killed agent is started again under a new pid that its pid file holds")
    func restart() throws {
        defer { self.supervisor.stopAll() }
        try self.supervisor.start(try self.task("agent", "echo $GREETING; exec sleep 600"))
        let first = try #require(self.folder.pid("agent.pid"))
        #expect(isRunning(first))
        // Killed before it has spoken, it would greet once only.
        #expect(eventually { self.folder.text("agent.log") == "hello\n" })
        kill(first, SIGKILL)
        #expect(
            try eventually {
                try self.supervisor.tend()
                return self.folder.pid("agent.pid") != first
            }
        )
        let second = try #require(self.folder.pid("agent.pid"))
        #expect(isRunning(second))
        #expect(self.supervisor.statuses.map(\.pid) == [second])
        #expect(self.supervisor.restarts(of: .agent) == 1)
        #expect(eventually { self.folder.text("agent.log") == "hello\nhello\n" })
    }

    @Test("However often it is killed from outside, an agent is started again")
    func manyKills() throws {
        defer { self.supervisor.stopAll() }
        try self.supervisor.start(try self.task("agent", "exec sleep 600"))
        for count in 1...15 {
            self.supervisor.killAgent(at: count)
            #expect(
                try eventually {
                    try self.supervisor.tend()
                    return self.supervisor.restarts(of: .agent) == count
                }
            )
        }
    }

    @Test("Ten ends soon after the start, in a row, end it with the log's last lines")
    func crashLoop() throws {
        defer { self.supervisor.stopAll() }
        try self.supervisor.start(try self.task("agent", "echo cannot go on >&2; exit 3"))
        let failure = try #require(throws: CommandFailure.self) {
            _ = try eventually {
                try self.supervisor.tend()
                return false
            }
        }
        #expect(failure.code == .failed)
        #expect(failure.description.contains("agent ended 10 times in a row within 2 s"))
        #expect(failure.description.contains("exit code 3"))
        #expect(failure.description.contains("cannot go on"))
        #expect(self.folder.text("agent.log")?.split(separator: "\n").count == 10)
    }

    @Test("A refused configuration ends it at once with what the agent said")
    func refusedConfiguration() throws {
        defer { self.supervisor.stopAll() }
        try self.supervisor.start(try self.task("agent", "echo RISK_DRAWDOWN: 7 is out of range; exit 78"))
        let failure = try #require(throws: CommandFailure.self) {
            _ = try eventually {
                try self.supervisor.tend()
                return false
            }
        }
        #expect(failure.code == .badConfiguration)
        #expect(failure.description.contains("RISK_DRAWDOWN: 7 is out of range"))
        #expect(self.folder.text("agent.log")?.split(separator: "\n").count == 1)
    }

    @Test("The end of an essential process is the end of all")
    func essential() throws {
        defer { self.supervisor.stopAll() }
        try self.supervisor.start(try self.task("simulator", "exit 0", role: .essential))
        let failure = try #require(throws: CommandFailure.self) {
            _ = try eventually {
                try self.supervisor.tend()
                return false
            }
        }
        #expect(failure.description.contains("simulator ended with exit code 0"))
    }

    @Test("Stopping ends also what does not listen to SIGTERM, and removes the pid files")
    func stop() throws {
        try self.supervisor.start(try self.task("store", "exec sleep 600", role: .store))
        try self.supervisor.start(try self.task("deaf", "trap '' TERM; echo ready; while :; do sleep 0.1; done"))
        try self.supervisor.start(try self.task("agent", "exec sleep 600"))
        let pids = self.supervisor.statuses.map(\.pid)
        // Before that it would still listen.
        #expect(eventually { self.folder.text("deaf.log") == "ready\n" })
        self.supervisor.stopAll()
        #expect(pids.count == 3)
        #expect(pids.allSatisfy { !isRunning($0) })
        #expect(["store", "deaf", "agent"].allSatisfy { self.folder.text("\($0).pid") == nil })
        #expect(self.supervisor.statuses == [])
    }
}
