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

    /// Blocks on the terminal and the network.
    struct Login: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Logs in through a browser and keeps the login for the agents.",
            discussion: """
                Schwab ends every login after seven days: do this at least once a week.

                Reads SCHWAB_APP_KEY, SCHWAB_APP_SECRET, SCHWAB_CALLBACK_URL, SCHWAB_ACCOUNT_NUMBER and \
                SCHWAB_TOKEN_FILE from the environment or from the file that QUINTET_CONFIG names; key, secret and \
                account number also from files of their own (SCHWAB_APP_SECRET_FILE).

                Example:

                  export SCHWAB_APP_KEY=<key> SCHWAB_APP_SECRET_FILE=<file of the secret>
                  export SCHWAB_CALLBACK_URL=https://127.0.0.1:8182
                  export SCHWAB_ACCOUNT_NUMBER=<digits> SCHWAB_TOKEN_FILE=<new file>
                  .build/release/tradectl schwab login
                """
        )

        func run() throws {
            try CommandFailure.reporting {
                let settings = try Settings()
                let endpoints = try SchwabEndpoints(settings)
                let client = CurlHTTPClient(tls: try TLSSettings(settings))
                let login = SchwabLogin(endpoints: endpoints, client: client, now: WallClock.now)
                try login.checkTokenFile()
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
                let broker = SchwabBroker(endpoints: endpoints, client: client, now: WallClock.now)
                print("Logged in; \(try SchwabCommand.found(broker)).")
                print("The login ends in \(BrokerLogin.text(of: lifetime)); log in again before.")
            }
        }
    }

    private static func found(_ broker: SchwabBroker) throws(CommandFailure) -> String {
        do throws(BrokerError) {
            let account = try broker.checkAccount()
            return "account \(account.accountName) found"
                + (account.mayOpenPositions ? "" : ", which may only close positions")
        } catch {
            throw CommandFailure(.failed, "logged in, and the login is kept; but \(error.reason)")
        }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says how long the login lasts.",
            discussion: """
                Ends with code 1 when there is no login or it has ended. SCHWAB_LOGIN_RESERVE, 24h unless given, says how \
                much of a login has to be left for positions to be opened.

                Reads SCHWAB_TOKEN_FILE, and nothing else has to be set. It asks nobody.

                Example: SCHWAB_TOKEN_FILE=$HOME/schwab-login.json .build/release/tradectl schwab status
                """
        )

        func run() throws {
            try CommandFailure.reporting {
                let settings = try Settings()
                let file = try settings.requiredString("schwab.tokenFile")
                let reserve = try RiskLimits(settings).loginReserve
                let login = SchwabLogin.kept(in: file, at: WallClock.now())
                guard login.timeLeft > .zero else { throw CommandFailure(.failed, login.advice) }
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
