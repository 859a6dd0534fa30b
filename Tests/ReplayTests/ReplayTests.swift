import TestSupport
import Testing

/// The whole system as its users run it: `tradectl replay` and the processes it starts.
///
/// One run at a time: each wants both of a small machine's cores.
@Suite(.serialized) enum ReplayTests {}

/// The undisturbed runs, which others are held against.
enum UndisturbedRun {
    private static let run = Task { try await Self.start() }
    private static let wholeRun = Task {
        try await ReplayRunner(bars: SampleBars.folder).report(within: .seconds(300))
    }

    /// Over the small bars.
    static func report() async throws -> RunReport { try await Self.run.value }

    /// Over the whole sample.
    static func wholeReport() async throws -> RunReport { try await Self.wholeRun.value }

    private static func start() async throws -> RunReport { try await Self.report(over: try SampleBars.small()) }

    static func report(over bars: BarTexts) async throws -> RunReport {
        let folder = try bars.folder()
        return try await ReplayRunner(bars: folder.path).report()
    }
}
