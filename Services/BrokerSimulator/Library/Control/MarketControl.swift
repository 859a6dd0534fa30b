import MarketSimulation
import TradingCore

/// Halts, early closes and the broker's clock, by command.
struct MarketControl: Sendable {
    let market: SharedMarket

    /// All commands are carried out, or none.
    func command(_ text: String) -> RESTReply {
        do throws(BrokerSimulatorError) {
            let commands = try MarketCommand.list(text)
            let defect: String? = self.market.withLock { market in
                for (place, command) in commands.enumerated() {
                    if let defect = market.defect(of: command) { return "command \(place + 1): \(defect)" }
                }
                for command in commands { market.perform(command) }
                return nil
            }
            return defect.map { RESTFailure.unprocessable($0).reply } ?? self.state()
        } catch {
            return RESTFailure.unprocessable(error.description).reply
        }
    }

    /// Trading goes on everywhere and the clock is right. Early closes stay: the calendar has them.
    func reset() -> RESTReply {
        self.market.withLock { $0.resetControl() }
        return RESTReply(status: 204)
    }

    func state() -> RESTReply {
        self.market.withLock { market in
            RESTReply.object { writer in
                writer.field("timestamp", market.now)
                writer.field("clock_offset_ms", market.clockOffset.milliseconds)
                writer.field("halted", market.symbols.indices.filter { market.isHalted($0) }.map { market.symbols[$0] })
                writer.field("early_closes", market.earlyCloses)
            }
        }
    }
}

extension SimulatedMarket {
    /// Why a command cannot be carried out now; nil if it can.
    fileprivate func defect(of command: MarketCommand) -> String? {
        switch command {
        case .halt(let symbol), .resume(let symbol):
            guard self.engine.slot(of: symbol) == nil else { return nil }
            return "\(symbol) is not in the replay; there are \(self.symbols.map(\.rawValue).joined(separator: ", "))"
        case .halfDay(let date):
            var trial = self
            guard !trial.shorten(date, to: Self.halfDayClose(on: date)) else { return nil }
            return "\(date) is no session of the replay that is still to come and closes later; GET /status says how "
                + "far the replay is"
        case .clock: return nil
        }
    }

    fileprivate mutating func perform(_ command: MarketCommand) {
        switch command {
        case .halt(let symbol): self.setHalt(true, of: symbol)
        case .resume(let symbol): self.setHalt(false, of: symbol)
        case .halfDay(let date): _ = self.shorten(date, to: Self.halfDayClose(on: date))
        case .clock(let offset): self.clockOffset = offset
        }
    }

    static func halfDayClose(on date: CalendarDate) -> Timestamp { NewYorkTime.timestamp(on: date, hour: 13) }
}

extension Duration {
    fileprivate var milliseconds: Int64 {
        self.components.seconds * 1000 + self.components.attoseconds / 1_000_000_000_000_000
    }
}
