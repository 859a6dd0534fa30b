import Glibc
import HTTPTransport
import MessageBus
import TestSupport
import Testing
import TradingCore

/// One run of `tradectl replay` with all the processes it starts, in a folder of its own.
///
/// Whatever of the run is left is killed when the last reference goes.
final class ReplayRunner: Sendable {
    struct Outcome {
        let end: ChildProgram.End
        /// What tradectl printed.
        let output: String
        /// Nil if the run wrote none.
        let report: RunReport?
    }

    let directory: String
    private let folder: TemporaryFolder
    private let output: String
    private let tradectl: ChildProgram

    /// - Parameters:
    ///   - bars: the folder of bars.
    ///   - options: further options of `tradectl replay`.
    ///   - environment: what configures the agents.
    init(bars: String, options: [String] = [], environment: [String: String] = [:]) throws {
        let binaries = try Programs.folder()
        self.folder = try TemporaryFolder()
        self.directory = self.folder.path + "/run"
        self.output = self.folder.path + "/output"
        self.tradectl = try ChildProgram(
            "\(binaries)/tradectl",
            ["replay", "--bars", bars, "--run-directory", self.directory, "--binaries", binaries] + options,
            environment: Programs.environment(environment),
            output: self.output
        )
    }

    deinit {
        self.tradectl.send(SIGKILL)
        for pid in self.processes { kill(pid, SIGKILL) }
    }

    /// Waits for the run's end. Throws if nothing comes of it in time or if it leaves a process behind.
    func finish(within limit: Duration = .seconds(120)) async throws -> Outcome {
        let end: ChildProgram.End
        do {
            end = try await self.tradectl.ended(within: limit)
        } catch {
            throw TestFailure("\(error) tradectl has printed:\n\(self.printed.suffix(2000))")
        }
        let left = self.processes
        guard left.isEmpty else { throw TestFailure("The run has left the processes \(left).") }
        let report = try Files.text("\(self.directory)/report.json").map(RunReport.init)
        return Outcome(end: end, output: self.printed, report: report)
    }

    /// The report of a run that is to end well.
    func report(within limit: Duration = .seconds(120)) async throws -> RunReport {
        let outcome = try await self.finish(within: limit)
        let printed = outcome.output.suffix(2000)
        try #require(outcome.end == .exit(0), "tradectl ended with \(outcome.end) and printed:\n\(printed)")
        return try #require(outcome.report, "there is no report.json")
    }

    var isRunning: Bool { self.tradectl.checkForEnd() == nil }

    func send(_ signal: Int32) { self.tradectl.send(signal) }

    /// Every process whose output goes into the run's logs.
    var processes: [pid_t] {
        Files.names(in: "/proc").compactMap { pid_t($0) }.filter { pid in
            Files.link("/proc/\(pid)/fd/1")?.hasPrefix(self.directory + "/logs/") ?? false
        }
    }

    /// Of `<run>/<name>.pid`; nil while there is none.
    func pid(of name: String) -> pid_t? {
        Files.text("\(self.directory)/\(name).pid").flatMap { pid_t($0.filter(\.isNumber)) }
    }

    /// How often each fault that was ordered has struck, as the simulator told at its end.
    var strikes: [Int] {
        (Files.text("\(self.directory)/logs/broker-simulator.log") ?? "").split(separator: "\n").compactMap { line in
            guard case .string(let count)? = try? JSONValue(parsing: Array(line.utf8))["metadata"]?["fault.strikes"]
            else {
                return nil
            }
            return Int(count)
        }
    }

    // MARK: Looking in while it runs

    /// How many ticks of all symbols the simulator has replayed; nil while it does not answer.
    var ticks: Int? {
        guard let ports = Files.text("\(self.directory)/broker-simulator.ports"),
            case .number(let port)? = try? JSONValue(parsing: Array(ports.utf8))["control_port"],
            let response = Self.get("http://127.0.0.1:\(port)/status"),
            case .number(let ticks)? = try? JSONValue(parsing: response.body)["ticks"]
        else { return nil }
        return Int(ticks)
    }

    /// Waits until the replay is that far. Throws if the run ends before.
    func reaches(ticks: Int) async throws {
        _ = try await awaited("tick \(ticks) of the replay", within: .seconds(60)) {
            guard self.isRunning else {
                throw TestFailure("The run has ended before tick \(ticks):\n\(self.printed.suffix(2000))")
            }
            return self.ticks.flatMap { $0 >= ticks ? true : nil }
        }
    }

    /// Sends a signal to the process of that name and waits until another has taken its place. Returns how long the
    /// first took to end.
    @discardableResult
    func replace(_ name: String, with signal: Int32) async throws -> Duration {
        let old = try await awaited("\(name).pid") { self.pid(of: name) }
        let start = ContinuousClock.now
        kill(old, signal)
        // Started again means ended: the supervisor starts the next when it has seen the end of the last.
        _ = try await awaited("another \(name)") { self.pid(of: name).flatMap { $0 == old ? nil : $0 } }
        return ContinuousClock.now - start
    }

    func connectToRedis() async throws -> RedisConnection {
        try RedisConnection(to: try RedisEndpoint(url: try await self.address(of: "redis")))
    }

    /// What `<run>/<name>.url` says: where a process of the run is spoken to.
    func address(of name: String) async throws -> String {
        try await awaited("\(name).url") {
            Files.text("\(self.directory)/\(name).url").map { String($0.prefix { $0 != "\n" }) }
        }
    }

    /// Nil if nobody answers.
    static func get(_ url: String) -> HTTPResponse? {
        let request = HTTPRequest(method: .get, url: url, connectTimeout: .seconds(1), totalTimeout: .seconds(2))
        return try? CurlHTTPClient().perform(request)
    }

    var printed: String { Files.text(self.output) ?? "" }
}
