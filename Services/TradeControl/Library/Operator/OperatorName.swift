import Glibc

/// Who gives this process its orders, such as `ann@desk-3`.
enum OperatorName {
    static func current() -> String {
        let user = getpwuid(getuid()).flatMap(\.pointee.pw_name).map { String(cString: $0) } ?? "user \(getuid())"
        var host = [CChar](repeating: 0, count: 256)
        guard gethostname(&host, host.count - 1) == 0 else { return user }
        return "\(user)@" + String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
