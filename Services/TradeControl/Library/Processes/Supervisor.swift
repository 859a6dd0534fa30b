import Glibc

/// Starts processes, starts those again that end, and ends them all. For one thread, whose calls to `tend()` are what
/// keeps it going.
package final class Supervisor {
    package struct Task: Hashable, Sendable {
        package enum Role: Hashable, Sendable {
            /// Started again whenever it ends, except for a refused configuration.
            case agent
            /// Started again whenever it ends; outlives the others when all are stopped.
            case store
            /// Its end is the end of all.
            case essential
        }

        /// Unique among the supervisor's tasks.
        package var name: String
        package var role: Role
        package var program: String
        package var arguments: [String]
        package var environment: [String: String]
        package var logFile: String
        package var pidFile: String

        package init(
            name: String,
            role: Role,
            program: String,
            arguments: [String] = [],
            environment: [String: String],
            logFile: String,
            pidFile: String
        ) {
            self.name = name
            self.role = role
            self.program = program
            self.arguments = arguments
            self.environment = environment
            self.logFile = logFile
            self.pidFile = pidFile
        }
    }

    package struct Status: Hashable, Sendable {
        package var name: String
        package var role: Task.Role
        package var pid: Int32
        package var restarts: Int
        /// Since the last start.
        package var age: Duration
    }

    private struct Entry {
        let task: Task
        var child: ChildProcess
        var startedAt: ContinuousClock.Instant
        /// Where in the log the output of this start begins.
        var logStart: Int
        var restarts = 0
        /// How often in a row the program has ended by itself soon after its start.
        var earlyEnds = 0
    }

    private static let earlyEnd: Duration = .seconds(2)
    private static let earlyEndsAllowed = 10

    private var entries: [Entry] = []

    package init() {}

    package func start(_ task: Task) throws(CommandFailure) {
        self.entries.append(try Self.start(task))
    }

    /// Starts again what has ended since the last call.
    ///
    /// - Throws: `CommandFailure` when an essential process has ended, when an agent has refused its configuration, and
    ///   when one has ended by itself ten times in a row within 2 s of its start.
    package func tend() throws(CommandFailure) {
        for index in self.entries.indices {
            guard let end = self.entries[index].child.checkForEnd() else { continue }
            let ended = self.entries[index]
            self.entries.remove(at: index)
            try Self.checkRestart(of: ended, after: end)
            var next = try Self.start(ended.task)
            next.restarts = ended.restarts + 1
            next.earlyEnds = Self.isEarly(ended, end) ? ended.earlyEnds + 1 : 0
            self.entries.insert(next, at: index)
        }
    }

    package var statuses: [Status] {
        let now = ContinuousClock.now
        return self.entries.map { entry in
            Status(
                name: entry.task.name,
                role: entry.task.role,
                pid: entry.child.pid,
                restarts: entry.restarts,
                age: now - entry.startedAt
            )
        }
    }

    /// How often processes of that role have been started again.
    package func restarts(of role: Task.Role) -> Int {
        self.entries.reduce(0) { $0 + ($1.task.role == role ? $1.restarts : 0) }
    }

    /// Ends that agent as a crash would; the next `tend()` starts it again.
    package func killAgent(at index: Int) {
        let agents = self.entries.filter { $0.task.role == .agent }
        agents[index % agents.count].child.send(SIGKILL)
    }

    package var agentCount: Int { self.entries.count { $0.task.role == .agent } }

    /// Ends everything: the store after the others. Each has 5 s after SIGTERM.
    package func stopAll() {
        self.stop { $0 != .store }
        self.stop { $0 == .store }
    }

    private func stop(_ isMeant: (Task.Role) -> Bool) {
        var running = self.entries.filter { isMeant($0.task.role) }
        self.entries.removeAll { isMeant($0.task.role) }
        for entry in running { entry.child.send(SIGTERM) }
        let deadline = ContinuousClock.now + .seconds(5)
        var isKilled = false
        while true {
            running.removeAll { entry in
                guard entry.child.checkForEnd() != nil else { return false }
                unlink(entry.task.pidFile)
                return true
            }
            if running.isEmpty { return }
            if !isKilled, ContinuousClock.now > deadline {
                isKilled = true
                for entry in running { entry.child.send(SIGKILL) }
            }
            poll(nil, 0, 5)
        }
    }

    private static func start(_ task: Task) throws(CommandFailure) -> Entry {
        let logStart = FileSystem.size(of: task.logFile)
        let child = try ChildProcess(
            program: task.program,
            arguments: task.arguments,
            environment: task.environment,
            logFile: task.logFile
        )
        let entry = Entry(task: task, child: child, startedAt: .now, logStart: logStart)
        do {
            try FileSystem.replace(task.pidFile, with: "\(child.pid)\n")
        } catch {
            child.send(SIGKILL)
            throw error
        }
        return entry
    }

    private static func checkRestart(of entry: Entry, after end: ChildProcess.End) throws(CommandFailure) {
        let name = entry.task.name
        if end == .exit(code: CommandFailure.Code.badConfiguration.rawValue) {
            throw CommandFailure(.badConfiguration, "\(name) refused its configuration.\(Self.lastWords(of: entry))")
        }
        if entry.task.role == .essential {
            throw CommandFailure(.failed, "\(name) ended with \(end), and with it the run.\(Self.lastWords(of: entry))")
        }
        if Self.isEarly(entry, end), entry.earlyEnds + 1 >= Self.earlyEndsAllowed {
            throw CommandFailure(
                .failed,
                "\(name) ended \(Self.earlyEndsAllowed) times in a row within 2 s of its start, the last time with "
                    + "\(end).\(Self.lastWords(of: entry))"
            )
        }
    }

    /// SIGKILL comes from outside and says nothing about the program.
    private static func isEarly(_ entry: Entry, _ end: ChildProcess.End) -> Bool {
        end != .signal(SIGKILL) && ContinuousClock.now - entry.startedAt < Self.earlyEnd
    }

    private static func lastWords(of entry: Entry) -> String {
        let text = FileSystem.text(of: entry.task.logFile, from: entry.logStart) ?? ""
        let lines = text.split(separator: "\n").suffix(20)
        return lines.isEmpty
            ? " It wrote nothing to \(entry.task.logFile)."
            : " The end of \(entry.task.logFile):\n" + lines.map { "    \($0)" }.joined(separator: "\n")
    }
}
