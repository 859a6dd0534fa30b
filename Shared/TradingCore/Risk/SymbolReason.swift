/// A symbol and what is the matter with it, as documents write it.
package struct SymbolReason: JSONEncodable {
    private let symbol: Symbol
    private let reason: String

    package init(key symbol: Symbol, value reason: String) {
        self.symbol = symbol
        self.reason = reason
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("reason", self.reason)
        }
    }
}
