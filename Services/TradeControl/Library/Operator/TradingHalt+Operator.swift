import MessageBus
package import TradingCore

/// An entry that may be on its way to the broker: a lane was handed it and has not answered.
package struct EntryUnderWay: Hashable, Sendable, JSONEncodable {
    package var order: ClientOrderID
    /// The process that has it, by its consumer's name.
    package var instance: String
    /// Since when.
    package var idle: Duration

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("order", self.order)
            $0.field("instance", self.instance)
            $0.field("idle_ms", self.idle.inMilliseconds)
        }
    }
}

/// What `halt` has come to.
package struct HaltAnswer: OperatorAnswer {
    package var halt: TradingHalt
    /// False if trading was halted before.
    package var isNew: Bool
    /// What may still reach the broker.
    package var underWay: [EntryUnderWay]
    /// Entry orders of which the broker has not said yet whether it has them: they may still arrive there, and fill.
    package var unknown: [ClientOrderID] = []
    /// Entry orders that the broker has: they may still fill.
    package var resting: [ClientOrderID] = []
    /// Entry orders that were given up since the broker did not have them. Should one turn up, it is taken back.
    package var givenUp: [ClientOrderID] = []
    /// Why nobody can say which these are; nil if that could be read.
    package var unreadable: String?

    private var isSure: Bool { self.underWay.isEmpty && self.unknown.isEmpty }

    package var problem: CommandFailure.Code? {
        self.unreadable != nil ? .failed : self.isSure ? nil : .unconfirmed
    }

    package var text: String {
        var text =
            self.isNew
            ? "Trading is halted: \(self.halt.reason)\n"
            : "Trading has been halted since \(self.halt.since), by \(self.halt.by): \(self.halt.reason)\n"
        if let unreadable {
            text += "WARNING: which entries the broker has cannot be said. \(unreadable)\n"
        } else if self.isSure, self.givenUp.isEmpty {
            text += "No further entry order reaches the broker until `tradectl resume`. Stops and exits go on.\n"
        }
        for entry in self.underWay {
            text +=
                "WARNING: one entry request may still be under way: \(entry.order), handed to \(entry.instance) "
                + "\(Display.duration(entry.idle)) ago and not answered. `tradectl halt` again waits on; "
                + "`tradectl cancel \(entry.order)` takes it back.\n"
        }
        for order in self.unknown where !self.underWay.contains(where: { $0.order == order }) {
            text +=
                "WARNING: the broker has not said yet whether it has \(order): it may still arrive there, and fill. "
                + "`tradectl halt` again waits on; `tradectl cancel \(order)` takes it back.\n"
        }
        if self.isSure, !self.givenUp.isEmpty {
            text += "No further entry order is sent until `tradectl resume`. Stops and exits go on.\n"
        }
        for order in self.givenUp {
            text += "Given up, since the broker did not have it; taken back should it turn up there: \(order)\n"
        }
        for order in self.resting where !self.underWay.contains(where: { $0.order == order }) {
            text += "At the broker already, and may fill: \(order) (`tradectl cancel \(order)` takes it back)\n"
        }
        return text
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("halted", true)
            $0.field("new", self.isNew)
            $0.field("by", self.halt.by)
            $0.field("reason", self.halt.reason)
            $0.field("since", self.halt.since)
            $0.field("under_way", self.underWay)
            $0.field("unknown", self.unknown)
            $0.field("resting", self.resting)
            $0.field("given_up", self.givenUp)
            $0.field("unreadable", self.unreadable)
        }
    }
}

/// What `resume` has come to.
package struct ResumeAnswer: OperatorAnswer {
    /// The halt that was in force.
    package var ended: TradingHalt?
    /// Why entries were stopped beside that.
    package var stopped: String?
    /// False while Risk has not taken it in.
    package var isConfirmed: Bool

    package var problem: CommandFailure.Code? { self.isConfirmed ? nil : .unconfirmed }

    package var text: String {
        guard self.isConfirmed else {
            return "The halt is over, but \(AgentName.riskManagement) has not taken in yet that entries are resumed "
                + "(\(self.stopped ?? "")). They are once it runs; see `tradectl status`.\n"
        }
        if self.ended == nil, self.stopped == nil { return "Trading was not halted.\n" }
        let why = [self.ended.map { "halted since \($0.since): \($0.reason)" }, self.stopped.map { "stopped: \($0)" }]
        return "Trading goes on. It was \(why.compactMap(\.self).joined(separator: ", and ")).\n"
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("halted", false)
            $0.field("ended", self.ended)
            $0.field("stopped", self.stopped)
            $0.field("confirmed", self.isConfirmed)
        }
    }
}

extension OperatorDesk {
    /// Halts trading, or joins a halt in force. Returns when no entry that was let through before can still be on its
    /// way, or after `patience`.
    package func halt(by name: String, reason: String, patience: Duration = .seconds(20)) throws -> HaltAnswer {
        var found = try self.haltInForce()
        var isNew = false
        while found == nil {
            let halt = TradingHalt(by: name, reason: reason, since: try self.wallTime())
            var commit = Commit()
            commit.writes = [
                DocumentWrite(
                    key: TradingHalt.key,
                    expectedVersion: 0,
                    expectedState: "",
                    state: "",
                    body: JSONWriter.bytes(halt)
                )
            ]
            commit.messages = [try self.event(.tradingHalted(TradingSwitch(reason: reason, since: halt.since)))]
            isNew = try self.commit(commit) == .committed
            found = isNew ? halt : try self.haltInForce()
        }
        // From here on whatever is handed to a lane is withheld by it. What was handed out before is waited for.
        guard let halt = found else { throw CommandFailure(.failed, "The halt could not be written.") }
        var answer = HaltAnswer(halt: halt, isNew: isNew, underWay: try self.entriesUnderWay())
        let before = Set(answer.underWay.map(\.order))
        do {
            _ = try Patience.wait(patience) {
                answer.underWay = try self.entriesUnderWay().filter { before.contains($0.order) }
                // In this order: a call is answered before its answer is booked. What is left in the lane it withholds;
                // an intent that is neither there nor on its way back is one whose answer was set aside.
                let isWithheld = try self.owesWork(on: AgentName.orderExecution.callStream(.entries)) ?? true
                let isBooked = try self.owesWork(on: AgentName.orderExecution.inbox) != true
                let entries = try self.openTrades().compactMap(\.entryOrder)
                answer.unknown = entries.filter {
                    $0.state == .unknown || $0.state == .intent && !(isWithheld && isBooked)
                }.map(\.id)
                answer.resting = entries.filter { $0.isAtBroker && $0.state != .unknown }.map(\.id)
                // The account keeps them until their session is over.
                answer.givenUp = entries.filter { $0.state == .cancelled && $0.brokerOrderID == nil }.map(\.id)
                return answer.underWay.isEmpty && answer.unknown.isEmpty ? true : nil
            }
        } catch let failure as CommandFailure {
            answer.unreadable = failure.description
        }
        guard try self.haltInForce()?.since == halt.since else {
            throw CommandFailure(
                .failed,
                "Somebody has resumed trading meanwhile: `tradectl status` says how it stands."
            )
        }
        return answer
    }

    /// Whether there is something in the stream that OrderExecution has not dealt with. Nil if it has never read it.
    private func owesWork(on stream: StreamName) throws -> Bool? {
        try self.bus.groups(on: stream).first { $0.name == AgentName.orderExecution.rawValue }
            .map { $0.pending > 0 || $0.unread > 0 }
    }

    /// Ends the halt and every other stop of entries. Returns when Risk has taken it in, or after `patience`.
    package func resume(patience: Duration = .seconds(10)) throws -> ResumeAnswer {
        let ended = try self.haltInForce()
        var stopped: String?
        do {
            stopped = try self.account()?.entriesStopped
        } catch is CommandFailure {
            // The halt can be ended all the same; what else there is `tradectl status` says.
        }
        guard ended != nil || stopped != nil else {
            return ResumeAnswer(ended: nil, stopped: nil, isConfirmed: true)
        }
        var commit = Commit()
        commit.deletes = [TradingHalt.key]
        commit.messages = [try self.event(.tradingResumed(TradingSwitch(reason: "resumed by an operator")))]
        _ = try self.commit(commit)
        let isConfirmed =
            try stopped == nil
            || Patience.wait(patience) { try self.account()?.entriesStopped == nil ? true : nil } != nil
        return ResumeAnswer(ended: ended, stopped: stopped, isConfirmed: isConfirmed)
    }

    package func haltInForce() throws -> TradingHalt? { try self.documents([TradingHalt.key]).halt }

    /// Of the lane's entries, those it was handed and has not answered.
    private func entriesUnderWay() throws -> [EntryUnderWay] {
        let agent = AgentName.orderExecution
        let entries = try self.bus.unacknowledged(
            group: agent.rawValue,
            on: agent.callStream(.entries),
            limit: 10_000
        )
        return entries.compactMap { entry in
            guard let message = try? Message(decoding: entry.body), case .brokerCallRequested(let call) = message.body,
                call.isEntry, let order = call.orders.first
            else { return nil }
            return EntryUnderWay(order: order, instance: entry.consumer, idle: entry.idle)
        }
    }

    /// By Redis, whose clock all machines share.
    private func wallTime() throws -> Timestamp { try self.bus.time() }
}

extension Order {
    /// Whether the broker has it, or may have it, and it has not ended.
    var isAtBroker: Bool { !self.state.isTerminal && self.state != .intent }
}

extension Duration {
    /// Rounded towards zero.
    var inMilliseconds: Int64 {
        self.components.seconds * 1000 + self.components.attoseconds / 1_000_000_000_000_000
    }
}
