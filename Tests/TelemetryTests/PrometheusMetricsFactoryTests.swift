import CoreMetrics
import Telemetry
import Testing

@Suite struct PrometheusMetricsFactoryTests {
    @Test func `renders every kind in the text exposition format`() {
        let factory = PrometheusMetricsFactory(help: ["risk_trades_rejected_total": "Refused,\nwith \\ why."])
        let refusals = [("reason", "no \"cash\"\nleft \\ today"), ("agent", "risk")]
        Counter(label: "risk.trades.rejected", dimensions: refusals, factory: factory).increment(by: 3)
        Counter(label: "risk.trades.rejected", factory: factory).increment()
        Counter(label: "bytes_total", factory: factory).increment(by: 7)
        FloatingPointCounter(label: "busy", factory: factory).increment(by: 0.25)
        Meter(label: "9 lives", factory: factory).set(8.5)
        Gauge(label: "equity", factory: factory).record(9_876)
        Recorder(label: "batch.size", factory: factory).record(4)
        Recorder(label: "batch.size", factory: factory).record(2)
        let commit = Timer(label: "redis.commit", dimensions: [("stream", "order")], factory: factory)
        commit.recordMicroseconds(50)
        commit.recordMicroseconds(51)
        commit.recordMilliseconds(300)
        commit.recordSeconds(11)
        #expect(
            factory.render() == """
                # TYPE _9_lives gauge
                _9_lives 8.5
                # TYPE batch_size summary
                batch_size_sum 6
                batch_size_count 2
                # TYPE busy_total counter
                busy_total 0.25
                # TYPE bytes_total counter
                bytes_total 7
                # TYPE equity gauge
                equity 9876
                # TYPE redis_commit_seconds histogram
                redis_commit_seconds_bucket{stream="order",le="0.00005"} 1
                redis_commit_seconds_bucket{stream="order",le="0.0001"} 2
                redis_commit_seconds_bucket{stream="order",le="0.00025"} 2
                redis_commit_seconds_bucket{stream="order",le="0.0005"} 2
                redis_commit_seconds_bucket{stream="order",le="0.001"} 2
                redis_commit_seconds_bucket{stream="order",le="0.0025"} 2
                redis_commit_seconds_bucket{stream="order",le="0.005"} 2
                redis_commit_seconds_bucket{stream="order",le="0.01"} 2
                redis_commit_seconds_bucket{stream="order",le="0.025"} 2
                redis_commit_seconds_bucket{stream="order",le="0.05"} 2
                redis_commit_seconds_bucket{stream="order",le="0.1"} 2
                redis_commit_seconds_bucket{stream="order",le="0.25"} 2
                redis_commit_seconds_bucket{stream="order",le="0.5"} 3
                redis_commit_seconds_bucket{stream="order",le="1"} 3
                redis_commit_seconds_bucket{stream="order",le="2.5"} 3
                redis_commit_seconds_bucket{stream="order",le="5"} 3
                redis_commit_seconds_bucket{stream="order",le="10"} 3
                redis_commit_seconds_bucket{stream="order",le="+Inf"} 4
                redis_commit_seconds_sum{stream="order"} 11.300101
                redis_commit_seconds_count{stream="order"} 4
                # HELP risk_trades_rejected_total Refused,\\nwith \\\\ why.
                # TYPE risk_trades_rejected_total counter
                risk_trades_rejected_total 1
                risk_trades_rejected_total{agent="risk",reason="no \\"cash\\"\\nleft \\\\ today"} 3
                # HELP quintet_metrics_dropped_total metrics refused: over the limit or name taken by another kind
                # TYPE quintet_metrics_dropped_total counter
                quintet_metrics_dropped_total 0

                """
        )
    }

    @Test func `what stands on every series gives way to a series' own`() {
        let factory = PrometheusMetricsFactory(labels: [("agent", "strategy-agent")])
        Counter(label: "sent", dimensions: [("to", "risk")], factory: factory).increment()
        Counter(label: "sent", dimensions: [("agent", "another")], factory: factory).increment()
        let lines = factory.render().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(
            lines == [
                #"sent_total{agent="another"} 1"#, #"sent_total{agent="strategy-agent",to="risk"} 1"#,
                #"quintet_metrics_dropped_total{agent="strategy-agent"} 0"#,
            ]
        )
    }

    @Test func `gauges rise, fall and say when they hold no number`() {
        let factory = PrometheusMetricsFactory()
        let open = Meter(label: "open.trades", factory: factory)
        open.increment(by: 5.0)
        open.decrement(by: 2.0)
        Meter(label: "far", factory: factory).set(Double.infinity)
        Meter(label: "none", factory: factory).set(Double.nan)
        let lines = factory.render().split(separator: "\n")
        #expect(lines.contains("open_trades 3"))
        #expect(lines.contains("far +Inf"))
        #expect(lines.contains("none NaN"))
    }

    @Test func `counters never fall`() {
        let factory = PrometheusMetricsFactory()
        let counter = Counter(label: "orders", factory: factory)
        counter.increment(by: 2)
        counter.increment(by: -1)
        let seconds = FloatingPointCounter(label: "seconds", factory: factory)
        seconds.increment(by: 2.5)
        seconds.increment(by: -1.0)
        seconds.increment(by: Double.infinity)
        let lines = factory.render().split(separator: "\n")
        #expect(lines.contains("orders_total 2"))
        #expect(lines.contains("seconds_total 2.5"))
    }

    @Test func `increments from many threads add up`() async {
        let factory = PrometheusMetricsFactory()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { @concurrent in
                    for _ in 0..<5_000 {
                        Counter(label: "events", factory: factory).increment()
                    }
                    let busy = FloatingPointCounter(label: "busy", factory: factory)
                    let latency = Timer(label: "latency", factory: factory)
                    for _ in 0..<5_000 {
                        busy.increment(by: 0.5)
                        latency.recordMilliseconds(1)
                    }
                }
            }
        }
        let lines = factory.render().split(separator: "\n")
        #expect(lines.contains("events_total 40000"))
        #expect(lines.contains("busy_total 20000"))
        #expect(lines.contains("latency_seconds_bucket{le=\"0.0005\"} 0"))
        #expect(lines.contains("latency_seconds_bucket{le=\"0.001\"} 40000"))
        #expect(lines.contains("latency_seconds_sum 40"))
    }

    @Test func `series beyond the limit are refused and counted, those known go on`() {
        let factory = PrometheusMetricsFactory(maximumSeries: 2)
        for symbol in ["AAPL", "MSFT", "NVDA", "AMD"] {
            Counter(label: "quotes", dimensions: [("symbol", symbol)], factory: factory).increment()
        }
        Counter(label: "quotes", dimensions: [("symbol", "MSFT")], factory: factory).increment()
        let lines = factory.render().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(
            lines == [
                "quotes_total{symbol=\"AAPL\"} 1", "quotes_total{symbol=\"MSFT\"} 2",
                "quintet_metrics_dropped_total 2",
            ]
        )
    }

    @Test func `a destroyed series disappears and makes room`() {
        let factory = PrometheusMetricsFactory(maximumSeries: 1)
        let first = Counter(label: "first", factory: factory)
        first.increment()
        first.destroy()
        Counter(label: "second", factory: factory).increment()
        let lines = factory.render().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines == ["second_total 1", "quintet_metrics_dropped_total 0"])
    }

    @Test func `a name taken by another kind is refused instead of breaking the page`() {
        let factory = PrometheusMetricsFactory()
        Meter(label: "depth", factory: factory).set(Int64(4))
        Recorder(label: "depth", factory: factory).record(9)
        let lines = factory.render().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines == ["depth 4", "quintet_metrics_dropped_total 1"])
    }
}
