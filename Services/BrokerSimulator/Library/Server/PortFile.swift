import Glibc

/// Tells other processes where the simulator listens.
enum PortFile {
    /// Written beside and renamed, so that nobody reads half of it.
    static func write(_ path: String, port: Int, controlPort: Int) throws(BrokerSimulatorError) {
        let draft = "\(path).new"
        guard let file = fopen(draft, "w") else { throw Self.failure(path) }
        let isWritten = fputs("{\"port\":\(port),\"control_port\":\(controlPort)}\n", file) >= 0
        let isClosed = fclose(file) == 0
        guard isWritten, isClosed, rename(draft, path) == 0 else { throw Self.failure(path) }
    }

    private static func failure(_ path: String) -> BrokerSimulatorError {
        BrokerSimulatorError(
            "cannot write the port file \(path): \(String(cString: strerror(errno))); check its folder and permission"
        )
    }
}
