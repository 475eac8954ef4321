import Redis
import Testing

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
    ])
    func `a URL is read`(url: String, description: String, user: String?, password: String?) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.description == description)
        #expect(configuration.username == user && configuration.password == password)
    }

    @Test(arguments: [
        "", "http://h", "redis:/h", "redis://h:0", "redis://h:99999", "redis://h:x", "redis://h/x", "redis://h/-1",
        "redis://::1:7", "redis://h?x=1", "redis://h?cacert=/a",
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
}
