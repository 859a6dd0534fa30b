import Glibc

/// Reads a small text file whole.
enum TextFile {
    /// - Throws: `ConfigurationError.unreadableFile` when the file cannot be opened or read, is larger than
    ///   `maximumBytes`, or is not UTF-8. `purpose` starts the message.
    static func read(_ path: String, maximumBytes: Int, purpose: String) throws(ConfigurationError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.unreadable(path, purpose) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while bytes.count <= maximumBytes {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.unreadable(path, purpose) }
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        guard bytes.count <= maximumBytes else {
            throw ConfigurationError(.unreadableFile, "\(purpose): \(path) is larger than \(maximumBytes) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(.unreadableFile, "\(purpose): \(path) is not UTF-8 text")
        }
        return text
    }

    private static func unreadable(_ path: String, _ purpose: String) -> ConfigurationError {
        ConfigurationError(.unreadableFile, "\(purpose): \(path) cannot be read: \(String(cString: strerror(errno)))")
    }
}
