/// Why the configuration cannot be used. The description names the key as the user writes it, the value found (never
/// that of a secret) and what was expected, so it can be printed as it is.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// A required key is set nowhere.
        case missing
        /// A value is not of the kind its key needs, or outside the range allowed.
        case malformed
        /// Two keys that exclude each other are both set.
        case conflict
        /// The file or the environment holds a key that nothing reads.
        case unknownKey
        /// A named file cannot be read.
        case unreadableFile
        /// The configuration file is not the YAML expected.
        case malformedFile
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
