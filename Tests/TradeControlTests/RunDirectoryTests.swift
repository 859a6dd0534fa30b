import Glibc
import TestSupport
import Testing
import TradeControl

@Suite("The run's folder", .serialized)
struct RunDirectoryTests {
    let folder: TemporaryFolder

    init() throws {
        self.folder = try TemporaryFolder()
    }

    /// A process that looks like `name` from outside, started by nobody the folder knows.
    private func start(_ name: String) throws -> TradeControl.ChildProcess {
        try TradeControl.ChildProcess(
            program: "/bin/bash",
            arguments: ["-c", "exec -a \(name) sleep 600"],
            environment: ["PATH": "/usr/bin:/bin"],
            logFile: "\(self.folder.path)/\(name).out"
        )
    }

    private func looksLike(_ name: String, _ pid: Int32) -> Bool {
        Files.text("/proc/\(pid)/cmdline")?.hasPrefix(name) == true
    }

    @Test("What a former run left behind is gone; what others keep there stays")
    func clear() throws {
        try self.folder.write("{}", to: "report.json")
        try self.folder.write("", to: "report.html")
        try self.folder.write("{}", to: "broker-simulator.ports")
        try self.folder.write("redis://127.0.0.1:1", to: "redis.url")
        try self.folder.write("{}", to: "bench.json")
        try self.folder.write("not a pid", to: "strategy-agent.pid")
        let directory = try RunDirectory(self.folder.path)
        try directory.clear()
        for name in ["report.json", "report.html", "broker-simulator.ports", "redis.url", "strategy-agent.pid"] {
            #expect(self.folder.text(name) == nil, "\(name)")
        }
        #expect(self.folder.text("bench.json") == "{}")
    }

    @Test("An agent left running is ended; a stranger who got the pid is not")
    func leftovers() throws {
        let agent = try self.start("strategy-agent")
        let stranger = try self.start("editor")
        let redis = try self.start("redis-server")
        defer {
            for child in [agent, stranger, redis] {
                child.send(SIGKILL)
                _ = eventually { child.checkForEnd() != nil }
            }
        }
        #expect(eventually { self.looksLike("strategy-agent", agent.pid) && self.looksLike("editor", stranger.pid) })
        #expect(eventually { self.looksLike("redis-server", redis.pid) })
        try self.folder.write("\(agent.pid)\n", to: "strategy-agent.pid")
        try self.folder.write("\(stranger.pid)\n", to: "risk-management-agent.pid")
        // It does not work in this folder, so it is somebody else's.
        try self.folder.write("\(redis.pid)\n", to: "redis.pid")
        try RunDirectory(self.folder.path).clear()
        #expect(!isRunning(agent.pid))
        #expect(isRunning(stranger.pid))
        #expect(isRunning(redis.pid))
    }

    @Test("Two replays cannot share a folder")
    func exclusive() throws {
        let first = try RunDirectory(self.folder.path)
        let failure = try #require(throws: CommandFailure.self) { try RunDirectory(self.folder.path) }
        #expect(failure.description.contains("Another replay is running in \(first.path)"))
    }
}
