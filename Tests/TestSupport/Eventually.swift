import Glibc

/// Blocks until the condition holds, looking every millisecond. False if it never did within half a minute.
package func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = ContinuousClock.now + .seconds(30)
    while try !condition() {
        guard ContinuousClock.now < deadline else { return false }
        _ = poll(nil, 0, 1)
    }
    return true
}
