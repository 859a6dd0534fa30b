import Glibc

/// SIGINT, SIGTERM and SIGHUP as something to ask for instead of something that interrupts; SIGCHLD ends a wait.
///
/// To be made and used by the main thread before there are others, which then leave these signals to it.
struct TerminationSignals {
    private var awaited = sigset_t()

    init() {
        sigemptyset(&self.awaited)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGCHLD] { sigaddset(&self.awaited, signal) }
        pthread_sigmask(SIG_BLOCK, &self.awaited, nil)
    }

    /// Waits until a signal comes, a child ends or the time is over. Returns the signal that asks this process to end.
    func wait(upTo duration: Duration) -> Int32? {
        let (seconds, attoseconds) = max(duration, .zero).components
        var limit = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        var awaited = self.awaited
        let signal = sigtimedwait(&awaited, nil, &limit)
        return signal > 0 && signal != SIGCHLD ? signal : nil
    }
}
