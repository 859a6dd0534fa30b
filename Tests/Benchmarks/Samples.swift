/// Measured values of one thing, at least one.
struct Samples {
    private(set) var values: [Double] = []

    mutating func append(_ value: Double) { self.values.append(value) }
    mutating func append(_ duration: Duration) { self.values.append(duration.nanoseconds) }

    mutating func append(contentsOf other: Samples) { self.values += other.values }

    var count: Int { self.values.count }
    var median: Double { self.quantile(0.5) }

    /// The value that the share `fraction` of all values, 0...1, does not exceed.
    func quantile(_ fraction: Double) -> Double {
        let sorted = self.values.sorted()
        return sorted[min(Int(Double(sorted.count) * fraction), sorted.count - 1)]
    }
}

extension Duration {
    var nanoseconds: Double {
        Double(self.components.seconds) * 1e9 + Double(self.components.attoseconds) / 1e9
    }
}
