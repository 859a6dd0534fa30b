/// Where a Redis server listens and how to log in. No description of it shows the password.
package struct RedisEndpoint: Hashable, Sendable {
    package enum Address: Hashable, Sendable {
        case tcp(host: String, port: UInt16)
        case unix(path: String)
    }

    package var address: Address
    package var user: String?
    package var password: String?
    /// The number of the logical database.
    package var database: Int
    /// Nil speaks plain; only TCP speaks TLS.
    package var tls: RedisTLS?

    package init(
        address: Address,
        user: String? = nil,
        password: String? = nil,
        database: Int = 0,
        tls: RedisTLS? = nil
    ) {
        self.address = address
        self.user = user
        self.password = password
        self.database = database
        self.tls = tls
    }

    /// Reads `redis://[user[:password]@]host[:port][/database]`, the same with `rediss://` for TLS, or `unix:///path`. User
    /// and password may be percent-encoded; an IPv6 address stands in square brackets. `password` is for a URL that has
    /// none, which is the only one that may name a user alone.
    package init(url: String, password: String? = nil) throws(RedisEndpointError) {
        try self.init(url)
        guard let password else {
            guard self.user == nil || self.password != nil else {
                throw RedisEndpointError(
                    "there is a user but no password; write user:password@ or set REDIS_PASSWORD_FILE"
                )
            }
            return
        }
        guard self.password == nil else {
            throw RedisEndpointError("it has a password, and REDIS_PASSWORD or REDIS_PASSWORD_FILE is set; keep one")
        }
        self.password = password
    }

    private init(_ url: String) throws(RedisEndpointError) {
        if let path = url.removingPrefix("unix://") {
            guard path.hasPrefix("/"), path.count > 1 else { throw RedisEndpointError("the socket's path is missing") }
            self.init(address: .unix(path: String(path)))
            return
        }
        guard let rest = url.removingPrefix("redis://") ?? url.removingPrefix("rediss://") else {
            throw RedisEndpointError("it begins with neither redis:// nor rediss:// nor unix://")
        }
        guard !rest.contains(where: { $0 == "?" || $0 == "#" || $0.isWhitespace }) else {
            throw RedisEndpointError("it contains a space, a ? or a #; percent-encode it in a password (%20, %3F, %23)")
        }
        let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, parts[1].contains("@") {
            throw RedisEndpointError("a / stands before the @; percent-encode it in a password (%2F)")
        }
        self.init(address: .tcp(host: "", port: 0), tls: url.hasPrefix("rediss://") ? RedisTLS() : nil)
        var location = parts[0]
        if let at = location.lastIndex(of: "@") {
            try self.readLogin(location[..<at])
            location = location[location.index(after: at)...]
        }
        try self.readLocation(location)
        if parts.count == 2, !parts[1].isEmpty {
            guard let database = UInt16(parts[1]) else {
                throw RedisEndpointError("the database is not a number from 0 to 65535")
            }
            self.database = Int(database)
        }
    }

    private mutating func readLogin(_ login: Substring) throws(RedisEndpointError) {
        let parts = login.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var texts: [String] = []
        for part in parts {
            guard let text = part.removingPercentEncoding() else {
                throw RedisEndpointError("a % in user or password is not followed by two hexadecimal digits")
            }
            texts.append(text)
        }
        guard texts.last?.isEmpty == false else {
            throw RedisEndpointError(parts.count == 2 ? "the password is empty" : "nothing stands before the @")
        }
        self.user = texts[0].isEmpty ? nil : texts[0]
        self.password = texts.count == 2 ? texts[1] : nil
    }

    private mutating func readLocation(_ location: Substring) throws(RedisEndpointError) {
        var host = location
        var port: Substring?
        if location.hasPrefix("[") {
            guard let bracket = location.firstIndex(of: "]") else {
                throw RedisEndpointError("the ] after the IPv6 address is missing")
            }
            host = location[location.index(after: location.startIndex)..<bracket]
            let rest = location[location.index(after: bracket)...]
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw RedisEndpointError("something other than :port follows the IPv6 address")
            }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = location.firstIndex(of: ":") {
            host = location[..<colon]
            port = location[location.index(after: colon)...]
        }
        guard !host.isEmpty else { throw RedisEndpointError("the host is missing") }
        guard let number = UInt16(port ?? "6379"), number > 0 else {
            throw RedisEndpointError("the port is not a number from 1 to 65535")
        }
        self.address = .tcp(host: String(host), port: number)
    }
}

extension RedisEndpoint: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        switch self.address {
        case .unix(let path):
            return "unix://\(path)"
        case .tcp(let host, let port):
            let user = self.user.map { "\($0)@" } ?? ""
            let host = host.contains(":") ? "[\(host)]" : host
            return "\(self.tls == nil ? "redis" : "rediss")://\(user)\(host):\(port)/\(self.database)"
        }
    }

    package var debugDescription: String { self.description }
    package var customMirror: Mirror { Mirror(self, children: ["description": self.description]) }
}

/// Why a Redis URL was not understood. Quotes no part of the URL, which may be part of a password.
package struct RedisEndpointError: Error, Hashable, CustomStringConvertible {
    package var reason: String

    init(_ reason: String) { self.reason = reason }

    package var description: String {
        "The Redis URL cannot be used: \(self.reason). "
            + "Expected redis:// or rediss:// and [user:password@]host[:port][/database], or unix:///path."
    }
}

extension StringProtocol {
    fileprivate func removingPrefix(_ prefix: String) -> SubSequence? {
        self.hasPrefix(prefix) ? self.dropFirst(prefix.count) : nil
    }

    fileprivate func removingPercentEncoding() -> String? {
        var bytes: [UInt8] = []
        var rest = self.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap({ Character(UnicodeScalar($0)).hexDigitValue }),
                let low = rest.popFirst().flatMap({ Character(UnicodeScalar($0)).hexDigitValue })
            else { return nil }
            bytes.append(UInt8(high * 16 + low))
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
