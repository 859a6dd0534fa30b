import Glibc
import Synchronization
import TradingCore

/// Writes what clients ask and are answered to a file, one JSON object a line, each at once:
///
/// - `{"kind":"request","method":…,"target":…,"body":…,"status":…,"answer":…}`; `body` and `answer` are text, null when
///   empty; `status` is null when the connection ended in place of an answer.
/// - `{"kind":"message","target":…,"message":…}` for what a stream's client sends; `message` is null when unreadable.
///
/// No secret gets there: headers are left out, a login's request keeps only its path, and members of messages that hold
/// keys say `redacted`. From any thread.
final class TrafficRecorder: Sendable {
    private static let secretMembers: Set<String> = [
        "key", "secret", "key_id", "secret_key", "oauth_token", "token", "Authorization",
    ]

    private let file: Mutex<Int32>

    /// Begins the file anew.
    init(path: String) throws(BrokerSimulatorError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw BrokerSimulatorError(
                "cannot write RECORDING \(path): \(String(cString: strerror(errno))); check its folder and permission"
            )
        }
        self.file = Mutex(descriptor)
    }

    deinit {
        self.file.withLock { _ = close($0) }
    }

    func answered(_ request: RESTRequest, with reply: RESTReply) {
        let isLogin = request.path.prefix(2) == ["v1", "oauth"]
        self.write { writer in
            writer.field("kind", "request")
            writer.field("method", request.method)
            writer.field("target", isLogin ? String(request.target.prefix { $0 != "?" }) : request.target)
            writer.nullable("body", isLogin ? nil : Self.text(request.body))
            writer.nullable("status", reply.isLost ? nil : reply.status)
            writer.nullable("answer", isLogin ? nil : Self.text(reply.body))
        }
    }

    func heard(_ message: JSONValue?, on target: String) {
        self.write { writer in
            writer.field("kind", "message")
            writer.field("target", target)
            writer.field("message", Self.redacted(message ?? .null))
        }
    }

    private static func text(_ bytes: [UInt8]) -> String? {
        bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    private static func redacted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let values): .array(values.map(Self.redacted))
        case .object(let members):
            .object(
                members.map { member in
                    JSONMember(
                        member.name,
                        Self.secretMembers.contains(member.name) ? .string("redacted") : Self.redacted(member.value)
                    )
                }
            )
        default: value
        }
    }

    private func write(_ fill: (inout JSONWriter) -> Void) {
        var writer = JSONWriter()
        writer.object(fill)
        let line = writer.bytes + [UInt8(ascii: "\n")]
        self.file.withLock { descriptor in
            var rest = line[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                // A full disk costs the record, not the replay.
                guard count > 0 || errno == EINTR else { return }
                rest = rest.dropFirst(max(count, 0))
            }
        }
    }
}
