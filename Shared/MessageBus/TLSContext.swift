import COpenSSL
import Glibc
import Synchronization

/// What all TLS sessions with the same settings have in common: whom to trust, and who the client is.
// Unchecked, as the compiler cannot see into OpenSSL: the one stored property is a constant, everything about the context
// is set in `init`, and afterwards it is only handed to SSL_new, which OpenSSL allows on any thread (it counts references
// atomically and locks what contexts share). The last reference frees it.
final class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer

    /// The last one made. A process has one Redis; should its files be replaced, the next connection reads the new ones.
    private static let last = Mutex<(key: Key, context: TLSContext)?>(nil)

    private struct Key: Hashable {
        var settings: RedisTLS
        var files: [[Int]]
    }

    static func shared(for settings: RedisTLS) throws(RedisTLSError) -> TLSContext {
        let key = Key(settings: settings, files: settings.files.map(Self.stamp))
        if let known = Self.last.withLock({ $0?.key == key ? $0?.context : nil }) { return known }
        let context = try TLSContext(settings)
        Self.last.withLock { $0 = (key, context) }
        return context
    }

    /// Changes when another file takes the path.
    private static func stamp(_ path: String) -> [Int] {
        var status = stat()
        guard stat(path, &status) == 0 else { return [] }
        return [Int(status.st_ino), status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
    }

    private init(_ settings: RedisTLS) throws(RedisTLSError) {
        guard let pointer = SSL_CTX_new(TLS_client_method()) else {
            preconditionFailure("OpenSSL could not start: check that its installation is complete")
        }
        self.pointer = pointer
        copenssl_ssl_context_set_modes(pointer)
        copenssl_ssl_context_ask_no_password(pointer)
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        guard copenssl_ssl_context_set_minimum_version(pointer, TLS1_2_VERSION) == 1 else {
            preconditionFailure("OpenSSL here knows no TLS 1.2")
        }
        if let file = settings.authoritiesFile {
            try Self.checkReadable(file, .authorities)
            guard SSL_CTX_load_verify_locations(pointer, file, nil) == 1 else {
                throw RedisTLSError(.authorities, "\(file) holds no certificate in PEM")
            }
        } else {
            SSL_CTX_set_default_verify_paths(pointer)
        }
        if let file = settings.certificateFile {
            try Self.checkReadable(file, .certificate)
            guard SSL_CTX_use_certificate_chain_file(pointer, file) == 1 else {
                throw RedisTLSError(.certificate, "\(file) holds no certificate in PEM")
            }
        }
        if let file = settings.keyFile {
            try Self.checkReadable(file, .key)
            guard SSL_CTX_use_PrivateKey_file(pointer, file, SSL_FILETYPE_PEM) == 1 else {
                let isOther = copenssl_error_reason(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH
                throw RedisTLSError(
                    .key,
                    isOther
                        ? "\(file) is not the key of the certificate in \(settings.certificateFile ?? "")"
                        : "\(file) holds no key in PEM that can be read without a password"
                )
            }
            // One of another kind is taken without being compared.
            guard SSL_CTX_check_private_key(pointer) == 1 else {
                throw RedisTLSError(
                    .key,
                    "\(file) is not the key of the certificate in \(settings.certificateFile ?? "")"
                )
            }
        }
    }

    deinit { SSL_CTX_free(self.pointer) }

    private static func checkReadable(_ path: String, _ file: RedisTLSError.File) throws(RedisTLSError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw RedisTLSError(file, "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        close(descriptor)
    }
}
