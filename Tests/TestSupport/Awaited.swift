/// Waits until `fact` holds, asking every few milliseconds. Returns the first answer that is not nil.
package func awaited<Value>(
    _ what: @autoclosure () -> String,
    within limit: Duration = .seconds(30),
    _ fact: () throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    while true {
        if let value = try fact() { return value }
        guard ContinuousClock.now < deadline else { throw TestFailure("Within \(limit) there was not: \(what()).") }
        // Between two looks; what is waited for is the fact.
        try await Task.sleep(for: .milliseconds(5))
    }
}
