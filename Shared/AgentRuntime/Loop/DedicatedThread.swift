import HTTPTransport

/// A thread that somebody waits for without blocking.
package enum DedicatedThread {
    /// Runs `body` on a new thread and waits for it. Cancellation does not reach it: give it a `StopSignal`.
    package static func run(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let error = DetachedThread.start { continuation.resume(with: Result { try body() }) }
            if let error {
                continuation.resume(throwing: ThreadError(description: "no thread could be started (errno \(error))"))
            }
        }
    }
}

package struct ThreadError: Error, CustomStringConvertible {
    package let description: String
}
