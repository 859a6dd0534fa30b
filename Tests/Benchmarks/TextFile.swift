import Glibc

/// The two things done to files here.
enum TextFile {
    /// Nil if the file cannot be read.
    static func read(_ path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    static func write(_ text: String, to path: String) throws {
        let file = fopen(path, "we")
        let isWritten = file.map { fputs(text, $0) >= 0 } ?? false
        let isClosed = file.map { fclose($0) == 0 } ?? false
        guard isWritten, isClosed else {
            throw BenchmarkFailure("\(path) could not be written: \(String(cString: strerror(errno)))")
        }
    }
}
