import Glibc
import TradingCore

/// The file through which all processes of one login share its tokens. Only its owner may read it.
struct SchwabTokenFile {
    let path: String

    func read() throws(BrokerError) -> SchwabToken {
        let descriptor = open(self.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT {
                throw BrokerError(
                    .notExecuted,
                    "nobody has logged in to Schwab: there is no \(self.path). Log in with `tradectl schwab login`"
                )
            }
            throw self.failure("read")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while bytes.count <= Self.maximumBytes {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw self.failure("read") }
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        // What is wrong with it stays untold: the error would quote the file.
        guard let json = try? JSONValue(parsing: bytes), let token = try? SchwabToken(json: json) else {
            throw BrokerError(
                .notExecuted,
                "\(self.path) holds no Schwab login. Log in anew with `tradectl schwab login`"
            )
        }
        return token
    }

    /// Runs `body` while no other process or thread does.
    func locked<Result>(_ body: () throws(BrokerError) -> Result) throws(BrokerError) -> Result {
        let lock = try self.lock(LOCK_EX)
        // Closing it gives the lock back, as does the end of the process.
        defer { close(lock) }
        return try body()
    }

    /// The same, but returns nil without having run it while somebody else is at it.
    func lockedIfFree<Result>(_ body: () throws(BrokerError) -> Result) throws(BrokerError) -> Result? {
        let lock = try self.lock(LOCK_EX | LOCK_NB)
        guard lock >= 0 else { return nil }
        defer { close(lock) }
        return try body()
    }

    /// A descriptor to close; negative if somebody else has the lock and `operation` does not wait for it.
    private func lock(_ operation: Int32) throws(BrokerError) -> Int32 {
        let path = self.path + ".lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw self.failure("opened", path) }
        while flock(descriptor, operation) != 0 {
            if errno == EINTR { continue }
            let isTaken = errno == EWOULDBLOCK
            let failure = self.failure("locked", path)
            close(descriptor)
            guard isTaken else { throw failure }
            return -1
        }
        return descriptor
    }

    /// Begins to replace the file. To be called under the lock, and before the tokens are asked for: an unwritable
    /// folder is found out while the old ones are still good.
    func draft() throws(BrokerError) -> Draft {
        let path = self.path + ".new"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw self.failure("written", path) }
        let draft = Draft(file: self, path: path, descriptor: descriptor)
        // One left over by a crash keeps its mode.
        guard fchmod(descriptor, 0o600) == 0 else { throw self.failure("written", path) }
        return draft
    }

    /// Finds out whether the file can be written, and changes nothing.
    func check() throws(BrokerError) {
        try self.locked { () throws(BrokerError) in _ = try self.draft() }
    }

    struct Draft: ~Copyable {
        fileprivate let file: SchwabTokenFile
        fileprivate let path: String
        fileprivate let descriptor: Int32

        /// Whoever reads the file sees the old tokens or these, also after a power failure.
        consuming func save(_ token: SchwabToken) throws(BrokerError) {
            var rest = JSONWriter.bytes(token)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(self.descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw self.file.failure("written", self.path) }
                rest = rest.dropFirst(count)
            }
            guard fsync(self.descriptor) == 0, rename(self.path, self.file.path) == 0 else {
                throw self.file.failure("written")
            }
            try self.file.syncFolder()
        }

        deinit {
            close(self.descriptor)
            // Gone already if it was saved.
            unlink(self.path)
        }
    }

    private func syncFolder() throws(BrokerError) {
        let folder = self.path.lastIndex(of: "/").map { String(self.path[...$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw self.failure("written") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw self.failure("written") }
    }

    private func failure(_ verb: String, _ path: String? = nil) -> BrokerError {
        let reason = String(cString: strerror(errno))
        return BrokerError(
            .notExecuted,
            "\(path ?? self.path) could not be \(verb): \(reason). Check SCHWAB_TOKEN_FILE: its "
                + "folder has to exist, and to be this user's to write in"
        )
    }

    private static let maximumBytes = 1 << 16
}
