import CCurl

/// Sets options on a libcurl handle and keeps the first refusal.
struct CurlOptions {
    let handle: UnsafeMutableRawPointer
    private(set) var failure = CURLE_OK

    init(handle: UnsafeMutableRawPointer) {
        self.handle = handle
    }

    mutating func set(_ option: CURLoption, _ value: Int) {
        self.note(ccurl_set_long(self.handle, option, value))
    }

    mutating func set(_ option: CURLoption, offset value: Int64) {
        self.note(ccurl_set_offset(self.handle, option, curl_off_t(value)))
    }

    mutating func set(_ option: CURLoption, _ value: String) {
        self.note(ccurl_set_string(self.handle, option, value))
    }

    mutating func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
        self.note(ccurl_set_pointer(self.handle, option, value))
    }

    mutating func set(_ option: CURLoption, _ value: @escaping ccurl_receiver) {
        self.note(ccurl_set_receiver(self.handle, option, value))
    }

    mutating func set(_ option: CURLoption, progress value: curl_xferinfo_callback) {
        self.note(ccurl_set_progress(self.handle, option, value))
    }

    /// What every connection of ours does: no proxy, no signals, and over TLS nothing unverified.
    mutating func setConnection(_ tls: TLSSettings, connectTimeout: Duration) {
        self.set(CURLOPT_PROXY, "")
        self.set(CURLOPT_NOSIGNAL, 1)
        // Without it a timeout during name resolution would wait for the resolver to come back.
        self.set(CURLOPT_QUICK_EXIT, 1)
        self.set(CURLOPT_TCP_NODELAY, 1)
        self.set(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(connectTimeout))
        self.set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        self.set(CURLOPT_SSL_VERIFYPEER, 1)
        self.set(CURLOPT_SSL_VERIFYHOST, 2)
        if let file = tls.authoritiesFile { self.set(CURLOPT_CAINFO, file) }
    }

    /// At least 1, since 0 means no limit to libcurl.
    static func milliseconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        let limit = Int64(Int32.max)
        let whole = min(seconds, limit / 1000) * 1000
        return Int(min(max(whole + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000, 1), limit))
    }

    private mutating func note(_ code: CURLcode) {
        if self.failure == CURLE_OK { self.failure = code }
    }
}
