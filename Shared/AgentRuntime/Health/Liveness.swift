/// Whether the process still does its work.
package enum Liveness: Equatable, Sendable {
    case alive
    /// Why it is taken for stuck.
    case stalled(String)
}
