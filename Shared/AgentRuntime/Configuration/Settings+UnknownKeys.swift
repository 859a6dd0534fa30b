import Synchronization

/// Typing errors: what stands in the file or the environment and is no setting.
extension Settings {
    /// Names keys that other processes read from the same file or environment. `section.*` stands for all keys below
    /// `section`.
    package func declare(_ paths: [String]) {
        self.knownKeys.withLock { $0.formUnion(paths) }
    }

    /// The file's keys that nothing has read or declared so far, in the file's order.
    package func unknownKeys() -> [String] {
        guard let document = self.document else { return [] }
        let known = self.knownKeys.withLock { $0 }
        let sections = known.filter { $0.hasSuffix(".*") }.map { $0.dropLast() }
        return document.entries
            .filter { path, _ in !known.contains(path) && !sections.contains { path.hasPrefix($0) } }
            .sorted { $0.value.line < $1.value.line }
            .map(\.key)
    }

    /// The environment's names that can only be meant for these settings and that nothing has read or declared so
    /// far, in alphabetical order.
    package func unknownVariables() -> [String] {
        let keys = self.declaredKeys
        let known = Set(keys.map(\.environmentName))
        return self.environmentNames.subtracting(known).filter { name in
            guard !Self.isInjected(name) else { return false }
            if Self.ownFamilies.contains(where: name.hasPrefix) { return true }
            if Self.sharedFamilies.contains(where: name.hasPrefix) {
                return SettingsKey(path: name).nearest(among: keys) != nil
            }
            guard !Self.everybodysFamilies.contains(where: name.hasPrefix),
                let meant = SettingsKey(path: name).slipped(from: keys)
            else { return false }
            // Where the setting is there as well, such as SYMBOLS, SYMBOL is another program's.
            return ![meant, meant.fileVariant].contains { key in
                self.environmentNames.contains(key.environmentName) || self.document?.entries[key.path] != nil
            }
        }.sorted()
    }

    /// Call it when every setting has been read.
    /// - Throws: `ConfigurationError.unknownKey` that names every unknown key of the file, with its line, and every
    ///   unknown variable, each with the known one it was probably meant to be.
    package func refuseUnknownKeys() throws(ConfigurationError) {
        let keys = self.declaredKeys
        var problems = self.unknownKeys().map { path in
            let line = self.document?.entries[path]?.line ?? 0
            let nearest = SettingsKey(path: path).nearest(among: keys)
            let advice = nearest.map { "did you mean \($0.path)?" } ?? "remove it or correct its name"
            return "line \(line): \(path) is not a setting; \(advice)"
        }
        if let first = problems.first { problems[0] = "\(self.filePath ?? ""), \(first)" }
        problems += self.unknownVariables().map { name in
            if let nearest = SettingsKey(path: name).nearest(among: keys) {
                return "environment: \(name) is not a setting; did you mean \(nearest.environmentName)?"
            }
            let family = Self.ownFamilies.first(where: name.hasPrefix) ?? ""
            let relatives = keys.map(\.environmentName).filter { $0.hasPrefix(family) }.sorted()
            return "environment: \(name) is not a setting; unset it, or use one of "
                + relatives.joined(separator: ", ")
        }
        guard !problems.isEmpty else { return }
        throw ConfigurationError(.unknownKey, problems.joined(separator: "; "))
    }

    /// Beginnings of names that only these settings have.
    private static let ownFamilies = ["BREAKER_", "ORDER_", "RISK_", "STRATEGY_"]
    /// The broker's own programs and the user's scripts have further names of these: only near misses are typing errors.
    private static let sharedFamilies = ["APCA_", "BROKER_", "QUINTET_"]
    /// Here other programs' names are a letter from ours, such as HTTPS_PORT, LOGLEVEL and PIDFILE. Elsewhere a name that is takes
    /// a default where somebody meant otherwise.
    private static let everybodysFamilies = ["HTTP", "LOG", "PIDFILE"]

    /// Whether this is a name that Kubernetes gives each container for each Service, such as
    /// `STRATEGY_AGENT_SERVICE_HOST` or `STRATEGY_AGENT_PORT_8082_TCP_ADDR`.
    private static func isInjected(_ name: String) -> Bool {
        name.hasSuffix("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.hasSuffix("_PORT")
            || name.contains(/_PORT_[0-9]+_(TCP|UDP|SCTP)/)
    }

    private var declaredKeys: [SettingsKey] {
        // What names the file is read before there are keys.
        (self.knownKeys.withLock { $0 }.filter { !$0.hasSuffix(".*") } + ["quintet.config"])
            .map { SettingsKey(path: $0) }
    }
}
