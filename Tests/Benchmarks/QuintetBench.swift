import ArgumentParser
import Glibc
import MessageBus
import TestSupport
import TradeControl
import TradingCore

/// Measures the whole and its parts on the machine it runs on. To be started from the repository's root.
@main
struct QuintetBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quintet-bench",
        abstract: "Measures latency, memory and restart time of the agents, and what the core costs.",
        discussion: "Prints a table and writes bench.json to the run directory. Start it in the repository's root."
    )

    @Option(help: "The folder with the programs; by default the one quintet-bench is in.")
    var binaries: String?

    @Option(help: "The folder for bench.json, logs and the Python environment.")
    var runDirectory = ".run"

    @Option(help: "How often each chain is passed.")
    var passes = 2000

    private static let bars = "Services/BrokerSimulator/SampleBars"
    private static let pythonRelay = "Tests/Benchmarks/Relays/python_relay.py"

    func run() throws {
        let started = ContinuousClock.now
        let directory = try RunDirectory("\(self.runDirectory)/bench")
        try directory.clear()
        var core = try CoreBenchmark()
        Self.progress("codec and state machines")
        var figures = try core.run()
        var skipped: [String] = []
        do {
            try self.measureProcesses(directory, &figures, &skipped)
        } catch let error as CommandFailure {
            throw BenchmarkFailure("\(error)")
        }
        let command = CommandLine.arguments.joined(separator: " ")
        for index in figures.indices { figures[index].command = command }
        let report = BenchReport(
            command: command,
            elapsed: ContinuousClock.now - started,
            figures: figures,
            skipped: skipped
        )
        try Files.write(JSONWriter.text(report) + "\n", to: "\(self.runDirectory)/bench.json")
        print(report.table)
    }

    private func measureProcesses(
        _ directory: RunDirectory,
        _ figures: inout [Figure],
        _ skipped: inout [String]
    ) throws {
        let folder = try self.binaries ?? Self.ownFolder()
        let settings = try ReplaySettings(
            barsPath: Self.bars,
            cash: Money(10_000),
            runDirectory: self.runDirectory,
            binaries: folder,
            environment: Relays.environment
        )
        try ReplayProcesses.checkPrograms(settings)
        Self.progress("Python with redis-py")
        let python = try PythonEnvironment.command(
            folder: "\(self.runDirectory)/bench-venv",
            logFile: directory.log("python")
        )
        if python == nil {
            skipped.append("the chain through Python: there is no python3 with redis-py, and none could be installed")
        }

        Self.progress("starting redis-server, broker-simulator and agents")
        let redis = try RedisServer(appendOnly: true, tls: ServerTLS(try TestCertificates()))
        defer { redis.stop() }
        let plain = RedisEndpoint(address: .tcp(host: "127.0.0.1", port: redis.port))
        let bus = RedisMessageBus(endpoint: plain)
        var agents: [MeasuredAgents] = []
        defer { for agents in agents { agents.fleet.stop() } }
        for variant in MeasuredAgents.Variant.allCases {
            agents.append(try MeasuredAgents(variant, settings, redis: redis, folder: directory.path))
        }

        Self.progress("signal → order")
        figures += try self.measureChains(plain, redis.port, bus, agents, python, folder, directory)

        guard let usual = agents.first(where: { $0.variant == .usual }) else { return }
        Self.progress("memory")
        try Self.askForStatus(bus, times: 500)
        try usual.chain.settle()
        rest(.milliseconds(900))
        figures += try usual.fleet.measureMemory()

        Self.progress("restarts")
        figures += try usual.fleet.measureRestarts(rounds: 15)
        try Self.expectNoDeadLetters(bus)
    }

    private func measureChains(
        _ redis: RedisEndpoint,
        _ port: UInt16,
        _ bus: RedisMessageBus,
        _ agents: [MeasuredAgents],
        _ python: [String]?,
        _ folder: String,
        _ directory: RunDirectory
    ) throws -> [Figure] {
        let cRelays = try Relays(
            program: "\(folder)/quintet-c-relay",
            arguments: CRelayChain.arguments(port: port),
            logFile: directory.log("c-relay")
        )
        let pythonRelays = try python.map { python in
            try Relays(
                program: "/usr/bin/env",
                arguments: PythonRelayChain.arguments(port: port).map { python + [Self.pythonRelay] + $0 },
                logFile: directory.log("python")
            )
        }
        var benchmark = try LatencyBenchmark(
            redis,
            agents: agents,
            cRelays: try CRelayChain(redis, bus: bus),
            pythonRelays: pythonRelays == nil ? nil : try PythonRelayChain(redis),
            passes: self.passes
        )
        try benchmark.warmUp()
        let before = try agents.map { try $0.fleet.residentMemory() }
        var figures = try benchmark.run()
        try cRelays.stop()
        try pythonRelays?.stop()
        for (agents, before) in zip(agents, before) where agents.variant != .untraced {
            figures.append(
                Figure(
                    name: "growth_\(agents.variant.rawValue)",
                    title: "\(agents.variant.title): resident memory of all, gained",
                    value: max(try agents.fleet.residentMemory() - before, 0),
                    unit: "MiB",
                    sampleCount: self.passes
                )
            )
        }
        return figures
    }

    /// Gives the market data agent, which no chain passes through, something to do.
    private static func askForStatus(_ bus: RedisMessageBus, times: Int) throws {
        for number in 0..<times {
            let request = Speaker(.strategy).say(
                .statusRequested(StatusRequest()),
                at: Timestamp(seconds: 1_230_908_400),
                about: "benchmark \(number)"
            )
            var commit = Commit()
            commit.messages = [
                OutboundMessage(
                    stream: request.event.stream,
                    channel: request.event.rawValue,
                    body: request.encoded()
                )
            ]
            _ = try bus.commit(commit)
        }
    }

    /// A message set aside would have been measured as handled.
    private static func expectNoDeadLetters(_ bus: RedisMessageBus) throws {
        guard let letter = try bus.tail(of: .deadLetter, limit: 1).first else { return }
        throw BenchmarkFailure("a message was set aside: \(String(decoding: letter.body, as: UTF8.self))")
    }

    private static func ownFolder() throws -> String {
        guard let path = realpath("/proc/self/exe", nil) else {
            throw BenchmarkFailure("this program's folder is not known: name it with --binaries")
        }
        defer { free(path) }
        let program = String(cString: path)
        return String(program[..<(program.lastIndex(of: "/") ?? program.startIndex)])
    }

    private static func progress(_ text: String) {
        let line = Array("quintet-bench: \(text)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}

/// All that was measured.
struct BenchReport: JSONEncodable {
    let command: String
    let elapsed: Duration
    let figures: [Figure]
    let skipped: [String]

    private var cores: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("command", self.command)
            $0.field("cores", self.cores)
            $0.field("seconds", Decimal(self.elapsed.nanoseconds / 1e9))
            $0.field("figures", self.figures)
            $0.field("skipped", self.skipped)
        }
    }

    var table: String {
        let seconds = Decimal(self.elapsed.nanoseconds / 1e9).text
        let lines =
            ["\(self.command): \(self.cores) cores, \(seconds) s, medians unless said otherwise"]
            + self.figures.map(\.line) + self.skipped.map { "  skipped: \($0)" }
        return lines.joined(separator: "\n")
    }
}
