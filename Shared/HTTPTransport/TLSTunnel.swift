import CCurl
import Glibc

/// A TLS connection that somebody uses as if it were plain: what is written to the descriptor it hands out leaves
/// encrypted, and the peer's words are read from it. For clients that know no TLS of their own.
///
/// libcurl connects and verifies. A thread of its own carries the bytes, 64 KiB at a time in each direction, until one
/// side closes; the other is closed then, after what was on its way.
package enum TLSTunnel {
    /// Connects in the background and calls `opened` once, on the tunnel's thread, with a connected stream socket that
    /// the caller owns from then on and ends the tunnel by closing, or with the reason why there is none.
    package static func open(
        host: String,
        port: Int,
        settings: TLSSettings,
        connectTimeout: Duration,
        opened: @escaping @Sendable (Result<CInt, HTTPTransportError>) -> Void
    ) {
        let error = DetachedThread.start { Self.run(host, port, settings, connectTimeout, opened) }
        if let error {
            opened(.failure(Self.failure(.other, "no thread could be started (errno \(error))", host, port)))
        }
    }

    private static func run(
        _ host: String,
        _ port: Int,
        _ settings: TLSSettings,
        _ connectTimeout: Duration,
        _ opened: (Result<CInt, HTTPTransportError>) -> Void
    ) {
        let handle = CurlLibrary.makeHandle()
        defer { curl_easy_cleanup(handle) }
        do throws(HTTPTransportError) {
            let remote = try Self.connect(handle, host, port, settings, connectTimeout)
            var ends: [CInt] = [-1, -1]
            guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
                throw Self.failure(.other, "no socket pair (errno \(errno))", host, port)
            }
            defer { close(ends[0]) }
            _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
            opened(.success(ends[1]))
            var carrier = Carrier(handle: handle, remote: remote, local: ends[0])
            carrier.run()
        } catch {
            opened(.failure(error))
        }
    }

    private static func connect(
        _ handle: UnsafeMutableRawPointer,
        _ host: String,
        _ port: Int,
        _ settings: TLSSettings,
        _ connectTimeout: Duration
    ) throws(HTTPTransportError) -> CInt {
        let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        defer { errorText.deallocate() }
        errorText.pointee = 0
        var options = CurlOptions(handle: handle)
        options.setConnection(settings, connectTimeout: connectTimeout)
        options.set(CURLOPT_URL, "https://\(host.contains(":") ? "[\(host)]" : host):\(port)/")
        options.set(CURLOPT_CONNECT_ONLY, 1)
        // What travels inside is not HTTP as far as TLS is to know.
        options.set(CURLOPT_SSL_ENABLE_ALPN, 0)
        options.set(CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(errorText))
        let code = options.failure == CURLE_OK ? curl_easy_perform(handle) : options.failure
        guard code == CURLE_OK else {
            let kind = HTTPTransportError.Code(code)
            let text = String(cString: errorText)
            throw Self.failure(kind, text.isEmpty ? String(cString: curl_easy_strerror(code)) : text, host, port)
        }
        // The buffer for errors is gone when this returns.
        options.set(CURLOPT_ERRORBUFFER, nil)
        var socket = CURL_SOCKET_BAD
        guard ccurl_get_socket(handle, CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK, socket != CURL_SOCKET_BAD else {
            throw Self.failure(.connectionLost, "the connection was lost at once", host, port)
        }
        return socket
    }

    private static func failure(
        _ code: HTTPTransportError.Code,
        _ detail: String,
        _ host: String,
        _ port: Int
    ) -> HTTPTransportError {
        HTTPTransportError(
            code: code,
            message: "TLS connection to \(host):\(port): \(detail)",
            requestMayHaveBeenSent: false
        )
    }
}

/// Carries bytes between libcurl's connection and a socket until one of them ends.
private struct Carrier {
    let handle: UnsafeMutableRawPointer
    let remote: CInt
    let local: CInt
    private var outbound = Portion()
    private var inbound = Portion()

    init(handle: UnsafeMutableRawPointer, remote: CInt, local: CInt) {
        self.handle = handle
        self.remote = remote
        self.local = local
    }

    mutating func run() {
        while true {
            // As long as anything moves: TLS may hold bytes that the socket no longer shows.
            while self.moveOutbound() || self.moveInbound() {}
            if self.outbound.isAtEnd || self.inbound.isAtEnd { return }
            let out = self.outbound.isEmpty
            let into = self.inbound.isEmpty
            var descriptors = [
                Self.pollable(self.local, reads: out, writes: !into),
                Self.pollable(self.remote, reads: into, writes: !out),
            ]
            guard poll(&descriptors, 2, -1) >= 0 || errno == EINTR else { return }
        }
    }

    /// A side of which nothing is wanted is passed over, or its hanging up would end every wait at once.
    private static func pollable(_ descriptor: CInt, reads: Bool, writes: Bool) -> pollfd {
        let events = Int16((reads ? POLLIN : 0) | (writes ? POLLOUT : 0))
        return pollfd(fd: events == 0 ? -1 : descriptor, events: events, revents: 0)
    }

    /// Local to remote. False if nothing can be moved now.
    private mutating func moveOutbound() -> Bool {
        if self.outbound.isEmpty {
            guard !self.outbound.hasEnded else { return false }
            let count = self.outbound.fill { read(self.local, $0.baseAddress, $0.count) }
            if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { self.outbound.hasEnded = true }
            return count > 0
        }
        var sent = 0
        let code = self.outbound.rest { curl_easy_send(self.handle, $0.baseAddress, $0.count, &sent) }
        if code != CURLE_OK, code != CURLE_AGAIN {
            self.outbound.abandon()
            return false
        }
        self.outbound.consume(sent)
        return sent > 0
    }

    /// Remote to local. False if nothing can be moved now.
    private mutating func moveInbound() -> Bool {
        if self.inbound.isEmpty {
            guard !self.inbound.hasEnded else { return false }
            var received = 0
            var code = CURLE_OK
            _ = self.inbound.fill { buffer in
                code = curl_easy_recv(self.handle, buffer.baseAddress, buffer.count, &received)
                return code == CURLE_OK ? received : -1
            }
            if code == CURLE_AGAIN { return false }
            if code != CURLE_OK || received == 0 { self.inbound.hasEnded = true }
            return received > 0
        }
        let written = self.inbound.rest { write(self.local, $0.baseAddress, $0.count) }
        if written < 0 {
            if errno != EAGAIN, errno != EINTR { self.inbound.abandon() }
            return false
        }
        self.inbound.consume(written)
        return written > 0
    }
}

/// What is on its way in one direction.
private struct Portion {
    private var bytes = [UInt8](repeating: 0, count: 64 << 10)
    private var start = 0
    private var end = 0
    /// Nothing more will come from its source.
    var hasEnded = false

    var isEmpty: Bool { self.start == self.end }
    var isAtEnd: Bool { self.hasEnded && self.isEmpty }

    mutating func fill(_ source: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        let count = self.bytes.withUnsafeMutableBytes(source)
        (self.start, self.end) = (0, max(count, 0))
        return count
    }

    func rest<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        self.bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[self.start..<self.end])) }
    }

    mutating func consume(_ count: Int) { self.start += count }

    /// Its destination has gone.
    mutating func abandon() {
        self.start = self.end
        self.hasEnded = true
    }
}
