import AgentRuntime
import ArgumentParser
import Glibc
import MessageBus

extension CommandFailure {
    /// Runs a command. What goes wrong becomes one line on the error output and an exit code.
    static func reporting(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let code as ExitCode {
            throw code
        } catch {
            FileSystem.write(Display.plain("tradectl: \(error)\n"), to: STDERR_FILENO)
            throw ExitCode(Self.code(of: error).rawValue)
        }
    }

    private static func code(of error: any Error) -> Code {
        switch error {
        case let failure as CommandFailure: failure.code
        case is ConfigurationError, is RedisEndpointError: .badConfiguration
        case let error as MessageBusError where error.code == .ledgerReplaced: .failed
        case is MessageBusError: .unavailable
        default: .failed
        }
    }
}
