import Glibc
import HTTPTransport
import MessageBus
import TestSupport
import TradeControl
import TradingCore

import struct TradeControl.ChildProcess

/// The five agents' processes and a simulated broker that has no money to lend: it refuses every order.
///
/// Belongs to the main thread.
final class AgentFleet {
    private struct Member {
        let agent: AgentName
        let task: Supervisor.Task
        var child: ChildProcess
    }

    private var members: [Member] = []
    private var simulator: ChildProcess?
    private let client = CurlHTTPClient()

    /// Starts them all, in a namespace of their own and with these settings beside the usual ones, and waits until they
    /// are ready.
    init(
        _ processes: ReplayProcesses,
        directory: RunDirectory,
        namespace: String,
        settings: [String: String]
    ) throws {
        let settings = settings.merging(["QUINTET_NAMESPACE": namespace]) { $1 }
        var simulator = processes.simulator()
        simulator.environment["CASH"] = "1"
        simulator.environment.merge(settings) { $1 }
        self.simulator = try ChildProcess(simulator)
        do {
            try self.startAgents(processes, settings, simulatorPort: try Self.simulatorPort(directory))
        } catch {
            self.stop()
            throw error
        }
    }

    private func startAgents(
        _ processes: ReplayProcesses,
        _ settings: [String: String],
        simulatorPort: UInt16
    ) throws {
        var ports = LoopbackPorts()
        for var task in try processes.agents(simulatorPort: simulatorPort, ports: &ports) {
            guard let agent = AgentName(rawValue: String(task.name.dropLast(2))) else { continue }
            // The replay waits for a client that watches all symbols: its market time stands still.
            task.environment["SYMBOLS"] = "AAPL"
            task.environment.merge(settings) { $1 }
            self.members.append(Member(agent: agent, task: task, child: try ChildProcess(task)))
        }
        for index in self.members.indices { try self.awaitReady(index) }
    }

    private static func simulatorPort(_ directory: RunDirectory) throws -> UInt16 {
        var port: UInt16 = 0
        try wait(for: "broker-simulator to open its ports", every: .milliseconds(10)) {
            guard let text = Files.text(directory.simulatorPorts) else { return false }
            port = try SimulatorPorts(json: try JSONValue(parsing: Array(text.utf8))).broker
            return true
        }
        return port
    }

    /// Ends them all.
    func stop() {
        for member in self.members { member.child.send(SIGTERM) }
        self.simulator?.send(SIGTERM)
        let children = self.members.map(\.child) + [self.simulator].compactMap(\.self)
        for child in children {
            do {
                try wait(for: "process \(child.pid) to end", upTo: .seconds(8), every: .milliseconds(2)) {
                    child.checkForEnd() != nil
                }
            } catch {
                child.send(SIGKILL)
            }
        }
        self.members = []
        self.simulator = nil
    }

    /// Kills each agent `rounds` times, and measures from its start to its readiness.
    func measureRestarts(rounds: Int) throws -> [Figure] {
        var samples = self.members.map { _ in Samples() }
        for _ in 0..<rounds {
            for index in self.members.indices {
                let child = self.members[index].child
                child.send(SIGKILL)
                try wait(for: "\(self.members[index].agent) to end", every: .milliseconds(1)) {
                    child.checkForEnd() != nil
                }
                let start = ContinuousClock.now
                self.members[index].child = try ChildProcess(self.members[index].task)
                try self.awaitReady(index)
                samples[index].append(ContinuousClock.now - start)
            }
        }
        return zip(self.members, samples).map { member, samples in
            Figure(
                name: "restart_\(member.agent.identifier)",
                title: "\(member.agent), start to ready, p50",
                value: samples.median / 1e6,
                unit: "ms",
                sampleCount: samples.count,
                goal: 100
            )
        }
    }

    /// As it is.
    func measureMemory() throws -> [Figure] {
        try self.members.map { member in
            Figure(
                name: "resident_\(member.agent.identifier)",
                title: "\(member.agent), resident memory",
                value: try Self.residentMemory(member),
                unit: "MiB",
                sampleCount: 1,
                goal: 25
            )
        }
    }

    /// Of all five together, in MiB.
    func residentMemory() throws -> Double { try self.members.reduce(0) { try $0 + Self.residentMemory($1) } }

    private static func residentMemory(_ member: Member) throws -> Double {
        let status = Files.text("/proc/\(member.child.pid)/status") ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        guard let kibibytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Double($0) })
        else { throw BenchmarkFailure("\(member.agent) has ended; its log is \(member.task.logFile)") }
        return kibibytes / 1024
    }

    private func awaitReady(_ index: Int) throws {
        let member = self.members[index]
        let port = member.task.environment["HTTP_PORT"] ?? ""
        let request = HTTPRequest(method: .get, url: "http://127.0.0.1:\(port)/readyz")
        try wait(for: "\(member.agent) to be ready (log \(member.task.logFile))", every: .microseconds(500)) {
            if let end = member.child.checkForEnd() {
                throw BenchmarkFailure("\(member.agent) ended with \(end); its log is \(member.task.logFile)")
            }
            return (try? self.client.perform(request))?.status == 200
        }
    }
}

extension ChildProcess {
    init(_ task: Supervisor.Task) throws {
        try self.init(
            program: task.program,
            arguments: task.arguments,
            environment: task.environment,
            logFile: task.logFile
        )
    }
}

extension AgentName {
    /// For names of figures.
    fileprivate var identifier: String { String(self.rawValue.map { $0 == "-" ? "_" : $0 }) }
}
