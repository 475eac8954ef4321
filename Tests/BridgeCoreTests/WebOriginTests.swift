import BridgeCore
import HTTPCore
import Testing

/// Whose address a URL is.
struct WebOriginTests {
    @Test(
        arguments: [
            ("https://files.slack.com/a?b#c", "https files.slack.com 443"),
            ("HTTPS://Files.Slack.COM", "https files.slack.com 443"),
            ("http://h:8080?x", "http h 8080"), ("https://h.:443/", "https h 443"), ("http://[::1]:1/", "http [::1] 1"),
            ("http://[2001:DB8::1]", "http [2001:db8::1] 80"), ("http://127.0.0.1/", "http 127.0.0.1 80"),
            ("http://a_b-c.d/", "http a_b-c.d 80"), ("https://1.example/", "https 1.example 443"),
            ("", nil), ("/x", nil), ("//h/x", nil), ("ftp://h/", nil), ("file:///etc/passwd", nil), ("https:///x", nil),
            ("https:/h/", nil), ("https://", nil), ("https://user@h/", nil), ("https://user:p@h/", nil),
            ("https://h\\@evil/", nil), ("https://h%2eevil/", nil), ("https://bücher.example/", nil),
            ("https://h/ x", nil),
            ("https://h\n/", nil), ("https://h:/", nil), ("https://h:0/", nil), ("https://h:65536/", nil),
            ("https://h:+1/", nil),
            ("https://h:1:2/", nil), ("https://[::1/", nil), ("https://[::1]x/", nil),
            ("https://[fe80::1%25eth0]/", nil),
            ("http://2130706433/", nil), ("http://0x7f000001/", nil), ("http://0177.0.0.1/", nil),
            ("http://127.1/", nil),
            ("http://0/", nil), ("http://127.0.0.1./", "http 127.0.0.1 80"), ("http://1.2.3.4.5/", nil),
            ("http://256.0.0.1/", nil),
            ("http://a.0x1/", nil),
        ] as [(String, String?)])
    func `scheme, host and port are read, and what is odd is refused`(url: String, expected: String?) {
        let origin = WebOrigin(url)
        #expect(origin.map { "\($0.isEncrypted ? "https" : "http") \($0.host) \($0.port)" } == expected)
    }

    @Test(arguments: [
        ("https://slack.com/x", true), ("https://files.slack.com/x", true), ("https://a.b.slack.com", true),
        ("https://slack.com:443/", true), ("https://slack.com./", true), ("http://slack.com/", false),
        ("https://slack.com:8443/", false), ("https://evilslack.com/", false),
        ("https://slack.com.evil.example/", false),
        ("https://evil.example/slack.com", false), ("https://evil.example?.slack.com", false),
        ("https://evil.example#.slack.com", false), ("https://slack.com@evil.example/", false), ("https://com/", false),
    ])
    func `a host is at a platform's domain or below it`(url: String, isWithin: Bool) {
        #expect((WebOrigin(url)?.isWithin(["line.me", "slack.com"]) ?? false) == isWithin)
    }

    @Test func `what the configuration names is trusted, what a payload names is not`() {
        let own = OutboundRequest.fetching("http://10.0.0.5:8065/files/1", at: [], or: ["http://10.0.0.5:8065/api"])
        #expect(own?.isUntrustedAddress == false && own?.method == .get)
        let other = OutboundRequest.fetching("https://cdn.slack.com/1", at: ["slack.com"], or: ["http://10.0.0.5"])
        #expect(other?.isUntrustedAddress == true && other?.bearsToken == false)
        #expect(OutboundRequest.fetching("http://10.0.0.5:1/files/1", at: [], or: ["http://10.0.0.5:8065"]) == nil)
        #expect(OutboundRequest.fetching("nothing", at: [], or: ["nothing"]) == nil)
    }
}
