/// A 128-bit hash that is the same on every machine and in every run (Swift's own `Hasher` is seeded anew each time).
/// Two 64-bit FNV-1a hashes with different starts, the second with a shift in every step, each finished with
/// MurmurHash3's 64-bit mixer. Not cryptographic.
package enum StableHash {
    package static func hexadecimal(_ parts: String...) -> String { Self.hexadecimal(parts) }

    package static func hexadecimal(_ parts: [String]) -> String {
        var first: UInt64 = 0xcbf2_9ce4_8422_2325
        var second: UInt64 = 0x6c62_272e_07bb_0142
        for part in parts {
            for byte in part.utf8 {
                first = (first ^ UInt64(byte)) &* 0x100_0000_01b3
                second = (second ^ UInt64(byte)) &* 0x100_0000_01b3 ^ second >> 29
            }
            // A separator outside UTF-8 keeps ("ab", "c") and ("a", "bc") apart.
            first = (first ^ 0xFF) &* 0x100_0000_01b3
            second = (second ^ 0xFF) &* 0x100_0000_01b3 ^ second >> 29
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        for word in [Self.mixed(first), Self.mixed(second ^ first)] {
            for shift in stride(from: 60, through: 0, by: -4) {
                bytes.append(Self.digits[Int(word >> UInt64(shift) & 15)])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let digits = Array("0123456789abcdef".utf8)

    private static func mixed(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ value >> 33) &* 0xff51_afd7_ed55_8ccd
        value = (value ^ value >> 33) &* 0xc4ce_b9fe_1a85_ec53
        return value ^ value >> 33
    }
}
