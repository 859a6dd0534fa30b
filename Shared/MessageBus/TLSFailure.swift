import COpenSSL
import Glibc

/// Why TLS with a server did not come about, or came to its end.
enum TLSFailure: Error, Hashable {
    case timedOut
    /// The server hung up.
    case closed
    /// An error of the socket's, as in `errno`.
    case system(Int32)
    /// The server's certificate is not to be trusted, as `X509_V_ERR_…` says why.
    case certificate(Int32)
    /// One side refused, as `SSL_R_…` says why.
    case refused(reason: Int32, String)
    case other(String)

    /// What a person can do about it.
    func message(_ endpoint: RedisEndpoint, isShakingHands: Bool) -> String {
        switch self {
        case .certificate(let verdict): return self.message(endpoint, verdict: verdict)
        case .refused(let reason, let text): return Self.message(endpoint, reason: reason, text)
        case .timedOut where isShakingHands:
            return
                "What listens at \(endpoint) does not answer in TLS. If it is a Redis without TLS, write redis:// in "
                + "REDIS_URL."
        case .timedOut: return "Redis at \(endpoint) did not answer in time."
        case .closed: return Self.noConnection(endpoint, "the server closed it")
        case .system(let error): return Self.noConnection(endpoint, String(cString: strerror(error)))
        case .other(let text): return Self.noConnection(endpoint, text)
        }
    }

    private static func noConnection(_ endpoint: RedisEndpoint, _ reason: String) -> String {
        // The servers of TLS 1.3 hang up on a client without a certificate when it takes itself for connected.
        let advice =
            endpoint.tls?.certificateFile == nil
            ? "set REDIS_CERTIFICATE_FILE and REDIS_KEY_FILE if it asks for client certificates" : "see its log"
        return "No connection to Redis at \(endpoint): \(reason). Start it there, or set REDIS_URL; \(advice)."
    }

    private func message(_ endpoint: RedisEndpoint, verdict: Int32) -> String {
        let certificate = "The certificate of Redis at \(endpoint)"
        switch verdict {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "\(certificate) is made for another host. Write one of its names in REDIS_URL, or have it made for "
                + "the one that stands there."
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "\(certificate), or that of the authority behind it, has expired. Renew it there."
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "\(certificate) is not valid yet. Check the clocks of both machines."
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
            X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_CERT_SIGNATURE_FAILURE:
            let trusted = endpoint.tls?.authoritiesFile.map { "the authorities in \($0)" } ?? "the system's authorities"
            return "\(certificate) was signed by none of \(trusted). Name the file with the one that did in "
                + "REDIS_CA_FILE."
        default:
            return "\(certificate) is refused: \(String(cString: X509_verify_cert_error_string(Int(verdict))))."
        }
    }

    private static func message(_ endpoint: RedisEndpoint, reason: Int32, _ text: String) -> String {
        switch reason {
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_HTTP_REQUEST, SSL_R_RECORD_LENGTH_MISMATCH:
            return "What listens at \(endpoint) does not speak TLS. If it is a Redis without TLS, write redis:// in "
                + "REDIS_URL."
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
            return "Redis at \(endpoint) speaks no TLS 1.2 or newer. Allow it there (tls-protocols)."
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
            return "Redis at \(endpoint) asks for a client certificate. Set REDIS_CERTIFICATE_FILE and REDIS_KEY_FILE."
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
            SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
            return "Redis at \(endpoint) does not accept the certificate in REDIS_CERTIFICATE_FILE (\(text)). Have it "
                + "signed by an authority in Redis' tls-ca-cert-file."
        default:
            return "No TLS with Redis at \(endpoint): \(text)."
        }
    }
}
