import CCurl
import Glibc

/// libcurl itself, started once for the process.
enum CurlLibrary {
    private static let isStarted: Bool = {
        // With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE alone, and OpenSSL raises it on a connection the peer closed.
        signal(SIGPIPE, SIG_IGN)
        return curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
    }()

    /// A fresh handle, to be given to `curl_easy_cleanup` in the end.
    static func makeHandle() -> UnsafeMutableRawPointer {
        guard Self.isStarted, let handle = curl_easy_init() else {
            preconditionFailure("libcurl could not start: check that its installation is complete")
        }
        return handle
    }
}
