import Glibc

/// Shows progress on standard output: one block redrawn in place on a terminal, else a line every two seconds.
struct ProgressDisplay {
    private let isTerminal: Bool
    private var drawnLines = 0
    private var lastLineAt: ContinuousClock.Instant?

    init() {
        self.isTerminal = isatty(STDOUT_FILENO) == 1 && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    mutating func show(_ progress: ReplayProgress) {
        if self.isTerminal {
            let lines = progress.block(width: Self.terminalWidth)
            let erasure = self.erasure
            self.drawnLines = lines.count
            FileSystem.write(erasure + lines.map { $0 + "\n" }.joined(), to: STDOUT_FILENO)
        } else {
            let now = ContinuousClock.now
            if let lastLineAt = self.lastLineAt, now - lastLineAt < .seconds(2) { return }
            self.lastLineAt = now
            FileSystem.write(progress.line + "\n", to: STDOUT_FILENO)
        }
    }

    /// Takes the block away, so that what follows stands in its place.
    mutating func clear() {
        FileSystem.write(self.erasure, to: STDOUT_FILENO)
        self.drawnLines = 0
    }

    /// Up to the block's first line, and everything from there on gone.
    private var erasure: String { self.drawnLines > 0 ? "\u{1B}[\(self.drawnLines)F\u{1B}[J" : "" }

    private static var terminalWidth: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 20 else { return 80 }
        return Int(size.ws_col)
    }
}
