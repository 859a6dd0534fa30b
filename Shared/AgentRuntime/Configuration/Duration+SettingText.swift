extension Duration {
    /// As people write it in a setting: `500ms`, `60s`, `5m`, `144h`; in the largest unit of which it is a whole number,
    /// and in seconds up to two minutes.
    var settingText: String {
        let milliseconds = self.components.seconds * 1000 + self.components.attoseconds / 1_000_000_000_000_000
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        guard rest == 0 else { return "\(milliseconds)ms" }
        if seconds >= 3600, seconds % 3600 == 0 { return "\(seconds / 3600)h" }
        if seconds >= 120, seconds % 60 == 0 { return "\(seconds / 60)m" }
        return "\(seconds)s"
    }
}
