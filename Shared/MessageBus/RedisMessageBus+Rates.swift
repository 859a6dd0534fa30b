package import TradingCore

extension RedisMessageBus {
    package func takeRequest(
        _ urgency: RequestUrgency,
        of budget: RateBudget,
        goesOn: Bool
    ) throws -> RateAnswer {
        let reply = try self.run(.takeRequest, keyCount: 2) { command in
            command.append(self.keys.departures(budget))
            command.append(self.keys.notice(budget))
            command.append(self.rateTime)
            command.append(RateBudget.window.microseconds)
            command.append(Int64(budget.limit(for: urgency)))
            command.append(Int64(budget.requestsPerMinute))
            command.append(goesOn ? "on" : urgency.isProtective ? "spare" : "end")
            command.append(BrokerNotice.spareInterval.microseconds)
            command.append(BrokerNotice.probeTime.microseconds)
            command.append(BrokerNotice.memory.microseconds)
        }
        let fields = try reply.elements(atLeast: 2)
        let number = try fields[1].integer()
        switch try fields[0].integer() {
        case 0:
            let probe = try reply.elements(atLeast: 3)[2].integer()
            return .admitted(left: Int(number), probe: probe == 0 ? nil : probe)
        case 1: return .full(retryAfter: .microseconds(number))
        default:
            let texts = try reply.elements(atLeast: 4)
            guard let cause = BrokerNotice.Cause(rawValue: try texts[2].text()) else {
                throw MessageBusError(
                    .protocolViolation,
                    "A notice about the broker in Redis has a cause that this version does not know."
                )
            }
            return .noticed(BrokerNotice(cause, try texts[3].text()), retryAfter: .microseconds(number))
        }
    }

    package func postNotice(_ notice: BrokerNotice, on budget: RateBudget, for duration: Duration) throws {
        _ = try self.run(.postNotice, keyCount: 1) { command in
            command.append(self.keys.notice(budget))
            command.append(self.rateTime)
            command.append(duration.microseconds)
            command.append(notice.cause.rawValue)
            command.append(notice.reason)
            command.append(BrokerNotice.spareInterval.microseconds)
            command.append(BrokerNotice.memory.microseconds)
        }
    }

    package func endNotice(probe: Int64, on budget: RateBudget) throws {
        _ = try self.run(.endNotice, keyCount: 1) { command in
            command.append(self.keys.notice(budget))
            command.append(probe)
        }
    }

    /// Nothing where the server's clock counts.
    private var rateTime: String { self.rateClock.map { String($0().microseconds) } ?? "" }
}
