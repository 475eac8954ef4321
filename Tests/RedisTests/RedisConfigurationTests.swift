import Testing

@testable import Redis

@Suite struct RedisConfigurationTests {
    @Test(arguments: [
        ("redis://localhost", "redis://localhost:6379/0", nil as String?, nil as String?),
        ("redis://", "redis://127.0.0.1:6379/0", nil, nil),
        ("REDIS://h:1/0", "redis://h:1/0", nil, nil),
        ("redis://h/5", "redis://h:6379/5", nil, nil),
        ("redis://h?db=7", "redis://h:6379/7", nil, nil),
        ("rediss://u:p%25@h:6380/1", "rediss://h:6380/1", "u", "p%"),
        ("redis://:p@h", "redis://h:6379/0", nil, "p"),
        ("redis://p@h", "redis://h:6379/0", nil, "p"),
        ("redis://u:a@b@h", "redis://h:6379/0", "u", "a@b"),
        ("redis://[::1]:7/2", "redis://::1:7/2", nil, nil),
        ("unix:/run/redis.sock", "unix:/run/redis.sock?db=0", nil, nil),
        ("unix:///run/redis.sock?db=4", "unix:/run/redis.sock?db=4", nil, nil),
        ("redis+sentinel://a,b:7/main", "redis+sentinel://a:26379,b:7/main/0", nil, nil),
        (
            "rediss+sentinel://u:p%40@a:1,[::1]:2/my%20main/3?sentinel_password=x",
            "rediss+sentinel://a:1,[::1]:2/my main/3", "u", "p@"
        ),
        ("redis+cluster://:p@a,b:7/", "redis+cluster://a:6379,b:7", nil, "p"),
        ("REDISS+CLUSTER://a?cacert=/x", "rediss+cluster://a:6379", nil, nil),
    ])
    func `a URL is read`(url: String, description: String, user: String?, password: String?) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.description == description)
        #expect(configuration.username == user && configuration.password == password)
    }

    @Test(arguments: [
        "", "http://h", "redis:/h", "redis://h:0", "redis://h:99999", "redis://h:x", "redis://h/x", "redis://h/-1",
        "redis://::1:7", "redis://h?x=1", "redis://h?cacert=/a",
        "redis+sentinel://a", "redis+sentinel://a/", "redis+sentinel://a/m/x", "redis+sentinel://a/m/1/2",
        "redis+sentinel://a/m?db=1", "redis+sentinel://a:x/m", "redis+cluster://a/1",
        "redis+cluster://a?sentinel_password=x",
        "redis+cluster://a?cacert=/a", "redis+other://a", "redis+cluster://u:secret@h:bad",
        "rediss://h?cacert", "unix:relative", "unix:", "unix:/a?db=x",
        "unix:/" + String(repeating: "a", count: 200), "redis://u:secret@h:bad",
    ])
    func `a URL that cannot be meant is refused, without repeating it`(url: String) {
        do {
            let configuration = try RedisConfiguration(url: url)
            Issue.record("read as \(configuration)")
        } catch {
            #expect(error.code == .configuration)
            #expect(!error.message.contains("secret"))
        }
    }

    @Test func `an authority of one's own stands in the query`() throws {
        let configuration = try RedisConfiguration(url: "rediss://h/2?cacert=/etc/my%20ca.pem&db=3")
        #expect(configuration.trustedCertificatesFile == "/etc/my ca.pem" && configuration.database == 3)
        #expect(try RedisConfiguration(url: "rediss://h").trustedCertificatesFile == nil)
    }

    @Test func `no way of printing shows the password`() throws {
        let configuration = try RedisConfiguration(url: "redis://user:hush@h")
        #expect(!"\(configuration)".contains("hush"))
        #expect(!String(reflecting: configuration).contains("hush"))
    }

    @Test func `a slot is what Redis says it is`() {
        // CLUSTER KEYSLOT of a Redis 7.
        #expect(RedisSlot.of(tag: "123456789") == 12739)
        #expect(RedisSlot.of(tag: "foo") == 12182)
        #expect(RedisSlot.of(tag: "") == 0)
    }
}
