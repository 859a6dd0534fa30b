import ArgumentParser
import TradingCore

/// How arguments of commands are read.
enum CommandArguments {
    @Sendable
    static func symbol(_ text: String) throws -> Symbol {
        guard let symbol = Symbol(text) else {
            throw ValidationError("\"\(text)\" is no ticker symbol; expected one such as AAPL")
        }
        return symbol
    }

    @Sendable
    static func trade(_ text: String) throws -> TradeID {
        guard let id = TradeID(text) else {
            throw ValidationError("\"\(text)\" is no trade id; expected one such as MSFT-20090206T210000Z")
        }
        return id
    }

    @Sendable
    static func order(_ text: String) throws -> ClientOrderID {
        guard let id = ClientOrderID(text) else {
            throw ValidationError("\"\(text)\" is no order id; expected one such as MSFT-20090206T210000Z-entry-1")
        }
        return id
    }
}
