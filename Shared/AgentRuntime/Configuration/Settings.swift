import Configuration
// Reading the C global `environ` needs @preconcurrency; see `processEnvironment()` for when that is safe.
@preconcurrency import Glibc
import Synchronization

/// The process's configuration: environment variables first, then the YAML file that `QUINTET_CONFIG` names, then the
/// default given in code.
///
/// A key is written as its path in the file (`risk.maxPositionValue`) and has one spelling in the environment
/// (`RISK_MAX_POSITION_VALUE`). An empty value counts as not set. Every reader throws a `ConfigurationError` when a
/// value is there but is not what the key needs: a malformed value never turns into the default. Keys are remembered as
/// they are read, so that `refuseUnknownKeys()` can find typing errors.
package final class Settings: Sendable {
    private let reader: ConfigReader
    let environmentNames: Set<String>
    let document: YAMLDocument?
    /// The configuration file's path as it was given, or nil.
    package let filePath: String?
    let knownKeys: Mutex<Set<String>> = Mutex([])

    private static let maximumFileBytes = 1_048_576
    private static let maximumSecretBytes = 65_536

    /// - Throws: `ConfigurationError` with the path and position when `QUINTET_CONFIG` names a file that is missing,
    ///   unreadable or malformed.
    package init(environment: [String: String] = Settings.processEnvironment()) throws(ConfigurationError) {
        let variables = environment.filter { !$0.value.isEmpty }
        self.environmentNames = Set(variables.keys)
        var providers: [any ConfigProvider] = [EnvironmentVariablesProvider(environmentVariables: variables)]
        self.filePath = variables["QUINTET_CONFIG"]
        if let filePath = self.filePath {
            let text = try TextFile.read(filePath, maximumBytes: Self.maximumFileBytes, purpose: "QUINTET_CONFIG")
            let document = try YAMLDocument(parsing: text, name: filePath)
            providers.append(InMemoryProvider(name: filePath, values: document.configurationValues))
            self.document = document
        } else {
            self.document = nil
        }
        self.reader = ConfigReader(providers: providers)
    }

    /// The variables of this process. Call it before other threads change them.
    package static func processEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let separator = text.firstIndex(of: "=") {
                variables[String(text[..<separator])] = String(text[text.index(after: separator)...])
            }
            next = next.successor()
        }
        return variables
    }

    // MARK: Text

    /// The text, or nil when the key is not set.
    package func optionalString(_ path: String) throws(ConfigurationError) -> String? {
        try self.scalar(SettingsKey(path: path), expected: "one value")?.text
    }

    package func string(_ path: String, default defaultValue: String) throws(ConfigurationError) -> String {
        try self.optionalString(path) ?? defaultValue
    }

    /// - Throws: `ConfigurationError.missing` when the key is not set.
    package func requiredString(_ path: String) throws(ConfigurationError) -> String {
        guard let text = try self.optionalString(path) else { throw self.missing(SettingsKey(path: path)) }
        return text
    }

    /// A name of 1 to 64 letters, digits, `-`, `_` or `.`, as keys and consumer names need.
    package func name(_ path: String, default defaultValue: String) throws(ConfigurationError) -> String {
        try self.parsed(
            path,
            default: defaultValue,
            problem: "is not a plain name",
            expected: "1 to 64 letters, digits, -, _ or ."
        ) { Self.isName($0) ? $0 : nil }
    }

    static func isName(_ text: String) -> Bool {
        1...64 ~= text.utf8.count
            && text.utf8.allSatisfy { byte in
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || "0123456789-_.".utf8.contains(byte)
            }
    }

    /// An absolute URL with one of `schemes`, without slashes at its end. A user or password in it is never printed.
    package func url(
        _ path: String,
        default defaultValue: String,
        schemes: [String]
    ) throws(ConfigurationError) -> String {
        try self.parsed(
            path,
            default: defaultValue,
            problem: "is not such a URL",
            expected: "a URL that starts with " + schemes.map { "\($0)://" }.joined(separator: " or "),
            isSecret: true
        ) { text in
            guard
                let scheme = schemes.first(where: { text.hasPrefix("\($0)://") }),
                text.utf8.count > scheme.utf8.count + 3,
                !text.contains(where: \.isWhitespace)
            else { return nil }
            var url = text[...]
            while url.hasSuffix("/"), url.utf8.count > scheme.utf8.count + 4 {
                url.removeLast()
            }
            return String(url)
        }
    }

    /// One of the enumeration's raw values.
    package func choice<Value: RawRepresentable & CaseIterable>(
        _ path: String,
        default defaultValue: Value
    ) throws(ConfigurationError) -> Value where Value.RawValue == String {
        try self.optionalChoice(path) ?? defaultValue
    }

    /// One of the enumeration's raw values, or nil when the key is not set.
    package func optionalChoice<Value: RawRepresentable & CaseIterable>(
        _ path: String,
        of type: Value.Type = Value.self
    ) throws(ConfigurationError) -> Value? where Value.RawValue == String {
        try self.optionallyParsed(
            path,
            problem: "is not known",
            expected: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
            Value.init(rawValue:)
        )
    }

    // MARK: Numbers

    package func int(
        _ path: String,
        default defaultValue: Int,
        in range: ClosedRange<Int>
    ) throws(ConfigurationError) -> Int {
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        let value = try self.parsed(path, default: defaultValue, problem: "is not a whole number", expected: expected) {
            Int($0)
        }
        return try self.checked(path, value, in: range, expected: expected)
    }

    /// A decimal number as plain digits (`1000`, `-0.25`), for the caller to read exactly; it never passes through
    /// binary floating point.
    package func decimalText(_ path: String, default defaultValue: String) throws(ConfigurationError) -> String {
        try self.parsed(
            path,
            default: defaultValue,
            problem: "is not a number",
            expected: "a decimal such as \(defaultValue)"
        ) { text in
            let unsigned = text.hasPrefix("-") ? text.dropFirst() : text[...]
            let parts = unsigned.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            let isDecimal = parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            }
            return isDecimal ? text : nil
        }
    }

    /// A whole number with its unit: `500ms`, `5s`, `2m`, `1h`.
    package func duration(
        _ path: String,
        default defaultValue: Duration,
        in range: ClosedRange<Duration> = .zero ... .seconds(86_400)
    ) throws(ConfigurationError) -> Duration {
        let example = defaultValue > .zero ? defaultValue : range.upperBound
        let expected =
            "a duration from \(range.lowerBound.settingText) to \(range.upperBound.settingText), such as "
            + example.settingText
        let value = try self.parsed(path, default: defaultValue, problem: "is not a duration", expected: expected) {
            text in
            let digits = text.prefix { $0.isASCII && $0.isNumber }
            guard let count = Int64(digits), count <= 1_000_000_000 else { return nil }
            return switch text[digits.endIndex...] {
            case "ms": .milliseconds(count)
            case "s": .seconds(count)
            case "m": .seconds(count * 60)
            case "h": .seconds(count * 3_600)
            default: nil
            }
        }
        return try self.checked(path, value, in: range, expected: expected)
    }

    package func bool(_ path: String, default defaultValue: Bool) throws(ConfigurationError) -> Bool {
        try self.parsed(path, default: defaultValue, problem: "is neither true nor false", expected: "true or false") {
            switch $0.lowercased() {
            case "true", "yes", "on", "1": true
            case "false", "no", "off", "0": false
            default: nil
            }
        }
    }

    /// Whether the word is exactly `yes`, for what no guess may allow; `no` and `false` say no, as does silence.
    package func consent(_ path: String) throws(ConfigurationError) -> Bool {
        try self.parsed(path, default: false, problem: "is neither yes nor no", expected: "yes, spelt so, or no") {
            switch $0 {
            case "yes": true
            case "no", "false": false
            default: nil
            }
        }
    }

    // MARK: Lists and secrets

    /// Values separated by commas, or a list in the file; blanks around them and empty ones are dropped.
    package func list(_ path: String, default defaultValue: [String]) throws(ConfigurationError) -> [String] {
        let key = SettingsKey(path: path)
        self.knownKeys.withLock { _ = $0.insert(path) }
        if self.origin(of: key) == nil { return defaultValue }
        if !self.environmentNames.contains(key.environmentName), case .list = self.document?.entries[path]?.value {
            return self.reader.stringArray(forKey: ConfigKey(path), default: defaultValue)
        }
        guard let found = try self.scalar(key, expected: "values separated by commas") else { return defaultValue }
        return found.text.split(separator: ",").map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
    }

    /// The secret itself, or the content of the file that `…_FILE` names, without blanks and line ends around it; nil
    /// when neither is set. The environment's pair goes before the file's pair.
    /// - Throws: `ConfigurationError.conflict` when one place sets both, `unreadableFile` when the named file cannot
    ///   be read or is empty, `malformed` when nothing but blanks is set.
    package func optionalSecret(_ path: String) throws(ConfigurationError) -> Secret? {
        let key = SettingsKey(path: path)
        let inPlace = try self.scalar(key, expected: "one value", isSecret: true)
        let named = try self.scalar(key.fileVariant, expected: "a file's path")
        if let inPlace, let named, (inPlace.origin == .environment) == (named.origin == .environment) {
            throw ConfigurationError(.conflict, "\(key) and \(key.fileVariant) are both set; keep one of them")
        }
        if let inPlace, named == nil || inPlace.origin == .environment {
            let text = inPlace.text.trimmingSpaces()
            guard !text.isEmpty else {
                throw ConfigurationError(.malformed, "\(key): it is blank; set the secret, or unset it")
            }
            return Secret(text)
        }
        guard let named else { return nil }
        let purpose = key.fileVariant.description
        let text = try TextFile.read(named.text, maximumBytes: Self.maximumSecretBytes, purpose: purpose)
            .trimmingSpaces()
        guard !text.isEmpty else {
            throw ConfigurationError(.unreadableFile, "\(purpose): \(named.text) is empty; it must hold the secret")
        }
        return Secret(text)
    }

    /// - Throws: as `optionalSecret`, and `ConfigurationError.missing` when neither the secret nor its file is set.
    package func secret(_ path: String) throws(ConfigurationError) -> Secret {
        guard let secret = try self.optionalSecret(path) else {
            let key = SettingsKey(path: path)
            throw self.missing(key, hint: ", or name a file that holds it in \(key.fileVariant.environmentName)")
        }
        return secret
    }

    // MARK: Lookup

    private enum Origin: Equatable {
        case environment
        case file(line: Int)
    }

    private struct Found: Equatable {
        let text: String
        let origin: Origin
    }

    private func origin(of key: SettingsKey) -> Origin? {
        if self.environmentNames.contains(key.environmentName) { return .environment }
        guard let entry = self.document?.entries[key.path], let value = entry.value, value != .scalar("") else {
            return nil
        }
        return .file(line: entry.line)
    }

    private func scalar(
        _ key: SettingsKey,
        expected: String,
        isSecret: Bool = false
    ) throws(ConfigurationError) -> Found? {
        self.knownKeys.withLock { _ = $0.insert(key.path) }
        guard let origin = self.origin(of: key) else { return nil }
        do {
            let text = try self.reader.requiredString(forKey: ConfigKey(key.path), isSecret: isSecret)
            return Found(text: text, origin: origin)
        } catch {
            throw ConfigurationError(
                .malformed,
                "\(key): a list stands where \(expected) was expected\(self.place(origin))"
            )
        }
    }

    private func optionallyParsed<Value>(
        _ path: String,
        problem: String,
        expected: String,
        isSecret: Bool = false,
        _ parse: (String) -> Value?
    ) throws(ConfigurationError) -> Value? {
        let key = SettingsKey(path: path)
        guard let found = try self.scalar(key, expected: expected, isSecret: isSecret) else { return nil }
        guard let value = parse(found.text) else {
            throw self.malformed(key, found, problem: problem, expected: expected)
        }
        return value
    }

    private func parsed<Value>(
        _ path: String,
        default defaultValue: Value,
        problem: String,
        expected: String,
        isSecret: Bool = false,
        _ parse: (String) -> Value?
    ) throws(ConfigurationError) -> Value {
        try self.optionallyParsed(path, problem: problem, expected: expected, isSecret: isSecret, parse)
            ?? defaultValue
    }

    private func checked<Value>(
        _ path: String,
        _ value: Value,
        in range: ClosedRange<Value>,
        expected: String
    ) throws(ConfigurationError) -> Value {
        let key = SettingsKey(path: path)
        guard !range.contains(value), let found = try self.scalar(key, expected: expected) else { return value }
        throw self.malformed(key, found, problem: "is out of range", expected: expected)
    }

    private func malformed(
        _ key: SettingsKey,
        _ found: Found,
        problem: String,
        expected: String
    ) -> ConfigurationError {
        var shown = found.text
        if let scheme = shown.firstRange(of: "://"), let at = shown.lastIndex(of: "@"), scheme.upperBound <= at {
            shown.replaceSubrange(scheme.upperBound..<at, with: "***")
        }
        if shown.count > 80 {
            shown = shown.prefix(80) + "…"
        }
        return ConfigurationError(
            .malformed,
            "\(key): \(String(reflecting: shown)) \(problem); expected \(expected)\(self.place(found.origin))"
        )
    }

    private func missing(_ key: SettingsKey, hint: String = "") -> ConfigurationError {
        let file = self.filePath.map { " or add \(key.path) to \($0)" } ?? ""
        return ConfigurationError(.missing, "\(key) is not set; set the variable\(file)\(hint)")
    }

    private func place(_ origin: Origin) -> String {
        switch origin {
        case .environment: ""
        case .file(let line): " (\(self.filePath ?? ""), line \(line))"
        }
    }
}

/// Shows no value, since some are secret.
extension Settings: CustomReflectable {
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension YAMLDocument {
    fileprivate var configurationValues: [AbsoluteConfigKey: ConfigValue] {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (path, entry) in self.entries {
            let key = AbsoluteConfigKey(path.split(separator: ".").map(String.init))
            switch entry.value {
            case .scalar(let text): values[key] = ConfigValue(.string(text), isSecret: false)
            case .list(let items): values[key] = ConfigValue(.stringArray(items), isSecret: false)
            case nil: continue
            }
        }
        return values
    }
}
