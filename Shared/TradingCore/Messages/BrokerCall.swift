/// The broker calls that fail and rest together. Each lane has its own thread, stream and breaker, so that a failing
/// entry path never blocks a stop.
package enum BrokerLane: String, Hashable, Sendable, CaseIterable, JSONCodable {
    case marketData = "market-data"
    case entries
    /// Stops, exits, cancels, and asking about orders.
    case protective
    case account
}

/// A call to the broker, written down before it is made: `broker.call.requested`.
package struct BrokerCall: Hashable, Sendable, JSONCodable {
    package enum Operation: Hashable, Sendable {
        case place(OrderTerms)
        /// Answered when the order has reached a terminal state, not when the broker has taken the request.
        case cancel(ClientOrderID)
        /// What became of an order of unknown outcome. Its absence is believed only after it was asked for repeatedly.
        case find(ClientOrderID)
        /// The present state of each of these orders.
        case reconcile([ClientOrderID])
        case account
        /// Positions and open orders as they are, and the executions since a moment; nil for none.
        case holdings(since: Timestamp?)
        case clock
        /// Sessions from one date to the other, both included.
        case calendar(CalendarDate, CalendarDate)
        case bars(BarsRequest)
        case latestQuotes([Symbol])
    }

    package var lane: BrokerLane
    package var operation: Operation
    /// How long to wait before making the call.
    package var delaySeconds: Int
    /// Counts calls for the same purpose, from 1.
    package var attempt: Int
    /// How often the broker has answered before that it does not know the order.
    package var misses = 0
    /// The market time at which the call must not be made any more; nil if it is good at any time.
    package var sendBefore: Timestamp?

    package init(
        _ operation: Operation,
        lane: BrokerLane,
        delaySeconds: Int = 0,
        attempt: Int = 1,
        sendBefore: Timestamp? = nil
    ) {
        self.lane = lane
        self.operation = operation
        self.delaySeconds = delaySeconds
        self.attempt = attempt
        self.sendBefore = sendBefore
    }

    /// The same call once more, a second later.
    package func again(afterMiss isMiss: Bool = false) -> BrokerCall {
        var call = BrokerCall(self.operation, lane: self.lane, delaySeconds: 1, attempt: self.attempt + 1)
        call.misses = self.misses + (isMiss ? 1 : 0)
        call.sendBefore = self.sendBefore
        return call
    }

    /// The orders that the call is about.
    package var orders: [ClientOrderID] {
        switch self.operation {
        case .place(let terms): [terms.clientOrderID]
        case .cancel(let id), .find(let id): [id]
        case .reconcile(let ids): ids
        case .account, .holdings, .clock, .calendar, .bars, .latestQuotes: []
        }
    }

    /// Whether the call opens a position. Whatever an order is called, one that buys does.
    package var isEntry: Bool {
        guard case .place(let terms) = self.operation else { return false }
        return terms.clientOrderID.role == .entry || terms.side == .buy
    }

    /// What the call is about, for ids of messages: the operation and the orders it concerns.
    package var subject: String {
        switch self.operation {
        case .place(let terms): "\(self.name) \(terms.clientOrderID)"
        case .cancel(let id), .find(let id): "\(self.name) \(id)"
        case .reconcile(let ids): "\(self.name) \(ids.map(\.description).joined(separator: " "))"
        case .bars(let request): "\(self.name) \(request.symbol) \(request.timeframe) \(request.start)"
        case .calendar(let start, let end): "\(self.name) \(start) \(end)"
        case .latestQuotes(let symbols): "\(self.name) \(symbols.map(\.rawValue).joined(separator: " "))"
        case .holdings(let since): "\(self.name) \(since?.description ?? "")"
        case .account, .clock: self.name
        }
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.lane = try object.value("lane")
        self.delaySeconds = try object.value("delay_seconds")
        self.attempt = try object.value("attempt")
        self.misses = try object.optional("misses") ?? 0
        self.sendBefore = try object.optional("send_before")
        guard (0...86_400).contains(self.delaySeconds) else {
            throw JSONError("expected 0 to 86400 seconds").inside("delay_seconds")
        }
        guard (1...1_000_000).contains(self.attempt) else {
            throw JSONError("expected 1 to 1000000").inside("attempt")
        }
        guard (0...1_000_000).contains(self.misses) else {
            throw JSONError("expected 0 to 1000000").inside("misses")
        }
        let name: String = try object.value("operation")
        switch name {
        case "place": self.operation = .place(try object.value("order"))
        case "cancel": self.operation = .cancel(try object.value("client_order_id"))
        case "find": self.operation = .find(try object.value("client_order_id"))
        case "reconcile": self.operation = .reconcile(try object.value("client_order_ids"))
        case "account": self.operation = .account
        case "holdings": self.operation = .holdings(since: try object.optional("since"))
        case "clock": self.operation = .clock
        case "calendar": self.operation = .calendar(try object.value("start"), try object.value("end"))
        case "bars": self.operation = .bars(try object.value("bars"))
        case "latest_quotes": self.operation = .latestQuotes(try object.value("symbols"))
        default: throw JSONError("\"\(name.prefix(32))\" is no broker operation").inside("operation")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("lane", self.lane)
            $0.field("delay_seconds", self.delaySeconds)
            $0.field("attempt", self.attempt)
            $0.field("misses", self.misses == 0 ? nil : self.misses)
            $0.field("send_before", self.sendBefore)
            $0.field("operation", self.name)
            switch self.operation {
            case .place(let terms): $0.field("order", terms)
            case .cancel(let id), .find(let id): $0.field("client_order_id", id)
            case .reconcile(let ids): $0.field("client_order_ids", ids)
            case .account, .clock: break
            case .holdings(let since): $0.field("since", since)
            case .calendar(let start, let end):
                $0.field("start", start)
                $0.field("end", end)
            case .bars(let request): $0.field("bars", request)
            case .latestQuotes(let symbols): $0.field("symbols", symbols)
            }
        }
    }

    /// The operation's name on the wire, in logs and in metrics.
    package var name: String {
        switch self.operation {
        case .place: "place"
        case .cancel: "cancel"
        case .find: "find"
        case .reconcile: "reconcile"
        case .account: "account"
        case .holdings: "holdings"
        case .clock: "clock"
        case .calendar: "calendar"
        case .bars: "bars"
        case .latestQuotes: "latest_quotes"
        }
    }
}

/// What came of a broker call: `broker.call.completed`.
package struct BrokerAnswer: Hashable, Sendable, JSONCodable {
    package enum Outcome: Hashable, Sendable {
        case orders([OrderReport])
        /// A business refusal: the broker's answer is no.
        case refused(code: String, reason: String)
        /// The broker does not know the order. One such answer proves nothing.
        case notFound
        /// It may or may not have happened.
        case unknown(reason: String)
        /// It certainly did not happen: the breaker is open, or the broker could not be reached.
        case unavailable(reason: String)
        case account(cash: Money, equity: Money)
        case holdings(BrokerHoldings)
        case clock(Timestamp)
        case sessions([TradingSession])
        case bars([Bar])
        case quotes([Quote])
    }

    package var call: BrokerCall
    package var outcome: Outcome
    /// By how many milliseconds the machine's clock was ahead of the broker's; nil where that was not measured.
    package var clockSkew: Int?

    /// Whether the broker has said for a minute, asked once a second, that it does not know the
    /// order: a single such answer may only come too early.
    package var provesAbsence: Bool { self.outcome == .notFound && self.call.misses >= 60 }

    /// For metrics and traces.
    package var outcomeName: String {
        switch self.outcome {
        case .refused: "refused"
        case .unknown: "unknown"
        case .unavailable: "unavailable"
        case .notFound: "not_found"
        case .orders, .account, .holdings, .clock, .sessions, .bars, .quotes: "answered"
        }
    }

    /// Why there is no result, if there is none.
    package var failureReason: String? {
        switch self.outcome {
        case .refused(_, let reason), .unknown(let reason), .unavailable(let reason): reason
        case .notFound: "the broker does not know the order"
        case .orders, .account, .holdings, .clock, .sessions, .bars, .quotes: nil
        }
    }

    package init(_ call: BrokerCall, _ outcome: Outcome) {
        self.call = call
        self.outcome = outcome
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.call = try object.value("call")
        self.clockSkew = try object.optional("clock_skew_ms")
        let name: String = try object.value("outcome")
        switch name {
        case "orders": self.outcome = .orders(try object.value("orders"))
        case "refused":
            self.outcome = .refused(code: try object.value("code"), reason: try object.value("reason"))
        case "not_found": self.outcome = .notFound
        case "unknown": self.outcome = .unknown(reason: try object.value("reason"))
        case "unavailable": self.outcome = .unavailable(reason: try object.value("reason"))
        case "account":
            self.outcome = .account(cash: try object.value("cash"), equity: try object.value("equity"))
        case "holdings": self.outcome = .holdings(try object.value("holdings"))
        case "clock": self.outcome = .clock(try object.value("timestamp"))
        case "sessions": self.outcome = .sessions(try object.value("sessions"))
        case "bars": self.outcome = .bars(try object.value("bars"))
        case "quotes": self.outcome = .quotes(try object.value("quotes"))
        default: throw JSONError("\"\(name.prefix(32))\" is no outcome of a broker call").inside("outcome")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("call", self.call)
            $0.field("clock_skew_ms", self.clockSkew)
            switch self.outcome {
            case .orders(let reports):
                $0.field("outcome", "orders")
                $0.field("orders", reports)
            case .refused(let code, let reason):
                $0.field("outcome", "refused")
                $0.field("code", code)
                $0.field("reason", reason)
            case .notFound: $0.field("outcome", "not_found")
            case .unknown(let reason):
                $0.field("outcome", "unknown")
                $0.field("reason", reason)
            case .unavailable(let reason):
                $0.field("outcome", "unavailable")
                $0.field("reason", reason)
            case .account(let cash, let equity):
                $0.field("outcome", "account")
                $0.field("cash", cash)
                $0.field("equity", equity)
            case .holdings(let holdings):
                $0.field("outcome", "holdings")
                $0.field("holdings", holdings)
            case .clock(let timestamp):
                $0.field("outcome", "clock")
                $0.field("timestamp", timestamp)
            case .sessions(let sessions):
                $0.field("outcome", "sessions")
                $0.field("sessions", sessions)
            case .bars(let bars):
                $0.field("outcome", "bars")
                $0.field("bars", bars)
            case .quotes(let quotes):
                $0.field("outcome", "quotes")
                $0.field("quotes", quotes)
            }
        }
    }
}

extension TradingSession: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(date: try object.value("date"), open: try object.value("open"), close: try object.value("close"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("date", self.date)
            $0.field("open", self.open)
            $0.field("close", self.close)
        }
    }
}
