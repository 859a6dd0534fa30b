import TradingCore

/// The protocol state of one socket of the trading stream.
struct TradeUpdateSession {
    private(set) var isAuthenticated = false
    private(set) var isListening = false

    mutating func receive(
        _ message: JSONValue?,
        credentials: BrokerSimulatorConfiguration.Credentials?
    ) -> [StreamEffect] {
        guard let json = message, case .string(let action) = json["action"] else {
            return [Self.message("error", [JSONMember("error_message", .string("invalid syntax"))])]
        }
        switch action {
        case "authenticate", "auth":
            let keys = json["data"].map { ($0["key_id"], $0["secret_key"]) } ?? (json["key"], json["secret"])
            guard case (.string(let key), .string(let secret)) = keys,
                credentials.accept(key: key, secret: secret)
            else { return [Self.authorization("unauthorized", action)] }
            self.isAuthenticated = true
            return [Self.authorization("authorized", action)]
        case "listen":
            guard self.isAuthenticated else { return [Self.authorization("unauthorized", action)] }
            guard case .array(let streams) = json["data"]?["streams"] else {
                return [Self.message("error", [JSONMember("error_message", .string("streams are missing"))])]
            }
            let known = streams.contains(.string("trade_updates"))
            self.isListening = known
            return [
                Self.message(
                    "listening",
                    [JSONMember("streams", .array(known ? [.string("trade_updates")] : []))]
                )
            ]
        default:
            return [Self.message("error", [JSONMember("error_message", .string("unknown action"))])]
        }
    }

    private static func authorization(_ status: String, _ action: String) -> StreamEffect {
        Self.message(
            "authorization",
            [JSONMember("status", .string(status)), JSONMember("action", .string(action))]
        )
    }

    private static func message(_ stream: String, _ data: [JSONMember]) -> StreamEffect {
        .send(
            JSONWriter.bytes(
                JSONValue.object([JSONMember("stream", .string(stream)), JSONMember("data", .object(data))])
            )
        )
    }
}
