import HTTPTransport

/// Whether the process that runs beside this one is well: a container image without a shell has no other program that
/// could ask.
package enum HealthQuestion {
    package static let option = "--check-health"

    package static var isAsked: Bool { CommandLine.arguments.dropFirst().contains(Self.option) }

    /// Returns if the process on this machine answers 200. Blocks for up to three seconds.
    ///
    /// - Parameters:
    ///   - host: where it listens; for every address of the machine, it is asked at loopback.
    ///   - setting: the port's, for people.
    /// - Throws: `ConfigurationError` for port 0, which the process has chosen by itself, and else why it is not well.
    package static func ask(host: String, port: Int, _ setting: String, path: String) throws {
        guard port > 0 else {
            throw ConfigurationError(
                .malformed,
                "\(setting) is 0 or not set, so nobody knows on which port to ask; set it to one from 1 to 65535"
            )
        }
        let url = "http://\(Self.address(of: host)):\(port)\(path)"
        let request = HTTPRequest(
            method: .get,
            url: url,
            connectTimeout: .seconds(1),
            totalTimeout: .seconds(3)
        )
        let response: HTTPResponse
        do {
            response = try CurlHTTPClient(maximumResponseBytes: 1 << 16).perform(request)
        } catch {
            throw IllHealth(description: "\(url) does not answer: \(error)")
        }
        guard response.status == 200 else {
            let body = String(decoding: response.body.prefix(1000), as: UTF8.self)
            throw IllHealth(description: "\(url) answers \(response.status): \(body)")
        }
    }

    private static func address(of host: String) -> String {
        switch host {
        case "0.0.0.0": "127.0.0.1"
        case "::": "[::1]"
        default: host.contains(":") ? "[\(host)]" : host
        }
    }

    private struct IllHealth: Error, CustomStringConvertible {
        let description: String
    }
}
