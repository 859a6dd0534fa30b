/// Whether every consumer has done all there is to do.
package enum Quiescence: Hashable, Sendable {
    case settled
    /// Something is still to be handled; the text names the first such thing, for people.
    case busy(String)
}
