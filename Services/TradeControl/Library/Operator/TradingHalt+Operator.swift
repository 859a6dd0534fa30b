import AgentRuntime
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
    /// Entry orders that were given up before the broker had them for certain. Should one turn up, it is taken back.
    package var givenUp: [ClientOrderID] = []
    /// Why nobody can say of some, or of all, whether they are among these. Whole sentences.
    package var unreadable: [String] = []

    private var isSure: Bool { self.underWay.isEmpty && self.unknown.isEmpty }

    package var problem: CommandFailure.Code? {
        !self.unreadable.isEmpty ? .failed : self.isSure ? nil : .unconfirmed
    }

    package var text: String {
        var text =
            self.isNew
            ? "Trading is halted: \(self.halt.reason)\n"
            : "Trading has been halted since \(self.halt.since), by \(self.halt.by): \(self.halt.reason)\n"
        for reason in self.unreadable { text += "WARNING: not every entry that the broker has is known. \(reason)\n" }
        if self.unreadable.isEmpty, self.isSure, self.givenUp.isEmpty {
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
        for order in self.givenUp where !self.underWay.contains(where: { $0.order == order }) {
            text += "Given up before the broker had it for certain; taken back should it turn up there: \(order)\n"
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
        return "Trading goes on. It had been \(why.compactMap(\.self).joined(separator: ", and ")).\n"
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
        _ = try Patience.wait(patience) {
            answer.underWay = try self.entriesUnderWay().filter { before.contains($0.order) }
            // In this order: a call is answered before its answer is booked. What is left in the lane it withholds; of an
            // intent that is not there the answer is on its way back, or was set aside.
            let withheld = try self.entriesInLane()
            let isBooked = try self.isInboxEmpty()
            var open = StoredTrades()
            do {
                open = try self.openTrades()
                answer.unreadable = open.unreadable.map(\.reason)
            } catch let failure as CommandFailure {
                answer.unreadable = [failure.description]
            }
            let entries = open.trades.compactMap(\.entryOrder)
            // The account keeps them until their session is over.
            let givenUp = entries.filter { $0.state == .cancelled && $0.brokerOrderID == nil }
            answer.unknown =
                (entries.filter { $0.state == .unknown || $0.state == .intent && !withheld.contains($0.id) }
                // The answer to its request may say that the broker has it.
                + (isBooked ? [] : givenUp)).map(\.id)
            answer.resting = entries.filter { $0.isAtBroker && $0.state != .unknown }.map(\.id)
            answer.givenUp = isBooked ? givenUp.map(\.id) : []
            return answer.underWay.isEmpty && answer.unknown.isEmpty ? true : nil
        }
        guard try self.haltInForce()?.since == halt.since else {
            throw CommandFailure(
                .failed,
                "Somebody has resumed trading meanwhile: `tradectl status` says how it stands."
            )
        }
        return answer
    }

    /// Whether OrderExecution has dealt with every answer there is.
    private func isInboxEmpty() throws -> Bool {
        let agent = AgentName.orderExecution
        let group = try self.bus.groups(on: agent.inbox).first { $0.name == agent.rawValue }
        return group.map { $0.pending == 0 && $0.unread == 0 } ?? true
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
        try self.unansweredCalls().compactMap { entry in
            Self.entryOrder(in: entry.body).map {
                EntryUnderWay(order: $0, instance: entry.consumer, idle: entry.idle)
            }
        }
    }

    /// These, and those it was never handed.
    private func entriesInLane() throws -> Set<ClientOrderID> {
        let (agent, stream) = (AgentName.orderExecution, Self.entriesLane)
        let group = try self.bus.groups(on: stream).first { $0.name == agent.rawValue }
        let unread = try self.bus.entries(of: stream, after: group?.lastDelivered, limit: Self.maximumCalls).map(\.body)
        return Set((unread + (try self.unansweredCalls()).map(\.body)).compactMap(Self.entryOrder))
    }

    private func unansweredCalls() throws -> [UnacknowledgedEntry] {
        try self.bus.unacknowledged(
            group: AgentName.orderExecution.rawValue,
            on: Self.entriesLane,
            limit: Self.maximumCalls
        )
    }

    private static func entryOrder(in body: [UInt8]) -> ClientOrderID? {
        guard let message = try? Message(decoding: body), case .brokerCallRequested(let call) = message.body,
            call.isEntry
        else { return nil }
        return call.orders.first
    }

    private static let entriesLane = AgentName.orderExecution.callStream(.entries)
    private static let maximumCalls = 10_000

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
