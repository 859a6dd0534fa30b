import ServiceLifecycle

/// Runs one blocking thread as a service and stops it gracefully.
struct ThreadService: Service {
    private let stop: StopSignal
    private let body: @Sendable () throws -> Void

    init(stop: StopSignal, body: @escaping @Sendable () throws -> Void) {
        self.stop = stop
        self.body = body
    }

    func run() async throws {
        let stop = self.stop
        let body = self.body
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await DedicatedThread.run(body)
            } onGracefulShutdown: {
                stop.give()
            }
            // The group stops its services one after another and takes one that ends out of turn for a failure.
            if stop.isGiven { try? await gracefulShutdown() }
        } onCancel: {
            stop.give()
        }
    }
}
