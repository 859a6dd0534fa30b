/// Whom to trust over TLS, beside what every connection does: verify the certificate's chain, its dates and that it was
/// made for the host that was asked for.
package struct TLSSettings: Hashable, Sendable {
    /// PEM file of the certificate authorities to trust; nil for the system's.
    package var authoritiesFile: String?
    /// PEM files of this side's own certificate and its key, for servers that ask for one.
    package var certificateFile: String?
    package var keyFile: String?

    package init(authoritiesFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil) {
        self.authoritiesFile = authoritiesFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}
