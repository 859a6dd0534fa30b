/// Keeps what is said again and again from filling the log: each text is worth saying when it is new, and then every few
/// minutes. Texts that differ only in their numbers or in what they have in parentheses, such as the id of a request, are
/// the same.
package struct RepetitionFilter {
    private var lastSaid: [String: Duration] = [:]

    private static let interval = Duration.seconds(300)
    private static let capacity = 256

    package init() {}

    /// `subject` sets apart what the text alone does not; `now` is the reading of a monotonic clock.
    package mutating func isWorthSaying(_ text: String, about subject: String = "", now: Duration) -> Bool {
        self.lastSaid = self.lastSaid.filter { now - $0.value < Self.interval }
        let key = subject + " " + Self.key(of: text)
        guard self.lastSaid[key] == nil else { return false }
        if self.lastSaid.count >= Self.capacity { self.lastSaid = [:] }
        self.lastSaid[key] = now
        return true
    }

    private static func key(of text: String) -> String {
        var key = ""
        var depth = 0
        for character in text {
            if character == "(" { depth += 1 }
            if depth == 0, !character.isNumber { key.append(character) }
            if character == ")", depth > 0 { depth -= 1 }
        }
        return key
    }
}
