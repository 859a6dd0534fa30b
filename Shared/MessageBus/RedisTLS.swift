/// How to speak TLS with a Redis server, beside what every connection does: TLS 1.2 or newer, the certificate's chain and
/// dates verified, and that it was made for the host (or the address) that was asked for.
package struct RedisTLS: Hashable, Sendable {
    /// PEM file of the certificate authorities to trust; nil for the system's.
    package var authoritiesFile: String?
    /// PEM file of the client's certificate and what leads from it to its authority; nil shows none.
    package var certificateFile: String?
    /// PEM file of the certificate's key, not encrypted; there if the certificate is.
    package var keyFile: String?

    package init(authoritiesFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil) {
        self.authoritiesFile = authoritiesFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }

    /// Reads the files, so that what is wrong with them is known before the first connection.
    package func check() throws(RedisTLSError) { _ = try TLSContext.shared(for: self) }

    var files: [String] { [self.authoritiesFile, self.certificateFile, self.keyFile].compactMap(\.self) }
}

/// Why a file for TLS cannot be used.
package struct RedisTLSError: Error, Hashable, CustomStringConvertible {
    package enum File: String, Hashable, Sendable, CaseIterable {
        case authorities = "REDIS_CA_FILE"
        case certificate = "REDIS_CERTIFICATE_FILE"
        case key = "REDIS_KEY_FILE"
    }

    package var file: File
    package var reason: String

    init(_ file: File, _ reason: String) {
        self.file = file
        self.reason = reason
    }

    package var description: String { "\(self.file.rawValue): \(self.reason)" }
}
