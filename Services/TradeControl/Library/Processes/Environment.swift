@preconcurrency import Glibc

enum Environment {
    /// This process's variables. To be read before other threads could change them.
    static func current() -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let separator = text.firstIndex(of: "=") {
                variables[String(text[..<separator])] = String(text[text.index(after: separator)...])
            }
            next = next.successor()
        }
        return variables
    }
}
