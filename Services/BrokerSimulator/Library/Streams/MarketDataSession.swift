import TradingCore

/// What a stream's protocol wants done after a message.
enum StreamEffect: Hashable {
    case send([UInt8])
    case close
}

/// The protocol state of one market-data socket.
struct MarketDataSession {
    enum Channel: String, CaseIterable {
        case trades, quotes, bars, updatedBars, dailyBars, statuses, lulds, corrections, cancelErrors
    }

    /// Of the broker's other feeds.
    private static let foreignChannels = ["news", "orderbooks", "imbalances"]

    /// Of all channels together.
    let symbolLimit: Int
    private(set) var isAuthenticated = false
    private var subscriptions: [Channel: Set<String>] = [:]

    init(symbolLimit: Int) {
        self.symbolLimit = symbolLimit
    }

    static let greeting = Self.message("success", "connected")

    func wants(_ channel: Channel, _ symbol: Symbol) -> Bool {
        guard self.isAuthenticated, let names = self.subscriptions[channel] else { return false }
        return names.contains(symbol.rawValue) || names.contains("*")
    }

    /// - Parameters:
    ///   - isSlotFree: Whether no other connection of the endpoint is authenticated.
    mutating func receive(
        _ message: JSONValue?,
        credentials: BrokerSimulatorConfiguration.Credentials?,
        isSlotFree: Bool
    ) -> [StreamEffect] {
        guard let json = message, case .string(let action) = json["action"] else {
            return [Self.error(400, "invalid syntax")]
        }
        switch action {
        case "auth":
            guard case .string(let key) = json["key"], case .string(let secret) = json["secret"] else {
                return [Self.error(400, "invalid syntax")]
            }
            return self.authenticate(key: key, secret: secret, credentials: credentials, isSlotFree: isSlotFree)
        case "subscribe", "unsubscribe":
            guard self.isAuthenticated else { return [Self.error(401, "not authenticated")] }
            return [self.change(json, isAddition: action == "subscribe")]
        default:
            return [Self.error(400, "invalid syntax")]
        }
    }

    mutating func authenticate(
        key: String,
        secret: String,
        credentials: BrokerSimulatorConfiguration.Credentials?,
        isSlotFree: Bool
    ) -> [StreamEffect] {
        guard !self.isAuthenticated else { return [Self.error(403, "already authenticated")] }
        guard credentials.accept(key: key, secret: secret) else { return [Self.error(402, "auth failed")] }
        guard isSlotFree else { return [Self.error(406, "connection limit exceeded"), .close] }
        self.isAuthenticated = true
        return [Self.message("success", "authenticated")]
    }

    static func error(_ code: Int, _ text: String) -> StreamEffect {
        var writer = JSONWriter()
        writer.array {
            $0.element(
                JSONValue.object([
                    JSONMember("T", .string("error")), JSONMember("code", .number("\(code)")),
                    JSONMember("msg", .string(text)),
                ])
            )
        }
        return .send(writer.bytes)
    }

    private static func message(_ kind: String, _ text: String) -> StreamEffect {
        let object = JSONValue.object([JSONMember("T", .string(kind)), JSONMember("msg", .string(text))])
        return .send(JSONWriter.bytes([object]))
    }

    private mutating func change(_ json: JSONValue, isAddition: Bool) -> StreamEffect {
        guard Self.foreignChannels.allSatisfy({ json[$0] == nil }) else {
            return Self.error(410, "invalid subscribe action for this feed")
        }
        let before = self.subscriptions
        for channel in Channel.allCases {
            guard case .array(let values) = json[channel.rawValue] else { continue }
            let names = Set(
                values.compactMap { value in
                    if case .string(let name) = value { name } else { nil }
                }
            )
            let present = self.subscriptions[channel] ?? []
            self.subscriptions[channel] = isAddition ? present.union(names) : present.subtracting(names)
        }
        guard Set(self.subscriptions.values.joined()).count <= self.symbolLimit else {
            self.subscriptions = before
            return Self.error(405, "symbol limit exceeded")
        }
        // Who gets trades gets what takes them back.
        self.subscriptions[.corrections] = self.subscriptions[.trades]
        self.subscriptions[.cancelErrors] = self.subscriptions[.trades]
        var writer = JSONWriter()
        writer.object {
            $0.field("T", "subscription")
            for channel in Channel.allCases {
                $0.field(channel.rawValue, (self.subscriptions[channel] ?? []).sorted())
            }
        }
        return .send([UInt8(ascii: "[")] + writer.bytes + [UInt8(ascii: "]")])
    }
}
