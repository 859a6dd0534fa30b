import Glibc

/// A thread beside the test's own, which may block while the test's does. Join it before the test ends.
package final class TestThread {
    private var handle = pthread_t()

    package init(_ body: @escaping @Sendable () -> Void) {
        let context = Unmanaged.passRetained(Body(run: body)).toOpaque()
        let result = pthread_create(
            &self.handle,
            nil,
            { context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            },
            context
        )
        precondition(result == 0, "No thread could be started: error \(result).")
    }

    package func join() {
        pthread_join(self.handle, nil)
    }

    private final class Body {
        let run: @Sendable () -> Void
        init(run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
