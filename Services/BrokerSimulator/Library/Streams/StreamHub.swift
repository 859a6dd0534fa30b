import MarketSimulation
import Synchronization
import TradingCore

/// The way to one socket's client. What is sent arrives in the order of the calls, whichever thread they come from.
protocol StreamConnection: Sendable {
    func send(_ text: [UInt8])
    func ping(_ number: Int)
    func close()
}

enum StreamEndpoint: Hashable {
    case trading
    /// The path tells feeds apart: each takes one connection.
    case marketData(feed: String)

    /// - Parameter target: As in the request line; a query is left out of account.
    init?(target: String) {
        let path = target.prefix { $0 != "?" }
        switch path {
        case "/stream": self = .trading
        case "/v2/iex", "/v2/sip": self = .marketData(feed: String(path))
        default: return nil
        }
    }
}

/// All stream sockets: their protocol state, who gets which frame, and what the settle gate has to know about them.
final class StreamHub: Sendable {
    private let credentials: BrokerSimulatorConfiguration.Credentials?
    private let symbols: [Symbol]
    private let gate: SettleGate
    private let state = Mutex(State())

    private struct State {
        var sockets: [Int: Socket] = [:]
        var nextID = 1
    }

    private struct Socket {
        let endpoint: StreamEndpoint
        let connection: any StreamConnection
        var session: Session
        var role: StreamRole?
    }

    private enum Session {
        case marketData(MarketDataSession)
        case tradeUpdates(TradeUpdateSession)

        var isAuthenticated: Bool {
            switch self {
            case .marketData(let session): session.isAuthenticated
            case .tradeUpdates(let session): session.isAuthenticated
            }
        }
    }

    init(symbols: [Symbol], credentials: BrokerSimulatorConfiguration.Credentials?, gate: SettleGate) {
        self.symbols = symbols
        self.credentials = credentials
        self.gate = gate
    }

    // MARK: Sockets

    /// - Parameter keys: Those that came with the handshake; they authenticate a market-data socket at once.
    func opened(_ endpoint: StreamEndpoint, _ connection: any StreamConnection, key: String, secret: String) -> Int {
        self.state.withLock { state in
            let id = state.nextID
            state.nextID += 1
            switch endpoint {
            case .trading:
                state.sockets[id] = Socket(
                    endpoint: endpoint,
                    connection: connection,
                    session: .tradeUpdates(TradeUpdateSession())
                )
            case .marketData:
                var session = MarketDataSession()
                var effects = [MarketDataSession.greeting]
                if !key.isEmpty, !secret.isEmpty {
                    effects += session.authenticate(
                        key: key,
                        secret: secret,
                        credentials: self.credentials,
                        isSlotFree: Self.isFree(endpoint, state)
                    )
                }
                state.sockets[id] = Socket(
                    endpoint: endpoint,
                    connection: connection,
                    session: .marketData(session)
                )
                self.perform(effects, id, state)
            }
            return id
        }
    }

    func received(_ bytes: [UInt8], from id: Int) {
        self.state.withLock { state in
            guard let socket = state.sockets[id] else { return }
            let effects: [StreamEffect]
            switch socket.session {
            case .marketData(var session):
                effects = session.receive(
                    bytes,
                    credentials: self.credentials,
                    isSlotFree: Self.isFree(socket.endpoint, state)
                )
                state.sockets[id]?.session = .marketData(session)
            case .tradeUpdates(var session):
                effects = session.receive(bytes, credentials: self.credentials)
                state.sockets[id]?.session = .tradeUpdates(session)
            }
            self.perform(effects, id, state)
            self.updateRole(id, &state)
        }
    }

    func pong(_ number: Int, from id: Int) {
        self.gate.pong(number, from: id)
    }

    func authenticationTimedOut(_ id: Int) {
        self.state.withLock { state in
            guard let socket = state.sockets[id], !socket.session.isAuthenticated else { return }
            let isTrading = socket.endpoint == .trading
            self.perform(
                isTrading ? [.close] : [MarketDataSession.error(404, "auth timeout"), .close],
                id,
                state
            )
        }
    }

    func closed(_ id: Int) {
        self.state.withLock { state in
            guard let socket = state.sockets.removeValue(forKey: id) else { return }
            if socket.role != nil { self.gate.left(id) }
        }
    }

    private static func isFree(_ endpoint: StreamEndpoint, _ state: State) -> Bool {
        !state.sockets.values.contains { $0.endpoint == endpoint && $0.session.isAuthenticated }
    }

    private func updateRole(_ id: Int, _ state: inout State) {
        guard let socket = state.sockets[id] else { return }
        let role: StreamRole? =
            switch socket.session {
            case .marketData(let session):
                self.symbols.allSatisfy { session.wants(.quotes, $0) } ? .marketData : nil
            case .tradeUpdates(let session): session.isListening ? .tradeUpdates : nil
            }
        guard role != socket.role else { return }
        state.sockets[id]?.role = role
        if let role {
            let connection = socket.connection
            self.gate.joined(id, role) { connection.ping($0) }
        } else {
            self.gate.left(id)
        }
    }

    private func perform(_ effects: [StreamEffect], _ id: Int, _ state: State) {
        guard let socket = state.sockets[id] else { return }
        for effect in effects {
            switch effect {
            case .send(let bytes): self.send(bytes, id, socket)
            case .close: socket.connection.close()
            }
        }
    }

    /// The gate learns of a frame before its socket does, so that no earlier pong can stand for it.
    private func send(_ bytes: [UInt8], _ id: Int, _ socket: Socket) {
        self.gate.sent(to: id)
        socket.connection.send(bytes)
    }

    // MARK: Frames

    /// Call it under the engine's lock: the frames then go out in the engine's order.
    func publish(_ updates: [OrderUpdate]) {
        guard !updates.isEmpty else { return }
        self.state.withLock { state in
            for (id, socket) in state.sockets {
                guard case .tradeUpdates(let session) = socket.session, session.isListening else { continue }
                for update in updates { self.send(JSONWriter.bytes(WireTradeUpdate(update: update)), id, socket) }
            }
        }
    }

    /// Sends each market-data socket one frame with what `fill` writes for it; nothing, if that is nothing.
    func publish(_ fill: (MarketDataSession, inout JSONWriter) -> Void) {
        self.state.withLock { state in
            for (id, socket) in state.sockets {
                guard case .marketData(let session) = socket.session, session.isAuthenticated else { continue }
                var writer = JSONWriter()
                writer.array { fill(session, &$0) }
                if writer.bytes.count > 2 { self.send(writer.bytes, id, socket) }
            }
        }
    }
}
