package import MessageBus

extension RedisEndpoint {
    /// | environment | file | default |
    /// |---|---|---|
    /// | `REDIS_URL` | `redis.url` | `redis://127.0.0.1:6379`; `rediss://` speaks TLS |
    /// | `REDIS_PASSWORD` or `REDIS_PASSWORD_FILE` | `redis.password`, `redis.passwordFile` | none, or the URL's |
    /// | `REDIS_CA_FILE` | `redis.caFile` | the system's authorities |
    /// | `REDIS_CERTIFICATE_FILE` | `redis.certificateFile` | no client certificate |
    /// | `REDIS_KEY_FILE` | `redis.keyFile` | its key, needed with it |
    ///
    /// - Throws: `ConfigurationError` for a URL or a file that cannot be used, and for settings that contradict each
    ///   other.
    package init(_ settings: Settings) throws(ConfigurationError) {
        let address = SettingsKey(path: "redis.url")
        let url = try settings.url(
            address.path,
            default: "redis://127.0.0.1:6379",
            schemes: ["redis", "rediss", "unix"]
        )
        let password = try settings.optionalSecret("redis.password")?.exposed
        do {
            try self.init(url: url, password: password)
        } catch {
            throw ConfigurationError(.malformed, "\(address): \(error)")
        }
        var files: [RedisTLSError.File: String] = [:]
        for file in RedisTLSError.File.allCases {
            files[file] = try settings.optionalString(file.key.path)
            guard files[file] == nil || self.tls != nil else {
                throw ConfigurationError(
                    .conflict,
                    "\(file.key) is set, and \(address) asks for no TLS: start it with rediss://, or leave the file out"
                )
            }
        }
        guard self.tls != nil else { return }
        if (files[.certificate] == nil) != (files[.key] == nil) {
            let (there, missing) =
                files[.key] == nil
                ? (RedisTLSError.File.certificate, RedisTLSError.File.key) : (.key, .certificate)
            throw ConfigurationError(.conflict, "\(there.key) needs \(missing.key) beside it; set both or neither")
        }
        let tls = RedisTLS(
            authoritiesFile: files[.authorities],
            certificateFile: files[.certificate],
            keyFile: files[.key]
        )
        do {
            try tls.check()
        } catch {
            throw ConfigurationError(.unreadableFile, "\(error.file.key): \(error.reason)")
        }
        self.tls = tls
    }
}

extension RedisTLSError.File {
    fileprivate var key: SettingsKey {
        switch self {
        case .authorities: SettingsKey(path: "redis.caFile")
        case .certificate: SettingsKey(path: "redis.certificateFile")
        case .key: SettingsKey(path: "redis.keyFile")
        }
    }
}
