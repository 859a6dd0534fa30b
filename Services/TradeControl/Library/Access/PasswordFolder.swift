import Glibc
package import MessageBus

/// A folder with a file for each user of Redis, which holds its password; or with a folder for each user and in it the
/// file `password`, so that each can be a volume that only its user's container mounts.
package struct PasswordFolder {
    private let path: String

    private static let maximumBytes = 512

    package init(_ path: String) { self.path = path }

    /// - Throws: `CommandFailure` for one that is missing, empty, or has more than a line.
    package func read(for list: RedisAccessList) throws(CommandFailure) -> [String: String] {
        var passwords: [String: String] = [:]
        for user in list.users where user.hasPassword {
            let file = self.file(of: user.name)
            guard let text = FileSystem.text(of: file) else {
                throw CommandFailure(
                    .failed,
                    "\(file) cannot be read: it has to hold the password of \(user.name). --create-passwords makes what "
                        + "is missing."
                )
            }
            var password = text[...]
            // As the agents read it.
            password = password.drop(while: \.isWhitespace)
            while password.last?.isWhitespace == true { password.removeLast() }
            guard !password.isEmpty, password.utf8.count <= Self.maximumBytes, !password.contains(where: \.isNewline)
            else {
                throw CommandFailure(.failed, "\(file) has to hold one line, the password of \(user.name).")
            }
            passwords[user.name] = String(password)
        }
        return passwords
    }

    /// Makes the files that are missing, which only their owner may read.
    package func create(for list: RedisAccessList) throws(CommandFailure) {
        guard mkdir(self.path, 0o700) == 0 || errno == EEXIST else { throw Self.failure(self.path) }
        for user in list.users where user.hasPassword {
            let file = self.file(of: user.name)
            let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                guard errno == EEXIST else { throw Self.failure(file) }
                continue
            }
            defer { close(descriptor) }
            guard FileSystem.write(Self.newPassword() + "\n", to: descriptor) else { throw Self.failure(file) }
        }
    }

    private func file(of user: String) -> String {
        let path = "\(self.path)/\(user)"
        return FileSystem.isFolder(path) ? path + "/password" : path
    }

    /// 256 bits from the system's generator; letters and digits alone, so that a URL takes it as it is.
    private static func newPassword() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in
            let text = String(UInt8.random(in: .min ... .max, using: &generator), radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }

    private static func failure(_ path: String) -> CommandFailure {
        CommandFailure(.failed, "\(path) cannot be made: \(String(cString: strerror(errno))).")
    }
}
