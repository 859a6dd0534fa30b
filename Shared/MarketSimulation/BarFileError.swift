/// Why a file or folder of bars cannot be replayed: where, what is wrong, what to do.
package struct BarFileError: Error, Hashable, CustomStringConvertible {
    /// The path as it was given.
    package var file: String
    /// Counted from 1, the header included; nil when the file as a whole is at fault.
    package var line: Int?
    package var problem: String
    package var remedy: String

    package init(file: String, line: Int? = nil, problem: String, remedy: String) {
        self.file = file
        self.line = line
        self.problem = problem
        self.remedy = remedy
    }

    /// `AAPL.csv:17: what is wrong; what to do`
    package var description: String {
        let place = self.line.map { "\(self.file):\($0)" } ?? self.file
        return "\(place): \(self.problem); \(self.remedy)"
    }
}
