@preconcurrency import Glibc
import TradeControl

/// Processes that pass messages on. They end with their Redis, or before.
struct Relays {
    private let children: [ChildProcess]

    init(program: String, arguments: [[String]], logFile: String) throws {
        self.children = try arguments.map { arguments in
            try ChildProcess(
                program: program,
                arguments: arguments,
                environment: Self.environment,
                logFile: logFile
            )
        }
    }

    func stop() throws {
        for child in self.children { child.send(SIGKILL) }
        for child in self.children {
            try wait(for: "process \(child.pid) to end", every: .milliseconds(1)) { child.checkForEnd() != nil }
        }
    }

    /// Runs a program to its end. Returns whether it succeeded.
    static func succeeds(_ program: String, _ arguments: [String], logFile: String) throws -> Bool {
        let child = try ChildProcess(
            program: program,
            arguments: arguments,
            environment: Self.environment,
            logFile: logFile
        )
        var end: ChildProcess.End?
        do {
            try wait(for: "\(arguments.first ?? program)", upTo: .seconds(60), every: .milliseconds(5)) {
                end = child.checkForEnd()
                return end != nil
            }
        } catch {
            child.send(SIGKILL)
        }
        return end == .exit(code: 0)
    }

    /// What this process was started with.
    static let environment: [String: String] = {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            next = next.successor()
        }
        return variables
    }()
}

/// A Python that has redis-py.
enum PythonEnvironment {
    /// The arguments for /usr/bin/env that start it; nil if there is none and none could be made in `folder`.
    static func command(folder: String, logFile: String) throws -> [String]? {
        let own = "\(folder)/bin/python3"
        for python in ["python3", own] where try Self.hasRedis(python, logFile) { return [python] }
        let isMade = try Relays.succeeds(
            "/usr/bin/env",
            ["python3", "-m", "venv", folder],
            logFile: logFile
        )
        guard isMade else { return nil }
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "redis"]
        guard try Relays.succeeds("/usr/bin/env", [own] + install, logFile: logFile) else { return nil }
        return try Self.hasRedis(own, logFile) ? [own] : nil
    }

    private static func hasRedis(_ python: String, _ logFile: String) throws -> Bool {
        try Relays.succeeds("/usr/bin/env", [python, "-c", "import redis"], logFile: logFile)
    }
}
