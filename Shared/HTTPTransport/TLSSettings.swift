/// Whom to trust over TLS, beside what every connection does: verify the certificate's chain, its dates and that it was
/// made for the host that was asked for.
package struct TLSSettings: Hashable, Sendable {
    /// PEM file of the certificate authorities to trust; nil for the system's.
    package var authoritiesFile: String?

    package init(authoritiesFile: String? = nil) {
        self.authoritiesFile = authoritiesFile
    }
}
