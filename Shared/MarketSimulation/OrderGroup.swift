/// An order's part in orders that depend on each other.
package struct OrderGroup: Hashable, Sendable {
    package enum OrderClass: String, Hashable, Sendable, CaseIterable {
        /// An entry, then two exits.
        case bracket
        /// An entry, then one exit.
        case oneTriggersOther = "oto"
        /// Two exits for shares that are held.
        case oneCancelsOther = "oco"
    }

    package enum Role: String, Hashable, Sendable, CaseIterable {
        case entry
        case takeProfit = "take_profit"
        case stopLoss = "stop_loss"
    }

    /// The same for all members, replacements included.
    package let id: String
    package let orderClass: OrderClass
    package let role: Role
}

/// What somebody asks the broker to do with several orders at once. They are of one symbol and one quantity, day or good
/// till cancelled; entries buy, exits sell.
package enum OrderGroupRequest: Hashable, Sendable {
    case bracket(entry: OrderRequest, takeProfit: OrderRequest, stopLoss: OrderRequest)
    /// The exit is a take-profit when it is a limit order.
    case oneTriggersOther(entry: OrderRequest, exit: OrderRequest)
    case oneCancelsOther(takeProfit: OrderRequest, stopLoss: OrderRequest)

    package var orderClass: OrderGroup.OrderClass {
        switch self {
        case .bracket: .bracket
        case .oneTriggersOther: .oneTriggersOther
        case .oneCancelsOther: .oneCancelsOther
        }
    }

    /// In order of entry; the first stands for the group.
    package var members: [(role: OrderGroup.Role, request: OrderRequest)] {
        switch self {
        case .bracket(let entry, let takeProfit, let stopLoss):
            [(.entry, entry), (.takeProfit, takeProfit), (.stopLoss, stopLoss)]
        case .oneTriggersOther(let entry, let exit):
            [(.entry, entry), (exit.kind == .limit ? .takeProfit : .stopLoss, exit)]
        case .oneCancelsOther(let takeProfit, let stopLoss):
            [(.takeProfit, takeProfit), (.stopLoss, stopLoss)]
        }
    }
}
