package import HTTPTransport
package import TradingCore

/// The simulator's control port over HTTP. For one thread.
package final class HTTPSimulatorControl: SimulatorControl {
    private let client: any HTTPClient
    private let url: String

    /// - Parameter url: of the control port, without a slash at its end.
    package init(url: String, client: any HTTPClient = CurlHTTPClient()) {
        self.url = url
        self.client = client
    }

    /// Of a simulator on this machine.
    package convenience init(port: UInt16) {
        self.init(url: "http://127.0.0.1:\(port)")
    }

    package func status() throws -> SimulatorStatus { try self.get("/status") }

    package func result() throws -> SimulatorResult { try self.get("/result") }

    private func get<Value: JSONDecodable>(_ path: String) throws -> Value {
        let request = HTTPRequest(
            method: .get,
            url: self.url + path,
            connectTimeout: .seconds(2),
            totalTimeout: .seconds(5)
        )
        let response = try self.client.perform(request)
        guard response.status == 200 else {
            let body = String(decoding: response.body.prefix(200), as: UTF8.self)
            throw CommandFailure(.failed, "The simulator answered \(path) with status \(response.status): \(body)")
        }
        do {
            return try Value(json: try JSONValue(parsing: response.body))
        } catch {
            throw CommandFailure(.failed, "The simulator's answer to \(path) cannot be read: \(error).")
        }
    }
}

/// The ports that the simulator writes to its port file once both are open.
package struct SimulatorPorts: Hashable, Sendable, JSONDecodable {
    package var broker: UInt16
    package var control: UInt16

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.broker = try Self.port("port", in: object)
        self.control = try Self.port("control_port", in: object)
    }

    private static func port(_ name: String, in object: JSONObject) throws(JSONError) -> UInt16 {
        guard let port = UInt16(exactly: try object.value(name, as: Int.self)), port > 0 else {
            throw JSONError("expected a port from 1 to 65535").inside(name)
        }
        return port
    }
}

extension SimulatorStatus: JSONDecodable {
    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            time: try object.value("timestamp"),
            session: try object.value("session"),
            sessions: try object.value("sessions"),
            ticks: try object.value("ticks"),
            isFinished: try object.value("state", as: String.self) == "finished",
            waitingFor: try object.optional("waiting_for")
        )
    }
}

extension SimulatorResult: JSONDecodable {
    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        let account = try JSONObject(try object.value("account", as: JSONValue.self))
        var positions: [Symbol: Quantity] = [:]
        for entry: JSONValue in try object.value("positions", as: [JSONValue].self) {
            let position = try JSONObject(entry)
            let quantity: String = try position.value("qty")
            guard let shares = Quantity(quantity) else {
                throw JSONError("\"\(quantity.prefix(32))\" is no number of shares").inside("qty").inside("positions")
            }
            positions[try position.value("symbol")] = shares
        }
        self.init(
            sessions: try object.value("sessions"),
            cash: try account.value("cash"),
            equity: try account.value("equity"),
            peakEquity: try account.value("peak_equity"),
            maximumDrawdown: try account.value("max_drawdown"),
            positions: positions,
            equityCurve: try object.value("equity_curve")
        )
    }
}

extension SimulatorResult.EquityPoint: JSONDecodable {
    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(date: try object.value("date"), equity: try object.value("equity"))
    }
}
