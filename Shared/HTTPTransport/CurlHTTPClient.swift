import CCurl

/// HTTP/1.1 over libcurl, on one reused handle, for the one thread that owns it.
///
/// GETs share kept-alive connections, and libcurl repeats one on a fresh connection if the server closed the kept one
/// before the first byte of an answer. It would do the same to a POST, and the server may have acted on the first:
/// every other method therefore has a connection of its own, on which libcurl never repeats a request. Redirects are
/// answers, proxies are not used, answers are not cached or decompressed.
package final class CurlHTTPClient: HTTPClient {
    private let handle: UnsafeMutableRawPointer
    private let errorText: UnsafeMutablePointer<CChar>
    private let tls: TLSSettings
    private let maximumResponseBytes: Int

    /// A longer body than `maximumResponseBytes` ends the request with `.responseTooLarge`.
    package init(tls: TLSSettings = TLSSettings(), maximumResponseBytes: Int = 16 << 20) {
        self.handle = CurlLibrary.makeHandle()
        self.tls = tls
        self.errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        self.maximumResponseBytes = maximumResponseBytes
    }

    deinit {
        curl_easy_cleanup(self.handle)
        self.errorText.deallocate()
    }

    package func perform(_ request: HTTPRequest) throws(HTTPTransportError) -> HTTPResponse {
        guard let endpoint = Endpoint(parsing: request.url), endpoint.scheme.hasPrefix("http") else {
            throw HTTPTransportError(
                code: .malformedURL,
                message: "\(request.method.rawValue) was not sent: its URL is not an absolute http or https URL "
                    + "without credentials in it",
                requestMayHaveBeenSent: false
            )
        }
        guard let headers = HeaderList(request) else {
            throw HTTPTransportError(
                code: .other,
                message: "\(request.method.rawValue) to \(endpoint.authority) was not sent: a header's name is "
                    + "empty or not plain ASCII, or its value has a line break or a NUL",
                requestMayHaveBeenSent: false
            )
        }
        defer { curl_easy_reset(self.handle) }
        var reception = Reception(maximumBodyBytes: self.maximumResponseBytes, isWithdrawn: request.isWithdrawn)
        let code = self.transfer(request, headers, into: &reception)
        guard code == CURLE_OK else { throw self.failure(code, of: request, to: endpoint, reception) }
        var status = 0
        _ = ccurl_get_long(self.handle, CURLINFO_RESPONSE_CODE, &status)
        return HTTPResponse(status: status, headers: reception.headers, body: reception.body)
    }

    private func transfer(
        _ request: HTTPRequest,
        _ headers: borrowing HeaderList,
        into reception: inout Reception
    ) -> CURLcode {
        let headerList = headers.first
        return withUnsafeMutablePointer(to: &reception) { reception in
            (request.body ?? []).withUnsafeBufferPointer { body in
                var options = CurlOptions(handle: self.handle)
                options.setConnection(self.tls, connectTimeout: request.connectTimeout)
                options.set(CURLOPT_URL, request.url)
                options.set(CURLOPT_PROTOCOLS_STR, "http,https")
                options.set(CURLOPT_USERAGENT, "quintet")
                options.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
                options.set(CURLOPT_FOLLOWLOCATION, 0)
                options.set(CURLOPT_TIMEOUT_MS, CurlOptions.milliseconds(request.totalTimeout))
                if request.method != .get {
                    options.set(CURLOPT_FRESH_CONNECT, 1)
                    options.set(CURLOPT_FORBID_REUSE, 1)
                }
                if request.body != nil || ![.get, .delete].contains(request.method) {
                    options.set(CURLOPT_POST, 1)
                    options.set(CURLOPT_POSTFIELDSIZE_LARGE, offset: Int64(body.count))
                    if let bytes = body.baseAddress, !body.isEmpty {
                        options.set(CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(mutating: bytes))
                    } else {
                        options.set(CURLOPT_COPYPOSTFIELDS, "")
                    }
                }
                options.set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
                options.set(CURLOPT_HTTPHEADER, UnsafeMutableRawPointer(headerList))
                options.set(CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(self.errorText))
                options.set(CURLOPT_HEADERFUNCTION, receiveHeader)
                options.set(CURLOPT_HEADERDATA, UnsafeMutableRawPointer(reception))
                options.set(CURLOPT_WRITEFUNCTION, receiveBody)
                options.set(CURLOPT_WRITEDATA, UnsafeMutableRawPointer(reception))
                if request.isWithdrawn != nil {
                    options.set(CURLOPT_NOPROGRESS, 0)
                    options.set(CURLOPT_XFERINFOFUNCTION, progress: checkWithdrawal)
                    options.set(CURLOPT_XFERINFODATA, UnsafeMutableRawPointer(reception))
                }
                guard options.failure == CURLE_OK else { return options.failure }
                self.errorText.pointee = 0
                return curl_easy_perform(self.handle)
            }
        }
    }

    private func failure(
        _ curlCode: CURLcode,
        of request: HTTPRequest,
        to endpoint: Endpoint,
        _ reception: Reception
    ) -> HTTPTransportError {
        var sentBytes = 0
        _ = ccurl_get_long(self.handle, CURLINFO_REQUEST_SIZE, &sentBytes)
        let code = reception.isTooLarge ? .responseTooLarge : HTTPTransportError.Code(curlCode)
        let detail =
            switch code {
            case .couldNotResolve: "the host's name could not be resolved: check the name and the DNS"
            case .couldNotConnect: "no connection: check that the server runs and can be reached"
            case .timedOut where sentBytes == 0:
                "no connection within \(min(request.connectTimeout, request.totalTimeout))"
            case .timedOut: "no complete answer within \(request.totalTimeout)"
            case .connectionLost: "the connection was lost before the answer was complete"
            case .responseTooLarge:
                "the answer's body is longer than \(self.maximumResponseBytes) bytes, or its headers than "
                    + "\(Reception.maximumHeaderBytes)"
            case .tls: "TLS failed: \(String(cString: self.errorText))"
            case .withdrawn: "withdrawn before the answer was complete"
            case .malformedURL, .withheld, .other: String(cString: curl_easy_strerror(curlCode))
            }
        return HTTPTransportError(
            code: code,
            message: "\(request.method.rawValue) to \(endpoint.authority): \(detail)",
            requestMayHaveBeenSent: sentBytes > 0
        )
    }
}

/// The request's headers as libcurl's list, which it owns.
private struct HeaderList: ~Copyable {
    let first: UnsafeMutablePointer<curl_slist>?

    /// Nil if a header could not be sent as it is.
    init?(_ request: HTTPRequest) {
        // A name with nothing after the colon takes back what libcurl would add by itself: the wait for a
        // "100 Continue", and the form content type.
        var lines = ["Expect:"]
        if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
            lines.append("Content-Type:")
        }
        for (name, value) in request.headers {
            guard isSendableHeader(name: name, value: value) else { return nil }
            lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            guard let longer = curl_slist_append(list, line) else {
                curl_slist_free_all(list)
                return nil
            }
            list = longer
        }
        self.first = list
    }

    deinit {
        curl_slist_free_all(self.first)
    }
}

/// What has come of an answer so far.
private struct Reception {
    static let maximumHeaderBytes = 256 << 10

    let maximumBodyBytes: Int
    private(set) var headers: [(name: String, value: String)] = []
    private(set) var body: [UInt8] = []
    private(set) var isTooLarge = false
    private var headerBytes = 0
    let isWithdrawn: (@Sendable () -> Bool)?

    init(maximumBodyBytes: Int, isWithdrawn: (@Sendable () -> Bool)?) {
        self.maximumBodyBytes = maximumBodyBytes
        self.isWithdrawn = isWithdrawn
    }

    /// Returns false if the transfer has to end.
    mutating func addHeaderLine(_ bytes: UnsafeRawBufferPointer) -> Bool {
        self.headerBytes += bytes.count
        guard self.headerBytes <= Self.maximumHeaderBytes else {
            self.isTooLarge = true
            return false
        }
        let line = String(decoding: bytes, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            // The headers of an interim answer (1xx) are not the answer's.
            self.headers = []
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...]
            self.headers.append((name: String(line[..<colon]), value: Self.trimmed(value)))
        }
        return true
    }

    /// Returns false if the transfer has to end.
    mutating func addBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard self.body.count + bytes.count <= self.maximumBodyBytes else {
            self.isTooLarge = true
            return false
        }
        self.body.append(contentsOf: bytes)
        return true
    }

    private static func trimmed(_ text: Substring) -> String {
        guard let first = text.firstIndex(where: { !$0.isWhitespace }),
            let last = text.lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(text[first...last])
    }
}

private let receiveHeader: ccurl_receiver = { bytes, size, count, context in
    guard let reception = context?.assumingMemoryBound(to: Reception.self) else { return 0 }
    let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return reception.pointee.addHeaderLine(line) ? line.count : 0
}

private let receiveBody: ccurl_receiver = { bytes, size, count, context in
    guard let reception = context?.assumingMemoryBound(to: Reception.self) else { return 0 }
    let part = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return reception.pointee.addBody(part) ? part.count : 0
}

/// Other than 0 ends the transfer.
private let checkWithdrawal: curl_xferinfo_callback = { context, _, _, _, _ in
    guard let reception = context?.assumingMemoryBound(to: Reception.self) else { return 0 }
    return reception.pointee.isWithdrawn?() == true ? 1 : 0
}

extension HTTPTransportError.Code {
    init(_ code: CURLcode) {
        self =
            switch code {
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .couldNotResolve
            case CURLE_COULDNT_CONNECT: .couldNotConnect
            case CURLE_OPERATION_TIMEDOUT: .timedOut
            case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE: .connectionLost
            case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CIPHER,
                CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
                .tls
            case CURLE_ABORTED_BY_CALLBACK: .withdrawn
            case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .malformedURL
            default: .other
            }
    }
}
