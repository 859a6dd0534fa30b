import Glibc

/// Files that tell other processes where the simulator listens and what came out of it.
enum PublishedFile {
    /// Written beside and renamed, so that nobody reads half of it.
    static func write(_ text: String, to path: String) throws(BrokerSimulatorError) {
        let draft = "\(path).new"
        guard let file = fopen(draft, "w") else { throw Self.failure(path) }
        let isWritten = fputs(text, file) >= 0
        let isClosed = fclose(file) == 0
        guard isWritten, isClosed, rename(draft, path) == 0 else { throw Self.failure(path) }
    }

    private static func failure(_ path: String) -> BrokerSimulatorError {
        BrokerSimulatorError(
            "cannot write \(path): \(String(cString: strerror(errno))); check its folder and permission"
        )
    }
}
