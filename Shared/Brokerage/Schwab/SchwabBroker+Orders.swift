import HTTPTransport
package import TradingCore

extension SchwabBroker {
    /// How far an order's time at Schwab may lie outside of the time in which it was sent.
    private static let clockTolerance = Duration.seconds(120)
    private static let mostReplacements = 100

    // MARK: Sending

    /// Sends the order once. An order sent before is not recognised here: look for it first.
    package func place(_ order: OrderReference) throws(BrokerError) -> OrderReport {
        if let defect = order.terms.defect {
            throw BrokerError(.refused(code: "terms"), "order \(order.id) \(defect)")
        }
        let answer = try self.session.send(
            .post,
            try self.session.accountPath() + "/orders",
            body: JSONWriter.bytes(SchwabOrderRequest(order.terms)),
            as: "POST orders"
        )
        return try self.report(answer, on: order)
    }

    /// Looks at the order first: Schwab cancels it and enters another, and must not do so twice.
    package func replace(
        _ order: OrderReference,
        with replacement: OrderTerms
    ) throws(BrokerError) -> OrderReport {
        let known: SchwabOrder?
        if let number = order.brokerOrderID {
            known = try self.order(number: number)
        } else {
            known = try self.lookAlike(of: order)
        }
        guard let known else {
            throw BrokerError(.refused(code: "unknown"), "Schwab does not know order \(order.id)")
        }
        guard known.isAbout(order.terms) else { throw Self.mismatch(known, order) }
        guard known.isOpen, order.terms.orderClass == .simple, replacement.orderClass == .simple else {
            throw BrokerError(
                .refused(code: "state"),
                "order \(order.id) is \(known.status) and a \(order.terms.orderClass.schwabName) order: only a single "
                    + "order that is open can be replaced"
            )
        }
        var rest = replacement
        rest.quantity = replacement.quantity - known.claimedFill
        if let defect = rest.defect {
            throw BrokerError(.refused(code: "terms"), "order \(rest.clientOrderID) \(defect)")
        }
        let answer = try self.session.send(
            .put,
            try self.session.accountPath() + "/orders/" + percentEncoded(known.id),
            body: JSONWriter.bytes(SchwabOrderRequest(rest)),
            as: "PUT order"
        )
        return try self.report(
            answer,
            on: OrderReference(terms: rest, intendedAt: self.session.brokerTime, claimed: order.claimed)
        )
    }

    /// What an order just sent has come to.
    private func report(_ answer: SchwabAnswer, on order: OrderReference) throws(BrokerError) -> OrderReport {
        guard answer.isSuccess else { throw answer.failure() }
        guard let id = answer.orderID else {
            throw answer.unreadable("it does not tell the order's number", .unknownOutcome)
        }
        // It is taken. If it cannot be read at once, it can later.
        guard let placed = try? self.order(number: id) else {
            let time = answer.date ?? order.intendedAt
            return OrderReport(
                clientOrderID: order.id,
                brokerOrderID: id,
                event: .submitted,
                filledQuantity: .zero,
                averagePrice: nil,
                submittedAt: time,
                timestamp: time
            )
        }
        guard placed.matches(order.terms) else {
            throw answer.unreadable("order \(id), which it names, is another one", .unknownOutcome)
        }
        do throws(BrokerError) {
            return try self.report(placed, for: order)
        } catch {
            throw BrokerError(.unknownOutcome, error.reason)
        }
    }

    package func requestCancel(brokerOrderID: String) throws(BrokerError) {
        let answer = try self.session.send(
            .delete,
            try self.session.accountPath() + "/orders/" + percentEncoded(brokerOrderID),
            as: "DELETE order"
        )
        // An order that has ended is turned down like one that never was: what it has come to is for the next look.
        if answer.status == 400 || answer.isNotFound {
            throw BrokerError(.refused(code: "\(answer.status)"), answer.failure().reason)
        }
        guard answer.isSuccess else { throw answer.failure() }
    }

    // MARK: Looking

    /// One look. Nil when Schwab does not know the order's number, or, if there is none yet, no order that can be it:
    /// either proves something only if it is so again and again for a minute.
    package func order(_ order: OrderReference) throws(BrokerError) -> OrderReport? {
        guard let number = order.brokerOrderID else {
            return try self.lookAlike(of: order).map { found throws(BrokerError) in try self.report(found, for: order) }
        }
        guard let known = try self.order(number: number) else { return nil }
        guard known.isAbout(order.terms) else { throw Self.mismatch(known, order) }
        return try self.report(known, for: order)
    }

    /// From one listing of the account's orders; what is not there, or has no number yet, has a look of its own.
    package func orders(_ orders: [OrderReference]) throws(BrokerError) -> [Result<OrderReport?, BrokerError>] {
        let numbered = orders.filter { $0.brokerOrderID != nil }
        let known = numbered.count > 1 ? try self.ordersByNumber(intendedAt: numbered.map(\.intendedAt)) : [:]
        return orders.eachAnswered { order throws(BrokerError) in
            guard let found = order.brokerOrderID.flatMap({ known[$0] }) else { return try self.order(order) }
            guard found.isAbout(order.terms) else { throw Self.mismatch(found, order) }
            return try self.report(found, for: order)
        }
    }

    /// Empty where the listing has no good answer: one order of another's making can spoil it.
    private func ordersByNumber(intendedAt times: [Timestamp]) throws(BrokerError) -> [String: SchwabOrder] {
        let now = self.session.brokerTime
        let start = (times.min() ?? now) - Self.clockTolerance
        let end = max(now, times.max() ?? now) + Self.clockTolerance
        do throws(BrokerError) {
            let orders = try self.orders(enteredFrom: max(start, end - Self.longestLife), to: end)
            return Dictionary(orders.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        } catch {
            guard error.isAboutOneQuestion else { throw error }
            return [:]
        }
    }

    private static func mismatch(_ found: SchwabOrder, _ order: OrderReference) -> BrokerError {
        BrokerError(
            .refused(code: "mismatch"),
            "Schwab's order \(found.id) is not \(order.id): a person has to look at the account's orders"
        )
    }

    /// The order's own report or, where another goes on in its place, that of both as one.
    private func report(_ found: SchwabOrder, for order: OrderReference) throws(BrokerError) -> OrderReport {
        var report = try self.ownReport(found, order.id)
        var last = found
        var rest = order
        for _ in 0..<Self.mostReplacements {
            guard last.isReplaced else { return report }
            rest.brokerOrderID = last.id
            rest.terms.quantity = order.terms.quantity - report.filledQuantity
            guard let next = try self.successor(of: last, for: rest) else {
                // What goes on is another order of the ledger's.
                report.event = .cancelled
                return report
            }
            rest.claimed.insert(last.id)
            report = try report.continued(by: try self.ownReport(next, order.id))
            last = next
        }
        throw BrokerError(.unreadable, "order \(order.id) was replaced more than \(Self.mostReplacements) times")
    }

    private func ownReport(_ found: SchwabOrder, _ id: ClientOrderID) throws(BrokerError) -> OrderReport {
        do throws(JSONError) {
            var report = try found.report(id)
            report.reason = report.reason.map(self.session.redacted)
            return report
        } catch {
            throw BrokerError(.unreadable, self.session.redacted("order \(found.id) cannot be read: \(error)"))
        }
    }

    /// The order that goes on in a replaced one's place; nil if that is another order of the ledger's. Schwab names it,
    /// or it is known by what it asks for.
    private func successor(
        of replaced: SchwabOrder,
        for order: OrderReference
    ) throws(BrokerError) -> SchwabOrder? {
        let named = replaced.successors
        if named.contains(where: order.claimed.contains) { return nil }
        if let number = named.first, named.count == 1, let next = try self.order(number: number) {
            guard next.isAbout(order.terms) else { throw Self.replacedByAnother(replaced, order) }
            return next
        }
        if let next = try self.lookAlike(of: order) { return next }
        guard try self.isContinuedInLedger(replaced, order) else { throw Self.replacedByAnother(replaced, order) }
        return nil
    }

    private static func replacedByAnother(_ replaced: SchwabOrder, _ order: OrderReference) -> BrokerError {
        BrokerError(
            .refused(code: "replaced"),
            "Schwab's order \(replaced.id) (\(order.id)) was replaced by one with other terms: a person has to look at "
                + "the account's orders"
        )
    }

    /// Whether the ledger has an order on the same side that was entered when the replaced one ended.
    private func isContinuedInLedger(_ replaced: SchwabOrder, _ order: OrderReference) throws(BrokerError) -> Bool {
        guard let end = replaced.closedAt else { return false }
        return try self.orders(enteredFrom: end - Self.clockTolerance, to: end + Self.clockTolerance).contains {
            other in
            guard order.claimed.contains(other.id), let subject = other.subject, let enteredAt = other.enteredAt
            else { return false }
            return subject == (order.terms.symbol, order.terms.side) && enteredAt >= end - .seconds(2)
        }
    }

    /// The one order entered since the intent that asks for the same and belongs to no other intent.
    private func lookAlike(of order: OrderReference) throws(BrokerError) -> SchwabOrder? {
        let found = try self.orders(
            enteredFrom: order.intendedAt - Self.clockTolerance,
            to: max(self.session.brokerTime, order.intendedAt) + Self.clockTolerance
        ).filter { $0.matches(order.terms) && !order.claimed.contains($0.id) && $0.id != order.brokerOrderID }
        // An order that was replaced and the one in its place look alike, and the latter counts.
        let candidates = found.filter { !$0.isReplaced }
        if let candidate = candidates.first, candidates.count == 1 { return candidate }
        if found.isEmpty { return nil }
        throw BrokerError(
            .refused(code: "ambiguous"),
            "which of Schwab's orders is \(order.id)? \(found.map(\.id).joined(separator: ", ")) ask for the same: a "
                + "person has to look at the account's orders, and cancel what is not wanted"
        )
    }

    private func order(number: String) throws(BrokerError) -> SchwabOrder? {
        let answer = try self.session.send(
            .get,
            try self.session.accountPath() + "/orders/" + percentEncoded(number),
            as: "GET order"
        )
        return answer.isNotFound ? nil : try answer.decoded(as: SchwabOrder.self)
    }
}

extension OrderReport {
    /// This order and the one that goes on in its place, as one.
    fileprivate func continued(by next: OrderReport) throws(BrokerError) -> OrderReport {
        var shares = FilledShares()
        var report = next
        report.submittedAt = self.submittedAt
        do throws(ArithmeticOverflow) {
            for part in [self, next] {
                if let price = part.averagePrice { try shares.add(part.filledQuantity, at: price) }
            }
            report.averagePrice = try shares.averagePrice()
        } catch {
            throw BrokerError(.unreadable, "order \(self.clientOrderID): \(error)")
        }
        report.filledQuantity = shares.quantity
        if shares.quantity > .zero, !next.event.isTerminal { report.event = .partiallyFilled }
        return report
    }
}
