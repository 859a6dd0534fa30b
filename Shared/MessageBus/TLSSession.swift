import COpenSSL
import Glibc

/// TLS over a connected socket, as the client. Belongs to one thread at a time; the socket is its owner's to close.
///
/// The socket does not block: a server may send what is for TLS alone, such as tickets, and then `poll(2)` finds it
/// readable though there is nothing to read.
final class TLSSession {
    private let pointer: OpaquePointer
    private let descriptor: Int32

    /// No more than a record holds, so that one read empties it.
    private static let portion = 16_384

    /// Shakes hands. `host` is a name or an address; the server's certificate has to be made for it.
    init(
        over descriptor: Int32,
        to host: String,
        _ context: TLSContext,
        within patience: Duration
    ) throws(TLSFailure) {
        guard let pointer = SSL_new(context.pointer) else { throw .other("no memory") }
        self.pointer = pointer
        self.descriptor = descriptor
        guard fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0 else { throw .system(errno) }
        guard SSL_set_fd(pointer, descriptor) == 1, self.expect(host) else { throw .other("\(host) is no host's name") }
        _ = try self.perform(until: .now + patience) { SSL_connect(pointer) }
    }

    deinit { SSL_free(self.pointer) }

    private func expect(_ host: String) -> Bool {
        let parameters = SSL_get0_param(self.pointer)
        if X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1 { return true }
        X509_VERIFY_PARAM_set_hostflags(parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        return SSL_set1_host(self.pointer, host) == 1 && copenssl_ssl_set_server_name(self.pointer, host) == 1
    }

    func write(_ bytes: [UInt8], within patience: Duration) throws(TLSFailure) {
        let deadline = ContinuousClock.now + patience
        var written = 0
        while written < bytes.count {
            written += try self.perform(until: deadline) {
                bytes.withUnsafeBytes { bytes in
                    let rest = bytes[written...]
                    return SSL_write(
                        self.pointer,
                        UnsafeRawBufferPointer(rebasing: rest).baseAddress,
                        Int32(rest.count)
                    )
                }
            }
        }
    }

    func waitUntilReadable(within patience: Duration) throws(TLSFailure) {
        try self.wait(for: POLLIN, until: .now + patience)
    }

    /// Hands out all there is, in portions; never blocks. Then nothing more comes before `poll(2)` says so: OpenSSL keeps
    /// no complete record back.
    func readAvailable(_ take: (UnsafeRawBufferPointer) -> Void) throws(TLSFailure) {
        var failure: TLSFailure?
        var isEmpty = true
        withUnsafeTemporaryAllocation(byteCount: Self.portion, alignment: 1) { buffer in
            repeat {
                ERR_clear_error()
                errno = 0
                let count = SSL_read(self.pointer, buffer.baseAddress, Int32(buffer.count))
                let systemError = errno
                guard count > 0 else {
                    let code = SSL_get_error(self.pointer, count)
                    guard code != SSL_ERROR_WANT_READ, code != SSL_ERROR_WANT_WRITE else { return }
                    // What the server said before it hung up comes first; the next read finds the end again.
                    failure = isEmpty ? self.failure(code, systemError) : nil
                    return
                }
                isEmpty = false
                take(UnsafeRawBufferPointer(rebasing: buffer[..<Int(count)]))
            } while SSL_has_pending(self.pointer) == 1
        }
        if let failure { throw failure }
    }

    /// Repeats an operation of OpenSSL's until it is done, waiting for the socket in between.
    private func perform(
        until deadline: ContinuousClock.Instant,
        _ operation: () -> Int32
    ) throws(TLSFailure) -> Int {
        while true {
            ERR_clear_error()
            errno = 0
            let result = operation()
            let systemError = errno
            guard result <= 0 else { return Int(result) }
            switch SSL_get_error(self.pointer, result) {
            case SSL_ERROR_WANT_READ: try self.wait(for: POLLIN, until: deadline)
            case SSL_ERROR_WANT_WRITE: try self.wait(for: POLLOUT, until: deadline)
            case let code: throw self.failure(code, systemError)
            }
        }
    }

    private func wait(for events: Int32, until deadline: ContinuousClock.Instant) throws(TLSFailure) {
        while true {
            let remaining = deadline - .now
            guard remaining > .zero else { throw .timedOut }
            var socket = pollfd(fd: self.descriptor, events: Int16(events), revents: 0)
            let count = poll(&socket, 1, Int32(clamping: remaining.milliseconds))
            if count > 0 { return }
            if count < 0, errno != EINTR { throw .system(errno) }
        }
    }

    private func failure(_ code: Int32, _ systemError: Int32) -> TLSFailure {
        let verdict = Int32(SSL_get_verify_result(self.pointer))
        if verdict != X509_V_OK { return .certificate(verdict) }
        switch code {
        case SSL_ERROR_ZERO_RETURN: return .closed
        case SSL_ERROR_SYSCALL: return systemError == 0 ? .closed : .system(systemError)
        default:
            let error = ERR_peek_error()
            let reason = copenssl_error_reason(error)
            if reason == SSL_R_UNEXPECTED_EOF_WHILE_READING { return .closed }
            let text = ERR_reason_error_string(error).map { String(cString: $0) } ?? "OpenSSL's error \(error)"
            return .refused(reason: reason, text)
        }
    }
}
