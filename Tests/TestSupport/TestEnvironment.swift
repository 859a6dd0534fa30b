package enum TestEnvironment {
    /// The variables this process was started with. What a test sets meanwhile is not among them.
    package static func variables() -> [String: String] {
        let text = Files.text("/proc/self/environ") ?? ""
        return text.split(separator: "\0").reduce(into: [:]) { variables, entry in
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
        }
    }
}
