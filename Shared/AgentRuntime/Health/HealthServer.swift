import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
package import Telemetry

/// Answers `GET /livez` (200 or 503), `/readyz` (200 or 503 with the checks as JSON, hanging threads among them) and
/// `/metrics` (Prometheus text).
///
/// It answers from `start` on, so that a probe learns about a slow start, and until `run()` has ended. One thread of
/// its own; at most 64 connections, each closed after 30 s without a request.
package final class HealthServer: Service {
    /// The port it listens on; the one the system chose when 0 was asked for.
    package let port: Int

    private let channel: any Channel
    private let group: MultiThreadedEventLoopGroup

    private init(channel: any Channel, group: MultiThreadedEventLoopGroup, port: Int) {
        self.channel = channel
        self.group = group
        self.port = port
    }

    /// Starts listening. The caller then runs `run()`, also to end it.
    ///
    /// - Parameters:
    ///   - port: 0 takes any free port.
    ///   - liveness: called for every `/livez` and `/readyz`, on the server's thread: it must not block.
    /// - Throws: `HealthServerError` when the address cannot be had.
    package static func start(
        host: String,
        port: Int,
        liveness: @escaping @Sendable () -> Liveness,
        readiness: ReadinessBoard,
        metrics: PrometheusMetricsFactory
    ) async throws(HealthServerError) -> HealthServer {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let responder = HealthResponder(liveness: liveness, readiness: readiness, metrics: metrics)
        let connections = ConnectionCount(maximum: 64)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(ConnectionLimiter(connections))
                    try pipeline.addHandler(IdleStateHandler(readTimeout: .seconds(30)))
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(HealthHandler(responder))
                }
            }
        do {
            let channel = try await bootstrap.bind(host: host, port: port).get()
            return HealthServer(channel: channel, group: group, port: channel.localAddress?.port ?? port)
        } catch {
            // Nothing is left running; that the threads end is all this could report.
            try? await group.shutdownGracefully()
            throw HealthServerError(host: host, port: port, reason: Self.reason(error))
        }
    }

    private static func reason(_ error: any Error) -> String {
        (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
    }

    /// Returns after a graceful shutdown or a cancellation, with every connection closed.
    package func run() async throws {
        let channel = self.channel
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await channel.closeFuture.get()
            } onGracefulShutdown: {
                channel.close(promise: nil)
            }
        } onCancel: {
            channel.close(promise: nil)
        }
        try await self.group.shutdownGracefully()
    }
}

/// The health server's address cannot be had.
package struct HealthServerError: Error, CustomStringConvertible {
    package let host: String
    package let port: Int
    package let reason: String

    package var description: String {
        "cannot listen on \(self.host), port \(self.port): \(self.reason); set HTTP_HOST or HTTP_PORT to a free address"
    }
}
