import Glibc

/// A thread of its own for work that blocks: Swift's executor has as many threads as the machine has cores, and two
/// blocking calls would take both.
package enum DedicatedThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    /// Runs `body` on a new thread and waits for it without blocking. Cancellation does not reach it: give it a
    /// `StopSignal`.
    package static func run(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let work = Work { continuation.resume(with: Result { try body() }) }
            var thread = pthread_t()
            let error = pthread_create(
                &thread,
                nil,
                { pointer in
                    guard let pointer else { return nil }
                    Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body()
                    return nil
                },
                Unmanaged.passRetained(work).toOpaque()
            )
            if error == 0 {
                pthread_detach(thread)
            } else {
                continuation.resume(throwing: ThreadError(description: "no thread could be started (errno \(error))"))
            }
        }
    }
}

package struct ThreadError: Error, CustomStringConvertible {
    package let description: String
}
