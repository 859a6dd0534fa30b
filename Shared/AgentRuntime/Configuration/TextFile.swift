import SystemPackage

/// Reads a small text file whole.
enum TextFile {
    /// - Throws: `ConfigurationError.unreadableFile` when the file cannot be opened or read, is larger than
    ///   `maximumBytes`, or is not UTF-8. `purpose` starts the message.
    static func read(_ path: String, maximumBytes: Int, purpose: String) throws(ConfigurationError) -> String {
        let bytes: [UInt8]
        do {
            let file = try FileDescriptor.open(FilePath(path), .readOnly)
            bytes = try file.closeAfter {
                var bytes: [UInt8] = []
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 1)
                defer { buffer.deallocate() }
                while bytes.count <= maximumBytes {
                    let count = try file.read(into: buffer)
                    if count == 0 { break }
                    bytes.append(contentsOf: buffer.prefix(count))
                }
                return bytes
            }
        } catch {
            throw ConfigurationError(.unreadableFile, "\(purpose): \(path) cannot be read: \(error)")
        }
        guard bytes.count <= maximumBytes else {
            throw ConfigurationError(.unreadableFile, "\(purpose): \(path) is larger than \(maximumBytes) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(.unreadableFile, "\(purpose): \(path) is not UTF-8 text")
        }
        return text
    }
}
