import TradingCore

/// What the account's owner may set. Only `suspendTrade` changes what the replay does: new orders are then refused.
struct AccountSettings: Hashable, Sendable {
    private static let flags = [
        "suspend_trade", "no_shorting", "fractional_trading", "disable_overnight_trading", "ptp_no_exception_entry",
    ]

    private var values: [String: JSONValue] = [
        "suspend_trade": .bool(false),
        // The replay's account pays in full, in whole shares.
        "no_shorting": .bool(true),
        "fractional_trading": .bool(false),
        "disable_overnight_trading": .bool(true),
        "ptp_no_exception_entry": .bool(false),
        "max_margin_multiplier": .string("1"),
        "trade_confirm_email": .string("none"),
        "max_options_trading_level": .number("0"),
    ]

    var isTradingSuspended: Bool { self.values["suspend_trade"] == .bool(true) }

    var json: JSONValue { .object(self.values.sorted { $0.key < $1.key }.map { JSONMember($0.key, $0.value) }) }

    /// Takes over the members of a request's body; one of another name is left out of account.
    mutating func change(_ body: [UInt8]) throws(RESTFailure) {
        guard let json = try? JSONValue(parsing: body), case .object(let members) = json else {
            throw .malformedBody
        }
        for member in members where self.values[member.name] != nil && member.value != .null {
            guard Self.allows(member) else {
                throw .parameter("\(member.name) cannot be \(member.value.summary)")
            }
            self.values[member.name] = member.value
        }
    }

    private static func allows(_ member: JSONMember) -> Bool {
        switch (member.name, member.value) {
        case ("max_margin_multiplier", .string(let text)): ["1", "2", "4"].contains(text)
        case ("trade_confirm_email", .string(let text)): ["all", "none"].contains(text)
        case ("max_options_trading_level", .number(let text)): ["0", "1", "2", "3"].contains(text)
        case (let name, .bool): Self.flags.contains(name)
        default: false
        }
    }
}
