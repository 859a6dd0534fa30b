import Glibc
import HTTPTransport
import MessageBus
import TestSupport
import Testing
import TradingCore

/// The system's programs as children of the test, which tells each of them what the test wants it told. They share a
/// Redis and a folder with their output, and are killed at the latest when the last reference goes.
final class ProcessFleet {
    let folder: TemporaryFolder
    let redis: RedisServer
    private let redisPassword: String?
    /// Where each program logs in as its own user, over TLS: who that is.
    private let accessList: RedisAccessList?
    private var processes: [String: ChildProgram] = [:]
    private var ports: [String: UInt16] = [:]

    init(redisPassword: String? = nil) throws {
        self.folder = try TemporaryFolder()
        self.redis = try RedisServer(appendOnly: true, password: redisPassword)
        self.redisPassword = redisPassword
        self.accessList = nil
    }

    /// A Redis that lets each program do only its own, over TLS.
    init(_ accessList: RedisAccessList, over tls: ServerTLS) throws {
        self.folder = try TemporaryFolder()
        self.redis = try RedisServer(appendOnly: true, tls: tls, accessList: accessList)
        self.redisPassword = nil
        self.accessList = accessList
    }

    deinit {
        // Before their Redis.
        self.processes = [:]
        self.redis.stop()
    }

    var redisURL: String {
        "redis://\(self.redisPassword.map { ":\($0)@" } ?? "")127.0.0.1:\(self.redis.port)"
    }

    /// How a program finds Redis and logs in.
    func redisSettings(of program: String) throws -> [String: String] {
        guard self.accessList != nil, let port = self.redis.tlsPort, let tls = self.redis.endpoint.tls else {
            return ["REDIS_URL": self.redisURL]
        }
        let password = try self.folder.write(RedisServer.password(of: program) + "\n", to: "\(program).password")
        let files = [
            "REDIS_CA_FILE": tls.authoritiesFile, "REDIS_CERTIFICATE_FILE": tls.certificateFile,
            "REDIS_KEY_FILE": tls.keyFile,
        ].compactMapValues(\.self)
        return files.merging(
            ["REDIS_URL": "rediss://\(program)@localhost:\(port)", "REDIS_PASSWORD_FILE": password]
        ) { $1 }
    }

    func port(of name: String) -> UInt16? { self.ports[name] }

    var running: [ChildProgram] { Array(self.processes.values) }

    func logFile(of name: String) -> String { "\(self.folder.path)/\(name).log" }
    func log(of name: String) -> String { Files.text(self.logFile(of: name)) ?? "" }

    /// What an agent or the simulator is told beside `environment`: Redis, and a port of its own for its health.
    func start(_ program: String, as name: String? = nil, _ environment: [String: String]) throws {
        let name = name ?? program
        let port = try self.ports[name] ?? RedisServer.freePort()
        self.ports[name] = port
        let common = [
            "HTTP_PORT": "\(port)", "LOG_FORMAT": "json", "LOG_LEVEL": "warning",
            // As in every replay: the bars' time, and as many requests as it takes.
            "MARKET_TIME": "simulated", "BROKER_REQUESTS_PER_MINUTE": "0", "BROKER_DATA_REQUESTS_PER_MINUTE": "0",
        ]
        self.processes[name] = try ChildProgram(
            try Programs.path(of: program),
            environment: Programs.environment(
                try self.redisSettings(of: program).merging(common) { $1 }.merging(environment) { $1 }
            ),
            output: self.logFile(of: name)
        )
    }

    /// Starts a simulator and waits for it. Returns the port of its control plane.
    @discardableResult
    func startSimulator(as name: String = "broker-simulator", _ environment: [String: String]) async throws -> Int {
        let file = "\(self.folder.path)/\(name).ports"
        Files.remove(file)
        try self.start("broker-simulator", as: name, ["PORT_FILE": file].merging(environment) { $1 })
        let ports = try await awaited("the ports of \(name): \(self.log(of: name).suffix(500))") {
            try Files.text(file).map { try JSONValue(parsing: Array($0.utf8)) }
        }
        return try #require(ports["control_port"]?.integer)
    }

    func stop(_ name: String) async throws {
        guard let process = self.processes.removeValue(forKey: name) else { return }
        process.send(SIGTERM)
        let end = try await process.ended(within: .seconds(10))
        guard end == .exit(0) else { throw TestFailure("\(name) ended with \(end)") }
    }

    /// Nil if nobody answers.
    func get(_ path: String, of name: String) -> (status: Int, text: String)? {
        guard let port = self.ports[name], let answer = ReplayRunner.get("http://127.0.0.1:\(port)\(path)") else {
            return nil
        }
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    /// What a check says in `/readyz`.
    func readiness(_ check: String, of name: String) -> String? {
        guard let answer = self.get("/readyz", of: name) else { return nil }
        return (try? JSONValue(parsing: Array(answer.text.utf8)))?["checks"]?[check]?.text
    }

    /// The sum of all series of that name, with these labels if any.
    func metric(_ name: String, _ label: String = "", of agent: String) -> Double? {
        let lines = self.get("/metrics", of: agent)?.text.split(separator: "\n") ?? []
        let values = lines.filter { $0.hasPrefix(name) && $0.contains(label) }.compactMap { line in
            line.split(separator: " ").last.flatMap { Double(String($0)) }
        }
        return values.isEmpty ? nil : values.reduce(0, +)
    }

    /// Its messages of that level or worse.
    func complaints(of name: String) -> [String] {
        self.log(of: name).split(separator: "\n").compactMap { line in
            guard let entry = try? JSONValue(parsing: Array(line.utf8)), let level = entry["level"]?.text,
                ["warning", "error", "critical"].contains(level)
            else { return nil }
            return entry["message"]?.text
        }
    }

    /// Every entry of an event's stream, as it is on the wire.
    func messages(_ event: EventName, namespace: String = "quintet") throws -> [String] {
        let connection = try RedisConnection(to: try RedisEndpoint(url: self.redisURL))
        let reply = try connection.call(RedisCommand("XRANGE", "{\(namespace)}:stream:\(event.rawValue)", "-", "+"))
        guard case .array(let entries) = reply else { return [] }
        return entries.map { entry in
            guard case .array(let parts) = entry, case .array(let fields)? = parts.last else { return "" }
            return fields.map { field in
                if case .string(let bytes) = field { String(decoding: bytes, as: UTF8.self) } else { "" }
            }.joined(separator: " ")
        }
    }
}

/// The file in which a login at Schwab is kept, as a test wants it.
struct LoginFile {
    let path: String

    /// A login of that age, whose access token has ended.
    func write(refreshToken: String, age: Duration = .zero, accessToken: String = "") throws {
        try self.replace(
            """
            {"access_token":"\(accessToken)","refresh_token":"\(refreshToken)",\
            "access_token_ends_at":"\(Self.now())","authorized_at":"\(Self.now() - age)"}
            """
        )
    }

    /// The same tokens from a login of another age.
    func setAge(_ age: Duration) throws {
        guard case .object(var members) = try JSONValue(parsing: Array((Files.text(self.path) ?? "").utf8)) else {
            throw TestFailure("\(self.path) holds no object")
        }
        members.removeAll { $0.name == "authorized_at" }
        members.append(JSONMember("authorized_at", .string("\(Self.now() - age)")))
        try self.replace(JSONWriter.text(JSONValue.object(members)))
    }

    /// The members of the file as it is now.
    func value(_ name: String) -> String? {
        (try? JSONValue(parsing: Array((Files.text(self.path) ?? "").utf8)))?[name]?.text
    }

    var mode: mode_t? { Files.mode(self.path) }

    private func replace(_ text: String) throws {
        let new = self.path + ".test"
        try Files.write(text, to: new)
        chmod(new, 0o600)
        rename(new, self.path)
    }

    private static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec))
    }

    /// Does what a person does: agrees on the broker's page, and hands the address at which the browser ends to
    /// `tradectl schwab login`. Returns what that printed.
    static func logIn(
        _ environment: [String: String],
        in folder: TemporaryFolder,
        endingWith code: Int32 = 0
    ) async throws -> String {
        let base = environment["SCHWAB_BASE_URL"] ?? ""
        let form = [
            ("client_id", environment["SCHWAB_APP_KEY"] ?? ""),
            ("redirect_uri", environment["SCHWAB_CALLBACK_URL"] ?? ""),
        ]
        let answer = try CurlHTTPClient().perform(
            HTTPRequest(
                method: .post,
                url: base + "/v1/oauth/authorize",
                headers: [("Content-Type", "application/x-www-form-urlencoded")],
                body: Array(form.map { "\($0.0)=\($0.1)" }.joined(separator: "&").utf8)
            )
        )
        let address = try #require(answer.header("Location"), "the consent page answered \(answer.status)")
        let input = try folder.write(address + "\n", to: "address")
        let output = folder.path + "/tradectl.log"
        Files.remove(output)
        let tradectl = try ChildProgram(
            try Programs.path(of: "tradectl"),
            ["schwab", "login"],
            environment: Programs.environment(environment),
            input: input,
            output: output
        )
        let end = try await tradectl.ended(within: .seconds(20))
        // It holds a code, which has done its duty.
        Files.remove(input)
        let printed = Files.text(output) ?? ""
        try #require(end == .exit(code), "\(printed)")
        return printed
    }
}
