/// Sends requests one at a time on the calling thread. Tests put their own in place of `CurlHTTPClient`.
package protocol HTTPClient {
    /// Blocks until the whole answer is there. Every status is an answer, redirects and errors too.
    ///
    /// A request that is not a GET is sent at most once.
    func perform(_ request: HTTPRequest) throws(HTTPTransportError) -> HTTPResponse
}
