/// Whether a header can be sent as it is, without becoming something else on the wire.
func isSendableHeader(name: String, value: String) -> Bool {
    let separators = [UInt8(ascii: ":"), UInt8(ascii: ";")]
    return !name.isEmpty
        && name.utf8.allSatisfy { (33...126).contains($0) && !separators.contains($0) }
        && !value.utf8.contains { $0 == 0 || $0 == 10 || $0 == 13 }
}
