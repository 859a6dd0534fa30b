import Glibc
import TradingCore

/// The folder in which a replay keeps all it writes. One replay at a time has it.
package final class RunDirectory {
    /// The reports' names without their extensions: of a run whose books agree, and of one whose books do not.
    package static let report = "report"
    package static let disputedReport = "report.disputed"

    /// From the root.
    package let path: String
    private let lock: Int32

    /// Makes the folder if need be and takes it for this process.
    ///
    /// - Throws: `CommandFailure` if another replay that still runs has it.
    package init(_ path: String) throws(CommandFailure) {
        try FileSystem.makeFolder(path)
        self.path = try FileSystem.absolute(path)
        self.lock = open(self.path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard self.lock >= 0, flock(self.lock, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = self.lock >= 0
            if isTaken { close(self.lock) }
            throw CommandFailure(
                .failed,
                isTaken
                    ? "Another replay is running in \(self.path): wait for its end, stop it, or give this one a "
                        + "folder of its own with RUN_DIRECTORY (--run-directory)."
                    : "\(self.path) cannot be written to: check its permissions."
            )
        }
    }

    deinit { close(self.lock) }

    package var redisData: String { self.path + "/redis" }
    package var simulatorPorts: String { self.path + "/broker-simulator.ports" }
    package var schwabLogin: String { self.path + "/schwab-login.json" }
    package var logs: String { self.path + "/logs" }
    package func log(_ name: String) -> String { "\(self.logs)/\(name).log" }
    package func pidFile(_ name: String) -> String { "\(self.path)/\(name).pid" }
    /// Where the process is spoken to: Redis at its own port, an agent at its health server's.
    package func address(_ name: String) -> String { "\(self.path)/\(name).url" }

    /// Ends the processes that a former run has left behind and removes its files.
    package func clear() throws(CommandFailure) {
        self.stopLeftovers()
        self.forgetProcesses()
        let reports = [Self.report, Self.disputedReport].flatMap {
            ["\(self.path)/\($0).json", "\(self.path)/\($0).html"]
        }
        for file in reports + [self.redisData, self.logs] { FileSystem.remove(file) }
        try FileSystem.makeFolder(self.logs)
    }

    /// Removes the pid files and the addresses of processes that have ended.
    package func forgetProcesses() {
        for name in FileSystem.names(in: self.path) where name.hasSuffix(".pid") || name.hasSuffix(".url") {
            FileSystem.remove("\(self.path)/\(name)")
        }
        for path in [self.simulatorPorts, self.schwabLogin, self.schwabLogin + ".lock"] { FileSystem.remove(path) }
    }

    private func stopLeftovers() {
        var leftovers = FileSystem.names(in: self.path).filter { $0.hasSuffix(".pid") }.compactMap(self.livePID)
        for pid in leftovers { kill(pid, SIGTERM) }
        let deadline = ContinuousClock.now + .seconds(5)
        var isKilled = false
        while true {
            leftovers.removeAll { kill($0, 0) != 0 || Self.isZombie($0) }
            if leftovers.isEmpty { return }
            if !isKilled, ContinuousClock.now > deadline {
                isKilled = true
                for pid in leftovers { kill(pid, SIGKILL) }
            }
            poll(nil, 0, 10)
        }
    }

    /// Nil if the process has ended. A pid may have gone to somebody else since, so the process has to be one of ours.
    private func livePID(_ pidFile: String) -> pid_t? {
        guard let text = FileSystem.text(of: "\(self.path)/\(pidFile)"),
            let pid = pid_t(text.filter { !$0.isWhitespace }), pid > 1,
            let command = FileSystem.text(of: "/proc/\(pid)/cmdline"),
            let program = command.split(whereSeparator: { $0 == "\0" || $0 == " " }).first?.split(separator: "/").last
        else { return nil }
        if program == ReplayProcesses.storeName {
            // Somebody else may well run a redis-server; ours works in the run's folder.
            return (try? FileSystem.absolute("/proc/\(pid)/cwd")) == self.redisData ? pid : nil
        }
        let ours = AgentName.allCases.map(\.rawValue) + [ReplayProcesses.simulatorName]
        return ours.contains(String(program)) && pidFile.hasPrefix(program) ? pid : nil
    }

    private static func isZombie(_ pid: pid_t) -> Bool {
        guard let status = FileSystem.text(of: "/proc/\(pid)/stat"), let name = status.lastIndex(of: ")") else {
            return true
        }
        return status[name...].dropFirst(2).first == "Z"
    }
}
