import Glibc
import TradingCore

/// What codec, state machines and breaker cost, in processor time of this thread: how busy the machine is otherwise
/// plays no part.
struct CoreBenchmark {
    private static let batches = 200

    private let signal: Message
    private let encoded: [UInt8]
    /// Keeps the measured work from being optimised away.
    private var checksum = 0

    init() throws {
        let trade = try ChainTrade(number: 0)
        self.signal = try trade.entrySignal
        self.encoded = self.signal.encoded()
        guard try Message(decoding: self.encoded) == self.signal else {
            throw BenchmarkFailure("an entry signal does not survive encoding and decoding: run the tests first")
        }
    }

    mutating func run() throws -> [Figure] {
        let figures = [
            try self.codec("codec_encode", "encode strategy.entry.signal") { $0.signal.encoded().count },
            try self.codec("codec_decode", "decode strategy.entry.signal") {
                try Message(decoding: $0.encoded).event == .entrySignal ? 1 : 0
            },
            try self.tradeStep(),
            try self.orderStep(),
            try self.breakerRequest(),
        ]
        guard self.checksum != 0 else { throw BenchmarkFailure("the measured work came to nothing") }
        return figures
    }

    private mutating func codec(
        _ name: String,
        _ title: String,
        _ work: (borrowing CoreBenchmark) throws -> Int
    ) throws -> Figure {
        try self.measure(name, "\(title), \(self.encoded.count) bytes", count: 200) { benchmark in
            var sum = 0
            for _ in 0..<200 { sum &+= try work(benchmark) }
            return sum
        }
    }

    private mutating func tradeStep() throws -> Figure {
        let steps = TradeState.allCases.flatMap { state in
            TradeTrigger.allCases.compactMap { trigger in
                TradeStateMachine.next(state, on: trigger).map { (from: state, to: $0, trigger: trigger) }
            }
        }
        return try self.measure("trade_state_machine_step", "TradeStateMachine step", count: 1000 * steps.count) { _ in
            var sum = 0
            for round in 0..<1000 {
                for step in steps {
                    try TradeStateMachine.check(from: step.from, to: step.to, on: step.trigger)
                    sum &+= round
                }
            }
            return sum
        }
    }

    private mutating func orderStep() throws -> Figure {
        let steps = OrderState.allCases.flatMap { state in
            OrderEvent.allCases.map { event in (state: state, event: event) }
        }
        return try self.measure("order_state_machine_step", "OrderStateMachine step", count: 500 * steps.count) { _ in
            var sum = 0
            for _ in 0..<500 {
                for step in steps {
                    if OrderStateMachine.step(step.state, on: step.event) != .absorbed { sum &+= 1 }
                }
            }
            return sum
        }
    }

    private mutating func breakerRequest() throws -> Figure {
        var breaker = CircuitBreaker()
        let title = "circuit breaker request and success"
        return try self.measure("circuit_breaker_request", title, count: 50_000) { _ in
            var sum = 0
            for second in 0..<50_000 {
                if breaker.request(now: .seconds(second)) == .allowed {
                    breaker.succeeded()
                    sum &+= 1
                }
            }
            return sum
        }
    }

    /// `work` does `count` of what is measured.
    private mutating func measure(
        _ name: String,
        _ title: String,
        count: Int,
        _ work: (borrowing CoreBenchmark) throws -> Int
    ) throws -> Figure {
        var samples = Samples()
        for batch in 0..<Self.batches + 5 {
            let start = Self.processorTime
            let result = try work(self)
            let elapsed = Self.processorTime - start
            self.checksum &+= result
            // The first few warm the caches.
            if batch >= 5 { samples.append(Double(elapsed) / Double(count)) }
        }
        return Figure(name: name, title: title, value: samples.median, unit: "ns", sampleCount: samples.count)
    }

    /// Nanoseconds.
    private static var processorTime: Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
