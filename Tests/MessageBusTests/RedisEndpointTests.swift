import MessageBus
import Testing

@Suite struct RedisEndpointTests {
    @Test func `reads every part of a URL`() throws {
        let full = try RedisEndpoint(url: "redis://trader:s%40cret%2F%25@redis.example:6380/3")
        #expect(full.address == .tcp(host: "redis.example", port: 6_380))
        #expect(full.user == "trader")
        #expect(full.password == "s@cret/%")
        #expect(full.database == 3)
        #expect(
            try RedisEndpoint(url: "redis://localhost") == RedisEndpoint(address: .tcp(host: "localhost", port: 6_379))
        )
        #expect(try RedisEndpoint(url: "redis://:secret@h/").password == "secret")
        #expect(try RedisEndpoint(url: "redis://:secret@h/").user == nil)
        #expect(try RedisEndpoint(url: "redis://:a@b@h").password == "a@b")
        #expect(try RedisEndpoint(url: "redis://[::1]:7000").address == .tcp(host: "::1", port: 7_000))
        #expect(try RedisEndpoint(url: "redis://[::1]").address == .tcp(host: "::1", port: 6_379))
        #expect(try RedisEndpoint(url: "rediss://u:p@h:7000").tls == RedisTLS())
        #expect(try RedisEndpoint(url: "redis://u:p@h:7000").tls == nil)
        #expect(try RedisEndpoint(url: "unix:///run/redis.sock").address == .unix(path: "/run/redis.sock"))
    }

    @Test(arguments: [
        ("", "neither redis:// nor"), ("localhost:6379", "neither redis:// nor"),
        ("http://localhost", "neither redis:// nor"), ("rediss://", "host is missing"),
        ("redis://", "host is missing"), ("redis://:6379", "host is missing"),
        ("redis://:hunter2@", "host is missing"), ("redis://localhost:", "port"), ("redis://localhost:0", "port"),
        ("redis://localhost:65536", "port"), ("redis://localhost:hunter2", "port"),
        ("redis://localhost/hunter2", "database"), ("redis://localhost/-1", "database"),
        ("redis://user@localhost", "no password"), ("redis://@localhost", "before the @"),
        ("redis://user:@localhost", "password is empty"),
        ("redis://user:hun/ter2@localhost", "before the @"), ("redis://user:hunter2%zz@localhost", "a % in user"),
        ("redis://user:hunter2?@localhost", "percent-encode"), ("redis://[::1", "]"), ("redis://[::1]6379", ":port"),
        ("unix://", "path"), ("unix:///", "path"), ("unix://relative", "path"),
    ])
    func `says what is wrong with a URL, quoting nothing of it`(url: String, reason: String) throws {
        let error = try #require(#expect(throws: RedisEndpointError.self) { try RedisEndpoint(url: url) })
        #expect(error.description.contains(reason))
        #expect(!error.description.contains("hunter2"))
    }

    @Test func `a password beside the URL is for one that has none`() throws {
        let endpoint = try RedisEndpoint(url: "rediss://trader@cache", password: "hunter2")
        #expect(endpoint.user == "trader" && endpoint.password == "hunter2")
        #expect(try RedisEndpoint(url: "redis://cache", password: "hunter2").password == "hunter2")
        let error = #expect(throws: RedisEndpointError.self) {
            try RedisEndpoint(url: "redis://trader:hunter3@cache", password: "hunter2")
        }
        #expect(error?.description.contains("keep one") == true)
        #expect(error?.description.contains("hunter") == false)
    }

    @Test func `no description shows the password`() throws {
        let endpoint = try RedisEndpoint(url: "redis://trader:hunter2@127.0.0.1:6380/3")
        var dumped = ""
        dump(endpoint, to: &dumped)
        dump(Optional(endpoint), to: &dumped)
        for text in ["\(endpoint)", String(reflecting: endpoint), "\(Optional(endpoint) as Any)", dumped] {
            #expect(text.contains("redis://trader@127.0.0.1:6380/3"))
            #expect(!text.contains("hunter2"))
        }
    }
}
