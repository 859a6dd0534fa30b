import Glibc
package import Logging
package import TradingCore

/// Writes each log event as one line with one `write(2)`, as JSON or as text.
///
/// JSON has `time` (wall clock, RFC 3339, UTC), `level`, `service`, `trace_id`, `span_id` and `trade_id` where there are
/// such, `logger` when the logger's label is another one, `message`, `error` and, as `metadata`, everything else, whose
/// dotted keys stay as they are. Values under a key that names a secret are
/// written as `***`. A line that cannot be written is lost: logging never stops its caller.
package struct StructuredLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    /// What log searches go by.
    private static let scopeKeys: Set = ["trace_id", "span_id", "trade_id"]

    private let label: String
    private let service: String
    private let format: LogFormat
    private let usesColours: Bool
    private let fileDescriptor: Int32
    private let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - fileDescriptor: stays open as long as the handler is used; stderr if not given.
    ///   - now: the wall clock.
    package init(
        label: String,
        service: String,
        level: Logger.Level,
        format: LogFormat,
        metadataProvider: Logger.MetadataProvider? = nil,
        fileDescriptor: Int32 = STDERR_FILENO,
        now: @escaping @Sendable () -> Timestamp = StructuredLogHandler.wallClock
    ) {
        self.label = label
        self.service = service
        self.logLevel = level
        self.format = format
        self.metadataProvider = metadataProvider
        self.usesColours = format == .text && isatty(fileDescriptor) == 1
        self.fileDescriptor = fileDescriptor
        self.now = now
    }

    package static func wallClock() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var metadata = self.metadata
        if let provided = self.metadataProvider?.get() {
            metadata.merge(provided) { _, newer in newer }
        }
        if let own = event.metadata {
            metadata.merge(own) { _, newer in newer }
        }
        let fields = metadata.sorted { $0.key < $1.key }
        var line: [UInt8] =
            switch self.format {
            case .json: self.json(event, fields)
            case .text: Array(self.text(event, fields).utf8)
            }
        line.append(UInt8(ascii: "\n"))
        self.write(line)
    }

    private func json(_ event: LogEvent, _ fields: [(key: String, value: Logger.Metadata.Value)]) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("time", Timestamp(microseconds: self.now().microseconds).description)
            writer.field("level", event.level.rawValue)
            writer.field("service", self.service)
            for (key, value) in fields where Self.scopeKeys.contains(key) {
                writer.field(key, LoggedValue(key: key, value: value))
            }
            if self.label != self.service {
                writer.field("logger", self.label)
            }
            writer.field("message", event.message.description)
            if let error = event.error {
                writer.field("error", String(describing: error))
            }
            let others = fields.filter { !Self.scopeKeys.contains($0.key) }
            guard !others.isEmpty else { return }
            writer.object("metadata") { writer in
                for (key, value) in others {
                    writer.field(key, LoggedValue(key: key, value: value))
                }
            }
        }
        return writer.bytes
    }

    private func text(_ event: LogEvent, _ fields: [(key: String, value: Logger.Metadata.Value)]) -> String {
        let level = self.usesColours ? event.level.coloured : event.level.shortName
        var line = "\(self.now().timeOfDay) \(level) \(self.service) "
        if self.label != self.service {
            line += "[\(self.label)] "
        }
        line += event.message.description.onOneLine
        var separator = "  "
        for (key, value) in fields {
            line += "\(separator)\(key.onOneLine)=\(LoggedValue(key: key, value: value).text)"
            separator = " "
        }
        if let error = event.error {
            line += "\(separator)error=\(String(describing: error).quotedIfNeeded)"
        }
        return line
    }

    private func write(_ line: [UInt8]) {
        line.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let written = Glibc.write(
                    self.fileDescriptor,
                    UnsafeRawBufferPointer(rebasing: rest).baseAddress,
                    rest.count
                )
                if written > 0 {
                    rest = rest.dropFirst(written)
                } else if errno != EINTR {
                    return
                }
            }
        }
    }
}

/// A metadata value with the key it stands under, which decides whether it may be shown.
private struct LoggedValue: JSONEncodable {
    let key: String
    let value: Logger.Metadata.Value

    private var isSecret: Bool {
        let name = self.key.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "-"), UInt8(ascii: "."): UInt8(ascii: "_")
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            default: byte
            }
        }
        return Self.secretNames.contains { secretName in
            name.count >= secretName.count
                && (0...name.count - secretName.count).contains { name[$0...].starts(with: secretName) }
        }
    }

    private static let secretNames = ["secret", "password", "token", "authorization", "key_id"].map { Array($0.utf8) }

    func write(to writer: inout JSONWriter) {
        if self.isSecret {
            writer.string("***")
            return
        }
        switch self.value {
        case .string(let text):
            writer.string(text)
        case .stringConvertible(let value):
            writer.string(value.description)
        case .array(let values):
            writer.array { writer in
                for value in values {
                    writer.element(LoggedValue(key: self.key, value: value))
                }
            }
        case .dictionary(let members):
            writer.object { writer in
                for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                    writer.field(key, LoggedValue(key: key, value: value))
                }
            }
        }
    }

    var text: String {
        if self.isSecret {
            return "***"
        }
        return switch self.value {
        case .string(let text): text.quotedIfNeeded
        case .stringConvertible(let value): value.description.quotedIfNeeded
        case .array, .dictionary: JSONWriter.text(self)
        }
    }
}

extension Logger.Level {
    fileprivate var shortName: String {
        switch self {
        case .trace: "TRACE"
        case .debug: "DEBUG"
        case .info: "INFO"
        case .notice: "NOTICE"
        case .warning: "WARN"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        }
    }

    fileprivate var coloured: String {
        let colour =
            switch self {
            case .trace, .debug: 2
            case .info: 32
            case .notice: 36
            case .warning: 33
            case .error, .critical: 31
            }
        return "\u{1B}[\(colour)m\(self.shortName)\u{1B}[0m"
    }
}

extension Timestamp {
    /// `15:04:05.123`, UTC.
    fileprivate var timeOfDay: String {
        let day: Int64 = 86_400_000
        let milliseconds = (self.milliseconds % day + day) % day
        func digits(_ number: Int64, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: count - text.utf8.count) + text
        }
        let seconds = milliseconds / 1000
        let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { digits($0, 2) }.joined(separator: ":")
        return clock + "." + digits(milliseconds % 1000, 3)
    }
}

extension String {
    /// Control characters escaped, so that no message can forge a second line or steer a terminal.
    fileprivate var onOneLine: String {
        guard self.unicodeScalars.contains(where: \.isControl) else { return self }
        return self.unicodeScalars.map { $0.isControl ? $0.escaped(asASCII: true) : String($0) }.joined()
    }

    fileprivate var quotedIfNeeded: String {
        let isPlain = !self.isEmpty && !self.contains { $0 == " " || $0 == "\"" || $0 == "=" }
        let text = self.onOneLine
        return isPlain ? text : "\"" + text.map { $0 == "\"" ? "\\\"" : String($0) }.joined() + "\""
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool { self.properties.generalCategory == .control }
}
