import MarketSimulation
import Synchronization
import TradingCore

/// The way to one socket's client. What is sent arrives in the order of the calls, whichever thread they come from.
protocol StreamConnection: Sendable {
    func send(_ bytes: [UInt8], isText: Bool)
    func ping(_ number: Int)
    func close()
}

enum StreamEndpoint: Hashable {
    case trading
    /// The path tells feeds apart: each takes one connection.
    case marketData(feed: String)
    /// Quotes, bars and what happens to orders on one socket.
    case schwab

    /// - Parameter target: As in the request line; a query is left out of account.
    init?(target: String) {
        self.init(path: target.prefix { $0 != "?" }.split(separator: "/").map(String.init))
    }

    init?(path: [String]) {
        switch path {
        case ["stream"]: self = .trading
        case ["v2", "iex"], ["v2", "sip"]: self = .marketData(feed: "/" + path.joined(separator: "/"))
        case ["ws"]: self = .schwab
        default: return nil
        }
    }

    var path: String {
        switch self {
        case .trading: "/stream"
        case .marketData(let feed): feed
        case .schwab: "/ws"
        }
    }
}

/// All stream sockets: their protocol state, who gets which frame, and what the settle gate has to know about them.
final class StreamHub: Sendable {
    private let credentials: BrokerSimulatorConfiguration.Credentials?
    private let schwab: SchwabAccess
    private let symbols: [Symbol]
    private let gate: SettleGate
    private let faults: FaultPlan
    private let recorder: TrafficRecorder?
    private let symbolLimit: Int
    private let hold: ReplayHold
    private let state: Mutex<State>

    private struct State {
        var sockets: [Int: Socket] = [:]
        var nextID = 1
        /// Of the step whose prices are being shown.
        var quoteFault: FaultOrder?
        /// Handshakes that were let through to be told of the connection limit.
        var excessConnections = 0
        var board: SchwabStreamSession.Board
    }

    private struct Socket {
        let endpoint: StreamEndpoint
        let connection: any StreamConnection
        let form: StreamForm
        var session: Session
        var roles: Set<StreamRole> = []
        /// What it tells no more.
        var silences: [FaultTarget: FaultOrder] = [:]
        /// It is one connection too many, and told so when it authenticates.
        var isTooMany = false
    }

    private enum Session {
        case marketData(MarketDataSession)
        case tradeUpdates(TradeUpdateSession)
        case schwab(SchwabStreamSession)

        var isAuthenticated: Bool {
            switch self {
            case .marketData(let session): session.isAuthenticated
            case .tradeUpdates(let session): session.isAuthenticated
            case .schwab(let session): session.isLoggedIn
            }
        }
    }

    init(
        symbols: [Symbol],
        credentials: BrokerSimulatorConfiguration.Credentials?,
        schwab: SchwabAccess,
        gate: SettleGate,
        faults: FaultPlan,
        recorder: TrafficRecorder?,
        symbolLimit: Int,
        hold: ReplayHold,
        startingAt start: Timestamp
    ) {
        self.symbols = symbols
        self.credentials = credentials
        self.schwab = schwab
        self.gate = gate
        self.faults = faults
        self.recorder = recorder
        self.symbolLimit = symbolLimit
        self.hold = hold
        self.state = Mutex(State(board: SchwabStreamSession.Board(now: start)))
    }

    // MARK: Sockets

    /// Whether a handshake may go on.
    func admits(_ endpoint: StreamEndpoint) -> Bool {
        guard let fault = self.faults.next(for: .connect)?.fault else { return true }
        guard case .marketData = endpoint, fault == .connectionLimit else { return false }
        self.state.withLock { $0.excessConnections += 1 }
        return true
    }

    /// - Parameter keys: Those that came with the handshake; they authenticate a market-data socket at once.
    func opened(
        _ endpoint: StreamEndpoint,
        _ connection: any StreamConnection,
        form: StreamForm,
        key: String,
        secret: String
    ) -> Int {
        self.state.withLock { state in
            let id = state.nextID
            state.nextID += 1
            switch endpoint {
            case .trading:
                state.sockets[id] = Socket(
                    endpoint: endpoint,
                    connection: connection,
                    form: form,
                    session: .tradeUpdates(TradeUpdateSession())
                )
            case .marketData:
                var session = MarketDataSession(symbolLimit: self.symbolLimit)
                let isTooMany = state.excessConnections > 0
                if isTooMany { state.excessConnections -= 1 }
                var effects = [MarketDataSession.greeting]
                if !key.isEmpty, !secret.isEmpty {
                    effects += session.authenticate(
                        key: key,
                        secret: secret,
                        credentials: self.credentials,
                        isSlotFree: !isTooMany && Self.isFree(endpoint, state)
                    )
                }
                state.sockets[id] = Socket(
                    endpoint: endpoint,
                    connection: connection,
                    form: form,
                    session: .marketData(session),
                    isTooMany: isTooMany
                )
                self.perform(effects, id, state)
            case .schwab:
                state.sockets[id] = Socket(
                    endpoint: endpoint,
                    connection: connection,
                    form: form,
                    session: .schwab(SchwabStreamSession())
                )
            }
            return id
        }
    }

    func received(_ bytes: [UInt8], from id: Int) {
        self.state.withLock { state in
            guard let socket = state.sockets[id] else { return }
            let message = socket.form.message(bytes)
            self.recorder?.heard(message, on: socket.endpoint.path)
            let effects: [StreamEffect]
            switch socket.session {
            case .marketData(var session):
                effects = session.receive(
                    message,
                    credentials: self.credentials,
                    isSlotFree: !socket.isTooMany && Self.isFree(socket.endpoint, state)
                )
                state.sockets[id]?.session = .marketData(session)
            case .tradeUpdates(var session):
                effects = session.receive(message, credentials: self.credentials)
                state.sockets[id]?.session = .tradeUpdates(session)
            case .schwab(var session):
                effects = session.receive(message, state.board, self.schwab)
                state.sockets[id]?.session = .schwab(session)
                if session.isLoggedIn, !socket.session.isAuthenticated { self.bumpOthers(than: id, &state) }
            }
            self.perform(effects, id, state)
            self.updateRoles(id, &state)
        }
    }

    func pong(_ number: Int, from id: Int) {
        self.gate.pong(number, from: id)
    }

    func authenticationTimedOut(_ id: Int) {
        self.state.withLock { state in
            guard let socket = state.sockets[id], !socket.session.isAuthenticated else { return }
            var effects = [StreamEffect.close]
            if case .marketData = socket.endpoint {
                effects.insert(MarketDataSession.error(404, "auth timeout"), at: 0)
            }
            self.perform(effects, id, state)
        }
    }

    func heartbeat(_ id: Int) {
        self.state.withLock { state in
            guard let socket = state.sockets[id], socket.session.isAuthenticated else { return }
            self.perform([SchwabStreamSession.heartbeat(state.board)], id, state)
        }
    }

    func closed(_ id: Int) {
        self.state.withLock { state in
            guard let socket = state.sockets.removeValue(forKey: id) else { return }
            if !socket.roles.isEmpty { self.gate.left(id) }
        }
    }

    private static func isFree(_ endpoint: StreamEndpoint, _ state: State) -> Bool {
        !state.sockets.values.contains { $0.endpoint == endpoint && $0.session.isAuthenticated }
    }

    /// The Schwab streamer takes one socket a user: the last to log in.
    private func bumpOthers(than id: Int, _ state: inout State) {
        for other in state.sockets.keys where other != id {
            guard case .schwab(var session)? = state.sockets[other]?.session, session.isLoggedIn else { continue }
            let effects = session.bump(state.board)
            state.sockets[other]?.session = .schwab(session)
            self.perform(effects, other, state)
            self.updateRoles(other, &state)
        }
    }

    private func updateRoles(_ id: Int, _ state: inout State) {
        guard let socket = state.sockets[id] else { return }
        let roles = self.roles(of: socket.session)
        guard roles != socket.roles else { return }
        state.sockets[id]?.roles = roles
        if roles.isEmpty {
            self.gate.left(id)
        } else {
            let connection = socket.connection
            self.gate.joined(id, roles) { connection.ping($0) }
        }
    }

    private func roles(of session: Session) -> Set<StreamRole> {
        switch session {
        case .marketData(let session):
            return self.symbols.allSatisfy { session.wants(.quotes, $0) } ? [.marketData] : []
        case .tradeUpdates(let session):
            return session.isListening ? [.tradeUpdates] : []
        case .schwab(let session):
            var roles: Set<StreamRole> = session.isListeningToOrders ? [.tradeUpdates] : []
            if session.wantsQuotes(of: self.symbols) { roles.insert(.marketData) }
            return roles
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

    /// The client is gone as far as the replay knows, before its socket is.
    private func disconnect(_ id: Int, _ state: inout State) {
        guard let socket = state.sockets.removeValue(forKey: id) else { return }
        if !socket.roles.isEmpty { self.gate.left(id) }
        socket.connection.close()
    }

    /// Through the gate, so that no earlier pong can stand for the frame.
    private func send(_ bytes: [UInt8], _ id: Int, _ socket: Socket) {
        let frame = socket.form.frame(bytes)
        self.gate.sent(to: id) { socket.connection.send(frame.bytes, isText: frame.isText) }
    }

    // MARK: Frames

    /// Call it under the engine's lock: the frames then go out in the engine's order.
    ///
    /// - Parameter activities: The same, and what else there is, in Schwab's words.
    func publish(_ updates: [OrderUpdate], _ activities: [SchwabActivity]) {
        guard !updates.isEmpty || !activities.isEmpty else { return }
        let fault = self.faults.next(for: .updates)
        let isReversed = fault?.fault == .reorderUpdates
        self.state.withLock { state in
            for (id, socket) in state.sockets {
                let effects: [StreamEffect]
                switch socket.session {
                case .tradeUpdates(let session) where session.isListening:
                    let frames = updates.map { StreamEffect.send(JSONWriter.bytes(WireTradeUpdate(update: $0))) }
                    effects = isReversed ? frames.reversed() : frames
                case .schwab(var session):
                    let activities = isReversed ? activities.reversed() : activities
                    let number = self.schwab.accountNumber
                    guard let frame = session.show(activities, accountNumber: number, state.board) else { continue }
                    state.sockets[id]?.session = .schwab(session)
                    effects = [frame]
                default: continue
                }
                self.tell(effects, of: .updates, fault, id, &state)
            }
        }
    }

    /// Sends what there is to tell, or does what is ordered in place of it.
    private func tell(
        _ effects: [StreamEffect],
        of kind: FaultTarget,
        _ fault: FaultOrder?,
        _ id: Int,
        _ state: inout State
    ) {
        if let silence = state.sockets[id]?.silences[kind] { return self.hold.after(silence.duration) }
        switch fault?.fault {
        case .disconnect: self.disconnect(id, &state)
        case .bump:
            guard case .schwab(var session)? = state.sockets[id]?.session else {
                return self.perform(effects, id, state)
            }
            self.perform(session.bump(state.board), id, state)
            self.disconnect(id, &state)
        case .duplicateUpdates: self.perform(effects + effects, id, state)
        case .dropUpdates: self.hold.after(fault?.duration ?? .zero)
        case .silent:
            state.sockets[id]?.silences[kind] = fault
            self.hold.after(fault?.duration ?? .zero)
        case .lateUpdates:
            self.hold.after(fault?.duration ?? .zero) {
                self.state.withLock { self.perform(effects, id, $0) }
            }
        case .invalidFrame:
            if case .send(let bytes)? = effects.first {
                self.perform([.send(Array(bytes.prefix(bytes.count / 2)))], id, state)
            }
            self.perform(effects, id, state)
        default: self.perform(effects, id, state)
        }
    }

    func publish(_ news: SchwabMarketNews) {
        self.state.withLock { state in
            state.board.now = news.at
            for levelOne in news.levelOne { state.board.levelOne[levelOne.symbol.rawValue] = levelOne }
            for (id, socket) in state.sockets {
                guard case .schwab(var session) = socket.session, let frame = session.show(news) else { continue }
                state.sockets[id]?.session = .schwab(session)
                self.tell([frame], of: .quotes, state.quoteFault, id, &state)
            }
        }
    }

    /// Sends each market-data socket one frame with what `fill` writes for it; nothing, if that is nothing. Call it once a
    /// step, before the same is published in Schwab's words.
    func publish(_ fill: (MarketDataSession, inout JSONWriter) -> Void) {
        let fault = self.faults.next(for: .quotes)
        self.state.withLock { state in
            state.quoteFault = fault
            for (id, socket) in state.sockets {
                guard case .marketData(let session) = socket.session, session.isAuthenticated else { continue }
                var writer = JSONWriter()
                writer.array { fill(session, &$0) }
                if writer.bytes.count > 2 { self.tell([.send(writer.bytes)], of: .quotes, fault, id, &state) }
            }
        }
    }
}
