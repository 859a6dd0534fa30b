import Glibc

/// A thread of its own for work that blocks: Swift's executor has as many threads as the machine has cores, and two
/// blocking calls would take both.
package enum DetachedThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    /// Starts `body` and does not wait for it. Returns the error number if no thread can be had.
    package static func start(_ body: @escaping @Sendable () -> Void) -> CInt? {
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let error = pthread_create(
            &thread,
            nil,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body()
                return nil
            },
            work.toOpaque()
        )
        guard error == 0 else {
            work.release()
            return error
        }
        pthread_detach(thread)
        return nil
    }
}
