import CCurl

/// The parts of a URL that a connection needs. URLs with credentials in them are refused, those belong in headers.
struct Endpoint: Sendable {
    /// Lower case.
    let scheme: String
    /// A name or an address; an IPv6 address without its brackets.
    let host: String
    let port: Int
    /// Path and query, as they go into the request line.
    let target: String

    /// Nil if `url` is not an absolute http, https, ws or wss URL.
    init?(parsing url: String) {
        guard !url.utf8.contains(0), let handle = curl_url() else { return nil }
        defer { curl_url_cleanup(handle) }
        let flags = UInt32(CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER)
        guard curl_url_set(handle, CURLUPART_URL, url, flags) == CURLUE_OK,
            let scheme = Self.part(CURLUPART_SCHEME, of: handle)?.lowercased(),
            let standardPort = Self.standardPorts[scheme],
            let host = Self.part(CURLUPART_HOST, of: handle), !host.isEmpty
        else { return nil }
        self.scheme = scheme
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.port = Self.part(CURLUPART_PORT, of: handle).flatMap { Int($0) } ?? standardPort
        let path = Self.part(CURLUPART_PATH, of: handle) ?? "/"
        self.target = Self.part(CURLUPART_QUERY, of: handle).map { "\(path)?\($0)" } ?? path
    }

    /// `host:port`, for the Host header and for messages.
    var authority: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }

    private static let standardPorts = ["http": 80, "https": 443, "ws": 80, "wss": 443]

    private static func part(_ part: CURLUPart, of handle: OpaquePointer) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(handle, part, &text, 0) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}

/// The host that a URL leads to, in lower case and without a closing dot; nil for what is no absolute http, https, ws or
/// wss URL.
package func hostName(of url: String) -> String? {
    guard let host = Endpoint(parsing: url)?.host.lowercased() else { return nil }
    return host.hasSuffix(".") ? String(host.dropLast()) : host
}
