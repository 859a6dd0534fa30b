/// One HTTP request. Its description leaves out the query, the headers and the body, which may hold secrets.
package struct HTTPRequest: Sendable, CustomStringConvertible {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    package var method: Method
    /// Absolute, http or https, percent-encoded, without credentials.
    package var url: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]?
    /// For name resolution, TCP and TLS. Rounded up to a millisecond.
    package var connectTimeout: Duration
    /// For everything from the call to the last byte of the answer. Rounded up to a millisecond.
    package var totalTimeout: Duration
    /// Asked about once a second, on the thread that waits; once true the request ends with `.withdrawn`.
    package var isWithdrawn: (@Sendable () -> Bool)?

    package init(
        method: Method,
        url: String,
        headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil,
        connectTimeout: Duration = .seconds(5),
        totalTimeout: Duration = .seconds(10)
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.connectTimeout = connectTimeout
        self.totalTimeout = totalTimeout
    }

    package var description: String {
        "\(self.method.rawValue) \(self.url.prefix { $0 != "?" })"
    }
}
