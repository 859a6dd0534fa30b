import Glibc
import ServiceLifecycle

/// Ends the process when the one that started it is gone, so that a killed supervisor leaves nothing running.
package struct ParentWatch: Service {
    private let parent: pid_t

    /// Nil unless `EXIT_WITH_PARENT` is true.
    package init?(_ settings: Settings) throws(ConfigurationError) {
        guard try settings.bool("exit.with.parent", default: false) else { return nil }
        self.parent = getppid()
    }

    package func run() async throws {
        // There is no portable event for it: the parent's id is looked at twice a second.
        try? await cancelWhenGracefulShutdown {
            while getppid() == self.parent { try await Task.sleep(for: .milliseconds(500)) }
        }
        if getppid() != self.parent { kill(getpid(), SIGTERM) }
        try? await gracefulShutdown()
    }
}
