import Glibc

/// Ends the waiting of the bus it belongs to. Signals that nobody has seen yet count as one.
///
/// A pipe, so that one `poll(2)` waits for it and for sockets alike.
package final class WakeSignal: Sendable {
    let readEnd: Int32
    private let writeEnd: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            preconditionFailure("No pipe for wake-ups: raise the limit of open files (ulimit -n).")
        }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        self.readEnd = ends[0]
        self.writeEnd = ends[1]
    }

    deinit {
        close(self.readEnd)
        close(self.writeEnd)
    }

    /// May be called from any thread, never blocks.
    package func wake() {
        // A full pipe refuses the byte, and is a wake-up already.
        var byte: UInt8 = 1
        _ = write(self.writeEnd, &byte, 1)
    }

    /// Takes the signals given so far. Returns whether there was one.
    func consume() -> Bool {
        var woken = false
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            while read(self.readEnd, buffer.baseAddress, buffer.count) > 0 { woken = true }
        }
        return woken
    }
}
