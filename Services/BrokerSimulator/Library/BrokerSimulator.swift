import Glibc
package import Logging
package import MarketSimulation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import TradingCore

/// A broker that replays bars: on one port the Alpaca trading and data API with both streams and the Schwab APIs with
/// their login and streamer, all over one account; on another a control plane.
///
/// One event loop serves all sockets, one thread drives the replay. Nothing of it is left when `stop` returns.
package final class BrokerSimulator: Sendable {
    /// REST and the streams.
    package let port: Int
    package let controlPort: Int

    private let control: ControlEndpoints
    private let gate: SettleGate
    private let channels: [any Channel]
    private let group: MultiThreadedEventLoopGroup
    private let replayThread: NIOThreadPool

    /// Opens both ports and starts the replay, which then waits for the clients it requires.
    ///
    /// - Parameter makeQuiescenceCheck: Called once, on the replay's thread, where the check then stays; nil when there
    ///   is no message bus to wait for.
    /// - Throws: ``BrokerSimulatorError`` when a port cannot be had or the port file cannot be written.
    package static func start(
        _ configuration: BrokerSimulatorConfiguration,
        bars: BarFolder,
        logger: Logger,
        makeQuiescenceCheck: (@Sendable () -> QuiescenceCheck)? = nil
    ) async throws(BrokerSimulatorError) -> BrokerSimulator {
        let recorder = try configuration.recording.map { path throws(BrokerSimulatorError) in
            try TrafficRecorder(path: path)
        }
        let gate = SettleGate(requiredRoles: configuration.requiredStreams, logger: logger)
        let access = SchwabAccess(configuration.schwab)
        let faults = FaultPlan(configuration.faults)
        var start = SimulatedMarket(folder: bars, matching: configuration.matching)
        start.plan(faults)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let hold = ReplayHold(gate: gate, eventLoop: group.next())
        let hub = StreamHub(
            symbols: bars.symbols,
            credentials: configuration.credentials,
            schwab: access,
            gate: gate,
            faults: faults,
            recorder: recorder,
            symbolLimit: configuration.symbolLimit,
            hold: hold,
            startingAt: start.now
        )
        let market = SharedMarket(start, hub: hub, hold: hold)
        let driver = ReplayDriver(market: market, hub: hub, gate: gate)
        let router = RESTRouter(
            credentials: configuration.credentials,
            schwab: SchwabRouter(configuration.schwab, access: access)
        )
        let control = ControlEndpoints(market: market, driver: driver, gate: gate, faults: faults)
        let desk = FaultyDesk(plan: faults, tokens: access.tokens) { request in
            market.perform { market, updates in
                router.reply(to: request, market: &market, updates: &updates)
            }
        }
        var channels: [any Channel] = []
        do {
            channels.append(
                try await Self.listen(group, configuration.host, configuration.port) { channel in
                    try Self.serve(channel, hub, gate, configuration) { request in
                        let reply = desk.reply(to: request)
                        recorder?.answered(request, with: reply)
                        return reply
                    }
                }
            )
            channels.append(
                try await Self.listen(group, configuration.host, configuration.controlPort) { channel in
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(RESTChannelHandler(gate: nil) { control.reply(to: $0) })
                }
            )
            if let path = configuration.portFile {
                let ports = "{\"port\":\(channels[0].boundPort),\"control_port\":\(channels[1].boundPort)}\n"
                try PublishedFile.write(ports, to: path)
            }
        } catch {
            for channel in channels { try? await channel.close() }
            try? await group.shutdownGracefully()
            throw error
        }
        let simulator = BrokerSimulator(control: control, gate: gate, channels: channels, group: group)
        simulator.replayThread.start()
        simulator.replayThread.submit { _ in driver.run(makeQuiescenceCheck?()) }
        return simulator
    }

    private init(
        control: ControlEndpoints,
        gate: SettleGate,
        channels: [any Channel],
        group: MultiThreadedEventLoopGroup
    ) {
        self.control = control
        self.gate = gate
        self.channels = channels
        self.group = group
        self.port = channels[0].boundPort
        self.controlPort = channels[1].boundPort
        self.replayThread = NIOThreadPool(numberOfThreads: 1)
    }

    /// Whether the bars are over and the system has settled after the last of them.
    package var isFinished: Bool { self.control.driver.state == .finished }

    /// Every fault that was ordered, with the number of its strikes.
    package var strikes: [(order: FaultOrder, count: Int)] { self.control.faults.strikes }

    /// Writes what `GET /result` of the control port tells to a file, at once or not at all.
    package func writeResult(to path: String) throws(BrokerSimulatorError) {
        try PublishedFile.write(String(decoding: self.control.result().body, as: UTF8.self) + "\n", to: path)
    }

    /// Ends the replay where it is and closes every connection.
    package func stop() async {
        self.gate.stop()
        // What these could report is that something had ended before.
        try? await self.replayThread.shutdownGracefully()
        for channel in self.channels { try? await channel.close() }
        try? await self.group.shutdownGracefully()
    }

    private static func listen(
        _ group: MultiThreadedEventLoopGroup,
        _ host: String,
        _ port: Int,
        _ configure: @escaping @Sendable (any Channel) throws -> Void
    ) async throws(BrokerSimulatorError) -> any Channel {
        do {
            return try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 256)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.writeBufferWaterMark, value: .init(low: 1 << 20, high: 8 << 20))
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try configure(channel) }
                }
                .bind(host: host, port: port).get()
        } catch {
            let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
            throw BrokerSimulatorError("cannot listen on \(host):\(port): \(reason); choose another port or 0 for any")
        }
    }

    /// HTTP, and on the streams' paths WebSocket. Runs on the channel's event loop.
    private static func serve(
        _ channel: any Channel,
        _ hub: StreamHub,
        _ gate: SettleGate,
        _ configuration: BrokerSimulatorConfiguration,
        _ respond: @escaping @Sendable (RESTRequest) -> RESTReply
    ) throws {
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: 1 << 20,
            shouldUpgrade: { channel, head in
                let isAdmitted = StreamEndpoint(target: head.uri).map { hub.admits($0) } ?? false
                return channel.eventLoop.makeSucceededFuture(isAdmitted ? HTTPHeaders() : nil)
            },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    guard let endpoint = StreamEndpoint(target: head.uri) else { return }
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        NIOWebSocketFrameAggregator(
                            minNonFinalFragmentSize: 1,
                            maxAccumulatedFrameCount: 1024,
                            maxAccumulatedFrameSize: 1 << 20
                        )
                    )
                    try pipeline.addHandler(
                        StreamChannelHandler(
                            hub: hub,
                            endpoint: endpoint,
                            form: StreamForm(endpoint, head.headers, configuration),
                            key: head.headers.first(name: "APCA-API-KEY-ID") ?? "",
                            secret: head.headers.first(name: "APCA-API-SECRET-KEY") ?? "",
                            heartbeatInterval: endpoint == .schwab
                                ? TimeAmount(configuration.schwab.heartbeatInterval) : nil
                        )
                    )
                }
            }
        )
        let pipeline = channel.pipeline.syncOperations
        try pipeline.configureHTTPServerPipeline(
            withServerUpgrade: (
                upgraders: [upgrader],
                completionHandler: { context in
                    context.pipeline.syncOperations.removeHandler(name: RESTChannelHandler.name, promise: nil)
                }
            )
        )
        try pipeline.addHandler(RESTChannelHandler(gate: gate, respond: respond), name: RESTChannelHandler.name)
    }
}

extension StreamForm {
    /// What the handshake asks for.
    fileprivate init(
        _ endpoint: StreamEndpoint,
        _ headers: HTTPHeaders,
        _ configuration: BrokerSimulatorConfiguration
    ) {
        switch endpoint {
        case .trading: self = configuration.tradeUpdateForm
        case .marketData:
            self = headers.first(name: "Content-Type") == "application/msgpack" ? .messagePack : .text
        case .schwab: self = .text
        }
    }
}

extension Channel {
    fileprivate var boundPort: Int { self.localAddress?.port ?? 0 }
}

/// Why the simulator did not start, and what to do.
package struct BrokerSimulatorError: Error, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
