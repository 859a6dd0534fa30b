import TradingCore

/// Equity and drawdown over a run as one SVG picture. Its colours are the page's CSS variables.
struct EquityChart {
    private struct Point {
        var date: CalendarDate
        var equity: Double
        /// Share of the highest equity so far.
        var drawdown: Double
    }

    private static let width = 960.0
    private static let left = 84.0
    private static let right = 944.0
    private static let equityTop = 16.0
    private static let equityBottom = 280.0
    private static let drawdownTop = 316.0
    private static let drawdownBottom = 396.0
    private static let height = 428.0
    private static let maximumPoints = 2000

    private let points: [Point]
    private let startingEquity: Double

    init(_ curve: [SimulatorResult.EquityPoint], startingCash: Money) {
        var peak = Self.dollars(startingCash)
        var points: [Point] = []
        for point in curve {
            let equity = Self.dollars(point.equity)
            peak = max(peak, equity)
            points.append(
                Point(date: point.date, equity: equity, drawdown: peak > 0 ? (peak - equity) / peak : 0)
            )
        }
        let stride = max(1, (points.count + Self.maximumPoints - 1) / Self.maximumPoints)
        self.points = points.enumerated().filter { $0.offset % stride == 0 || $0.offset == points.count - 1 }
            .map(\.element)
        self.startingEquity = Self.dollars(startingCash)
    }

    /// Empty if there is nothing to draw a line between.
    var svg: String {
        guard self.points.count > 1 else { return "" }
        let equities = self.points.map(\.equity) + [self.startingEquity]
        let equityTicks = Self.ticks(from: equities.min() ?? 0, to: equities.max() ?? 1, count: 5)
        let deepest = max(self.points.map(\.drawdown).max() ?? 0, 0.001)
        let drawdownTicks = Self.ticks(from: 0, to: deepest, count: 2)
        let equityY = Self.scale(equityTicks, top: Self.equityTop, bottom: Self.equityBottom)
        let drawdownY = Self.scale(drawdownTicks.map { -$0 }, top: Self.drawdownTop, bottom: Self.drawdownBottom)
        var svg = """
            <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" \
            aria-label="Equity and drawdown over the run">

            """
        for tick in equityTicks { svg += Self.gridLine(at: equityY(tick), label: Self.dollarLabel(tick)) }
        for tick in drawdownTicks { svg += Self.gridLine(at: drawdownY(-tick), label: Self.percentLabel(tick)) }
        svg += self.timeAxis
        let start = Self.text(equityY(self.startingEquity))
        svg += """
            <line class="start" x1="\(Self.text(Self.left))" y1="\(start)" x2="\(Self.text(Self.right))" y2="\(start)"/>

            """
        let drawdown = self.line { drawdownY(-$0.drawdown) }
        let top = Self.text(drawdownY(0))
        svg += """
            <path class="drawdown" d="M\(Self.text(Self.left)) \(top) L\(drawdown) L\(Self.text(Self.right)) \(top) Z"/>
            <path class="equity" d="M\(self.line { equityY($0.equity) })"/>
            <text class="label" x="\(Self.text(Self.left))" y="\(Self.text(Self.drawdownTop - 10))">drawdown</text>
            </svg>

            """
        return svg
    }

    private func line(_ y: (Point) -> Double) -> String {
        let last = Double(self.points.count - 1)
        return self.points.enumerated().map { index, point in
            "\(Self.text(Self.left + (Self.right - Self.left) * Double(index) / last)) \(Self.text(y(point)))"
        }.joined(separator: " L")
    }

    /// Sessions lie evenly, so nights and weekends take no room.
    private var timeAxis: String {
        let count = min(7, self.points.count)
        var svg = ""
        for tick in 0..<count {
            let index = (self.points.count - 1) * tick / (count - 1)
            let x = Self.left + (Self.right - Self.left) * Double(index) / Double(self.points.count - 1)
            // Where there is little room, only the outer two and the middle one are shown.
            let isBetween = tick != 0 && tick != count - 1 && tick * 2 != count - 1
            let anchor = tick == 0 ? "start" : tick == count - 1 ? "end" : "middle"
            svg += """
                <line class="grid" x1="\(Self.text(x))" y1="\(Self.text(Self.equityTop))" x2="\(Self.text(x))" \
                y2="\(Self.text(Self.drawdownBottom))"/>
                <text class="label\(isBetween ? " between" : "")" x="\(Self.text(x))" y="\(Self.text(Self.height - 10))" \
                text-anchor="\(anchor)">\(self.points[index].date)</text>

                """
        }
        return svg
    }

    private static func gridLine(at y: Double, label: String) -> String {
        """
        <line class="grid" x1="\(Self.text(Self.left))" y1="\(Self.text(y))" x2="\(Self.text(Self.right))" \
        y2="\(Self.text(y))"/>
        <text class="label" x="\(Self.text(Self.left - 8))" y="\(Self.text(y + 4))" text-anchor="end">\(label)</text>

        """
    }

    private static func scale(_ ticks: [Double], top: Double, bottom: Double) -> (Double) -> Double {
        let lowest = ticks.min() ?? 0
        let range = max((ticks.max() ?? 1) - lowest, .leastNonzeroMagnitude)
        return { value in bottom - (bottom - top) * (value - lowest) / range }
    }

    /// Round values that enclose the range, about `count` steps apart.
    private static func ticks(from lowest: Double, to highest: Double, count: Int) -> [Double] {
        let range = max(highest - lowest, abs(highest) * 0.001, 1e-6)
        var step = 1e-7
        var factors = [2.0, 2.5, 2.0]
        while step * Double(count) < range {
            step *= factors[0]
            factors.append(factors.removeFirst())
        }
        let first = (lowest / step).rounded(.down)
        let last = max((highest / step).rounded(.up), first + 1)
        return Swift.stride(from: first, through: last, by: 1).map { $0 * step }
    }

    private static func dollars(_ money: Money) -> Double { Double(money.raw) / Double(Money.unit) }

    private static func dollarLabel(_ value: Double) -> String {
        let text = Display.dollars(Money(raw: Int64((value * 100).rounded()) * (Money.unit / 100)))
        return text.hasSuffix(".00") ? String(text.dropLast(3)) : text
    }

    /// Of a fall: `−7.5 %`.
    private static func percentLabel(_ value: Double) -> String {
        let text = "\((value * 10_000).rounded() / 100)"
        return (value > 0 ? "−" : "") + (text.hasSuffix(".0") ? String(text.dropLast(2)) : text) + " %"
    }

    private static func text(_ coordinate: Double) -> String { "\((coordinate * 10).rounded() / 10)" }
}
