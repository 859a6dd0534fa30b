// swift-tools-version: 6.2
import PackageDescription

#if canImport(Glibc)
    import Glibc
#endif

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let instrumentation: Target.Dependency = .product(name: "Instrumentation", package: "swift-distributed-tracing")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let serviceLifecycleTestKit: Target.Dependency = .product(
    name: "ServiceLifecycleTestKit",
    package: "swift-service-lifecycle"
)
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")

/// An agent is a library (its judgement: pure, small) and a thin process around it, with an executable of its own.
func agent(_ name: String, executable: String) -> [Target] {
    [
        .target(name: name, dependencies: ["TradingCore", tracing], path: "Services/\(name)/Library"),
        .target(
            name: "\(name)Process",
            dependencies: [.target(name: name), "AgentRuntime", "Brokerage", "HTTPTransport", "TradingCore"],
            path: "Services/\(name)/Process"
        ),
        .executableTarget(
            name: executable,
            dependencies: [.target(name: "\(name)Process")],
            path: "Services/\(name)/Executable"
        ),
    ]
}

let shared: [Target] = [
    .systemLibrary(name: "CHiredis", path: "Shared/CHiredis", providers: [.apt(["libhiredis-dev"])]),
    .systemLibrary(name: "COpenSSL", path: "Shared/COpenSSL", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CCurl", path: "Shared/CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .target(name: "TradingCore", path: "Shared/TradingCore"),
    .target(
        name: "MessageBus",
        dependencies: ["TradingCore", "CHiredis", "COpenSSL"],
        path: "Shared/MessageBus",
        exclude: ["README.md"]
    ),
    .target(
        name: "HTTPTransport",
        dependencies: ["TradingCore", "CCurl", nioCore, nioPosix, nioHTTP1, nioWebSocket],
        path: "Shared/HTTPTransport"
    ),
    .target(
        name: "Telemetry",
        dependencies: ["TradingCore", "HTTPTransport", logging, coreMetrics, instrumentation, tracing],
        path: "Shared/Telemetry"
    ),
    .target(
        name: "Brokerage",
        dependencies: ["TradingCore", "HTTPTransport"],
        path: "Shared/Brokerage",
        exclude: ["README.md"]
    ),
    .target(name: "MarketSimulation", dependencies: ["TradingCore"], path: "Shared/MarketSimulation"),
    .target(
        name: "AgentRuntime",
        dependencies: [
            "TradingCore", "MessageBus", "HTTPTransport", "Brokerage", "Telemetry", configuration, coreMetrics,
            instrumentation, logging, nioCore, nioPosix, nioHTTP1, serviceLifecycle, unixSignals,
        ],
        path: "Shared/AgentRuntime"
    ),
]

let services: [Target] =
    agent("MarketDataAgent", executable: "market-data-agent")
    + agent("StrategyAgent", executable: "strategy-agent")
    + agent("RiskManagementAgent", executable: "risk-management-agent")
    + agent("OrderExecutionAgent", executable: "order-execution-agent")
    + agent("PositionManagementAgent", executable: "position-management-agent")
    + [
        .target(
            name: "BrokerSimulator",
            dependencies: [
                "TradingCore", "MarketSimulation", "MessageBus", logging, nioCore, nioPosix, nioHTTP1, nioWebSocket,
            ],
            path: "Services/BrokerSimulator/Library"
        ),
        .target(
            name: "BrokerSimulatorProcess",
            dependencies: [
                "BrokerSimulator", "AgentRuntime", "MarketSimulation", "MessageBus", "Telemetry", "TradingCore",
                logging, serviceLifecycle, unixSignals,
            ],
            path: "Services/BrokerSimulator/Process"
        ),
        .executableTarget(
            name: "broker-simulator",
            dependencies: ["BrokerSimulatorProcess"],
            path: "Services/BrokerSimulator/Executable"
        ),
        .target(
            name: "TradeControl",
            dependencies: [
                "AgentRuntime", "Brokerage", "TradingCore", "MarketSimulation", "MessageBus", "HTTPTransport",
                argumentParser,
            ],
            path: "Services/TradeControl/Library"
        ),
        .executableTarget(
            name: "tradectl",
            dependencies: ["TradeControl", argumentParser],
            path: "Services/TradeControl/Executable"
        ),
        .executableTarget(
            name: "quintet",
            dependencies: [
                "MarketDataAgentProcess", "StrategyAgentProcess", "RiskManagementAgentProcess",
                "OrderExecutionAgentProcess", "PositionManagementAgentProcess", "BrokerSimulatorProcess",
                "TradeControl", "AgentRuntime", argumentParser,
            ],
            path: "Services/Quintet"
        ),
    ]

let agentLibraries: [Target.Dependency] = [
    "MarketDataAgent", "StrategyAgent", "RiskManagementAgent", "OrderExecutionAgent", "PositionManagementAgent",
]

let tests: [Target] = [
    .target(name: "TestSupport", dependencies: ["TradingCore", "MessageBus"], path: "Tests/TestSupport"),
    .testTarget(
        name: "TradingCoreTests",
        dependencies: ["TradingCore"],
        path: "Tests/TradingCoreTests",
        exclude: ["Fixtures"]
    ),
    .testTarget(
        name: "MessageBusTests",
        dependencies: ["MessageBus", "TradingCore", "TestSupport"],
        path: "Tests/MessageBusTests"
    ),
    .testTarget(
        name: "HTTPTransportTests",
        dependencies: ["HTTPTransport", "TestSupport", nioCore, nioPosix, nioHTTP1, nioWebSocket],
        path: "Tests/HTTPTransportTests"
    ),
    .testTarget(
        name: "TelemetryTests",
        dependencies: ["Telemetry", "TradingCore", logging, coreMetrics],
        path: "Tests/TelemetryTests"
    ),
    .testTarget(
        name: "AgentRuntimeTests",
        dependencies: [
            "AgentRuntime", "Brokerage", "HTTPTransport", "MessageBus", "Telemetry", "TestSupport", "TradingCore",
            logging, coreMetrics, nioCore, nioPosix, nioHTTP1, nioWebSocket, serviceLifecycle,
            serviceLifecycleTestKit,
        ],
        path: "Tests/AgentRuntimeTests"
    ),
    .testTarget(
        name: "MarketSimulationTests",
        dependencies: ["MarketSimulation", "TestSupport", "TradingCore"],
        path: "Tests/MarketSimulationTests"
    ),
    .testTarget(
        name: "BrokerSimulatorTests",
        dependencies: [
            "BrokerSimulator", "HTTPTransport", "MarketSimulation", "MessageBus", "TestSupport", "TradingCore", logging,
            nioCore, nioPosix, nioHTTP1, nioWebSocket,
        ],
        path: "Tests/BrokerSimulatorTests"
    ),
    .testTarget(
        name: "TradeControlTests",
        dependencies: [
            "TradeControl", "TradingCore", "MarketSimulation", "MessageBus", "TestSupport", argumentParser,
        ],
        path: "Tests/TradeControlTests"
    ),
    .testTarget(
        name: "BrokerageTests",
        dependencies: ["Brokerage", "HTTPTransport", "TestSupport", "TradingCore"],
        path: "Tests/BrokerageTests"
    ),
    // The test binary finds the executables beside itself, so they have to be built with it.
    .testTarget(
        name: "ReplayTests",
        dependencies: [
            "TestSupport", "TradingCore", "MessageBus", "HTTPTransport", "MarketSimulation", "AgentRuntime",
            "Brokerage", "TradeControl", logging,
        ],
        path: "Tests/ReplayTests"
    ),
    .executableTarget(
        name: "quintet-bench",
        dependencies: ["HTTPTransport", "MessageBus", "TestSupport", "TradeControl", "TradingCore", argumentParser],
        path: "Tests/Benchmarks",
        exclude: ["Relays"]
    ),
    .executableTarget(
        name: "quintet-c-relay",
        path: "Tests/Benchmarks/Relays",
        exclude: ["python_relay.py"],
        linkerSettings: [.linkedLibrary("hiredis")]
    ),
    .testTarget(name: "AgentTests", dependencies: ["TradingCore"] + agentLibraries, path: "Tests/AgentTests"),
    .testTarget(
        name: "LifecycleTests",
        dependencies: [
            "TradingCore", "MessageBus", "Brokerage", "MarketSimulation", "AgentRuntime", logging,
        ] + agentLibraries,
        path: "Tests/LifecycleTests"
    ),
]

let package = Package(
    name: "quintet",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-distributed-tracing", exact: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: shared + services + tests
)

let quintetSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// A megabyte and a half of addresses to adjust at the start becomes a few pages. glibc knows how since 2.36.
let packedRelocations: [String] = {
    #if canImport(Glibc)
        var text = [CChar](repeating: 0, count: 64)
        confstr(Int32(_CS_GNU_LIBC_VERSION), &text, text.count)
        let name = text.prefix { $0 != 0 }.map { Character(Unicode.Scalar(UInt8(bitPattern: $0))) }
        let version = name.split { !$0.isNumber }.compactMap { Int(String($0)) }
        guard version.count >= 2, (version[0], version[1]) >= (2, 36) else { return [] }
        return ["-Xlinker", "-z", "-Xlinker", "pack-relative-relocs"]
    #else
        return []
    #endif
}()

// The Swift runtime is linked into each executable: an agent then keeps a fifth less in memory than with the shared
// one, and needs no toolchain where it runs. lld, as the other linkers warn of what Foundation uses.
let executableSettings: [LinkerSetting] = [
    .unsafeFlags(["-static-stdlib", "-use-ld=lld", "-Xlinker", "--no-export-dynamic"] + packedRelocations),
    // Parts of the static FoundationEssentials that it does not name itself.
    .linkedLibrary("_FoundationCollections"),
    .linkedLibrary("_FoundationCShims"),
]

for target in package.targets where target.type == .executable {
    target.linkerSettings = (target.linkerSettings ?? []) + executableSettings
}

for target in package.targets where [.regular, .executable, .test].contains(target.type) {
    target.swiftSettings = (target.swiftSettings ?? []) + quintetSettings
}
