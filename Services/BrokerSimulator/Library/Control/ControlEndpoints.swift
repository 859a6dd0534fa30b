import MarketSimulation
import TradingCore

/// The control plane: how far the replay is and what came out of it.
struct ControlEndpoints: Sendable {
    let market: SharedMarket
    let driver: ReplayDriver
    let gate: SettleGate
    let faults: FaultPlan

    func reply(to request: RESTRequest) -> RESTReply {
        switch (request.method, request.path) {
        case ("GET", ["status"]): self.status()
        case ("GET", ["result"]): self.result()
        case ("GET", ["faults"]): self.orderedFaults()
        case ("POST", ["faults"]): self.orderFaults(String(decoding: request.body, as: UTF8.self))
        case ("DELETE", ["faults"]): self.endFaults(String(decoding: request.body, as: UTF8.self))
        case ("GET", ["market"]): self.marketControl.state()
        case ("POST", ["market"]): self.marketControl.command(String(decoding: request.body, as: UTF8.self))
        case ("DELETE", ["market"]): self.marketControl.reset()
        default:
            RESTFailure.notFound(
                "there are GET /status, GET /result, and GET, POST and DELETE of /faults and of /market"
            ).reply
        }
    }

    private var marketControl: MarketControl { MarketControl(market: self.market) }

    private func orderedFaults() -> RESTReply {
        RESTReply.array { writer in
            for (order, count) in self.faults.strikes {
                writer.element(
                    JSONValue.object([
                        JSONMember("fault", .string(order.description)), JSONMember("strikes", .number("\(count)")),
                    ])
                )
            }
        }
    }

    /// One order a line, or separated by commas.
    private func orderFaults(_ text: String) -> RESTReply {
        do throws(BrokerSimulatorError) {
            let orders = try [FaultOrder](ordered: text)
            // The calendar is told at the start.
            guard let late = orders.first(where: { $0.target == .session }) else {
                self.faults.add(orders)
                return self.orderedFaults()
            }
            throw BrokerSimulatorError(
                "\"\(late)\" has to be ordered before the start, in FAULTS. POST /market takes halt, resume and half-day"
            )
        } catch {
            return RESTFailure.unprocessable(error.description).reply
        }
    }

    /// Those that are named, as they are listed; all, if none is.
    private func endFaults(_ text: String) -> RESTReply {
        do throws(BrokerSimulatorError) {
            let orders = try [FaultOrder](ordered: text)
            guard self.faults.remove(orders.isEmpty ? nil : orders) || orders.isEmpty else {
                throw BrokerSimulatorError("no such fault is ordered; GET /faults lists those that are")
            }
            return RESTReply(status: 204)
        } catch {
            return RESTFailure.unprocessable(error.description).reply
        }
    }

    private func status() -> RESTReply {
        let state = self.driver.state
        let waitingFor = self.gate.waitingFor
        return self.market.withLock { market in
            let sessions = market.schedule.sessions
            return RESTReply.object { writer in
                writer.field("state", state.rawValue)
                writer.nullable("date", market.sessionIndex.map { sessions[$0].date })
                writer.field("session", market.sessionIndex.map { $0 + 1 } ?? 0)
                writer.field("sessions", sessions.count)
                writer.field("ticks", market.tickCount)
                writer.field("timestamp", market.now)
                writer.field("timeframe", market.folder.timeframe)
                writer.field("symbols", market.symbols)
                writer.nullable("waiting_for", waitingFor)
                writer.field("cash", market.engine.cash)
                writer.field("equity", market.engine.equity)
                writer.field("positions", market.engine.positions.map { WirePosition($0, market) })
                writer.field("open_orders", market.engine.openOrders.count)
            }
        }
    }

    func result() -> RESTReply {
        let state = self.driver.state
        return self.market.withLock { market in
            let engine = market.engine
            return RESTReply.object { writer in
                writer.field("state", state.rawValue)
                writer.field("sessions", engine.equityCurve.count)
                writer.object("account") {
                    $0.field("cash", engine.cash)
                    $0.field("equity", engine.equity)
                    $0.field("peak_equity", engine.peakEquity)
                    $0.field("max_drawdown", engine.maximumDrawdown)
                }
                writer.field("equity_curve", engine.equityCurve.map(WireEquity.init))
                writer.field("positions", engine.positions.map { WirePosition($0, market) })
                writer.field("orders", engine.orders.map(WireOrder.init))
            }
        }
    }
}

private struct WireEquity: JSONEncodable {
    let record: EquityRecord

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("date", self.record.date)
            $0.field("cash", self.record.cash)
            $0.field("equity", self.record.equity)
        }
    }
}
