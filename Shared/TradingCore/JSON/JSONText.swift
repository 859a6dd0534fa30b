/// JSON that is written already, put into a larger text as it is.
package struct JSONText: Hashable, Sendable, JSONEncodable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package func write(to writer: inout JSONWriter) { writer.value { $0 += self.bytes } }
}
