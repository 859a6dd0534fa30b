import AgentRuntime
package import ArgumentParser
import Brokerage
import Glibc
import HTTPTransport
import TradingCore

/// `tradectl schwab`: what a person has to do for the connection to Schwab.
package struct SchwabCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "schwab",
        abstract: "Looks after the login at Charles Schwab.",
        subcommands: [Login.self, Status.self]
    )

    package init() {}

    private static let settings = """
        Reads SCHWAB_APP_KEY, SCHWAB_APP_SECRET, SCHWAB_CALLBACK_URL, SCHWAB_ACCOUNT_NUMBER and SCHWAB_TOKEN_FILE from \
        the environment or from the file that QUINTET_CONFIG names.
        """

    /// Blocks on the terminal and the network.
    struct Login: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Logs in through a browser and keeps the login for the agents.",
            discussion: """
                Schwab ends every login after seven days: do this at least once a week.

                \(SchwabCommand.settings)

                Example: SCHWAB_TOKEN_FILE=schwab-login.json tradectl schwab login
                """
        )

        func run() throws {
            try CommandFailure.reporting {
                let settings = try Settings()
                let login = SchwabLogin(
                    endpoints: try SchwabEndpoints(settings),
                    client: CurlHTTPClient(tls: try TLSSettings(settings)),
                    now: WallClock.now
                )
                print(
                    """
                    1. Open this address in a browser, log in at Schwab and allow the account that is to be traded:

                       \(login.authorizeURL)

                    2. The browser then shows an address that begins with the app's callback URL; that the page itself \
                    cannot be shown does not matter. Within half a minute, paste all of that address here:
                    """
                )
                guard let address = readLine() else {
                    throw CommandFailure(.failed, "no address was given; nothing has changed")
                }
                let lifetime = try login.finish(redirectedTo: address)
                print("Logged in. The login ends in \(BrokerLogin.text(of: lifetime)); log in again before.")
            }
        }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says how long the login lasts.",
            discussion: """
                Ends with code 1 when there is no login or it has ended. SCHWAB_LOGIN_RESERVE, 24h unless given, says how \
                much of a login has to be left for positions to be opened.

                \(SchwabCommand.settings)

                Example: tradectl schwab status
                """
        )

        func run() throws {
            try CommandFailure.reporting {
                let settings = try Settings()
                let endpoints = try SchwabEndpoints(settings)
                let reserve = try RiskLimits(settings).loginReserve
                let login = SchwabLogin.kept(in: endpoints.tokenFile, at: WallClock.now())
                guard login.timeLeft > .zero else { throw CommandFailure(.failed, "\(login): \(login.remedy)") }
                print("Schwab: \(login).")
                if login.timeLeft <= reserve {
                    print(
                        "No positions are opened for the rest of it, and open ones are sold as ever: \(login.remedy)."
                    )
                } else {
                    print("Positions are opened until \(BrokerLogin.text(of: reserve)) before (SCHWAB_LOGIN_RESERVE).")
                }
            }
        }
    }
}
