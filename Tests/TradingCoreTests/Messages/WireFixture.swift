import Glibc
import TradingCore

/// The canonical messages in `Fixtures/<event>.json`.
enum WireFixture {
    struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    /// The message without the newline that ends the file.
    static func bytes(_ event: EventName) throws -> [UInt8] {
        let path = "\(Self.folder)/\(event.rawValue).json"
        guard let file = fopen(path, "r") else { throw Unreadable(description: "\(path) cannot be opened") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = getc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        guard bytes.last == UInt8(ascii: "\n") else {
            throw Unreadable(description: "\(path) has no newline at its end")
        }
        bytes.removeLast()
        return bytes
    }

    static func text(_ event: EventName) throws -> String {
        String(decoding: try Self.bytes(event), as: UTF8.self)
    }

    /// The names of all files in the folder, without their ending.
    static func names() throws -> Set<String> {
        guard let folder = opendir(Self.folder) else {
            throw Unreadable(description: "\(Self.folder) cannot be opened")
        }
        defer { closedir(folder) }
        var names: Set<String> = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.insert(name) }
        }
        return names
    }

    private static let folder =
        "/" + "\(#filePath)".split(separator: "/").dropLast(2).joined(separator: "/") + "/Fixtures"
}
