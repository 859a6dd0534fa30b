import Glibc

/// Shows progress on standard output: one block redrawn in place on a terminal that has two lines or more, else a line
/// every two seconds.
struct ProgressDisplay {
    private let isTerminal: Bool
    private var drawnLines = 0
    private var lastLineAt: ContinuousClock.Instant?

    init() {
        self.isTerminal = isatty(STDOUT_FILENO) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    mutating func show(_ progress: ReplayProgress) {
        let (width, height) = Self.terminalSize
        if self.isTerminal, height > 1 {
            self.draw(progress.block(width: width, height: height), height: height)
        } else {
            let now = ContinuousClock.now
            if let lastLineAt = self.lastLineAt, now - lastLineAt < .seconds(2) { return }
            self.lastLineAt = now
            FileSystem.write(progress.line + "\n", to: STDOUT_FILENO)
        }
    }

    /// Takes the block away, so that what follows stands in its place.
    mutating func clear() {
        if self.drawnLines > 0 { self.draw([], height: Self.terminalSize.height) }
    }

    /// Over the former block, line by line: some terminals keep a screen that is erased as a whole in their history.
    private mutating func draw(_ lines: [String], height: Int) {
        // The terminal may have become smaller since.
        let former = min(self.drawnLines, height - 1)
        let rest = max(former - lines.count, 0)
        let texts = lines + Array(repeating: "", count: rest)
        FileSystem.write(
            Self.up(former) + texts.map { $0 + "\u{1B}[K\n" }.joined() + Self.up(rest),
            to: STDOUT_FILENO
        )
        self.drawnLines = lines.count
    }

    /// To the start of the line that many lines above.
    private static func up(_ lines: Int) -> String { lines > 0 ? "\u{1B}[\(lines)F" : "" }

    /// In characters; 80 by 24 where the terminal does not say.
    private static var terminalSize: (width: Int, height: Int) {
        var size = winsize()
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1 && size.ws_row > 0
        return isKnown ? (Int(size.ws_col), Int(size.ws_row)) : (80, 24)
    }
}
