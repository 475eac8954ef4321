import Dashboard
import HTTPCore
import HTTPServer
import Testing

struct WebPageTests {
    private static func response(_ target: String, headers: HTTPFields = [:]) -> HTTPResponse? {
        WebPage.response(to: HTTPRequest(method: .get, target: target, headers: headers))
    }

    private static func text(_ response: HTTPResponse?) -> String? {
        guard case .bytes(let bytes) = response?.body else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    @Test(arguments: [
        ("/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/?new", "text/html; charset=utf-8", "<!doctype html>"),
        ("/assets/style.css", "text/css; charset=utf-8", "color-scheme"),
        ("/assets/app.js", "text/javascript; charset=utf-8", "/api/messages"),
        ("/favicon.svg", "image/svg+xml", "<svg"),
    ])
    func `a file is answered with its type and its fields`(target: String, type: String, part: String) throws {
        let response = try #require(WebPageTests.response(target))
        #expect(response.status == .ok)
        #expect(response.headers["content-type"] == type)
        #expect(response.headers["x-content-type-options"] == "nosniff")
        #expect(response.headers["content-security-policy"]?.contains("default-src 'none'") == true)
        #expect(WebPageTests.text(response)?.contains(part) == true)
    }

    @Test(arguments: ["/index.html", "/assets/", "/assets/nothing.js", "/api/messages", "//", "/assets/../app.js"])
    func `any other path is not the page's`(target: String) {
        #expect(WebPageTests.response(target) == nil)
    }

    @Test func `every file that the page's files name is there`() throws {
        var named: Set<String> = []
        for path in WebPage.paths {
            let text = try #require(WebPageTests.text(WebPageTests.response(path)))
            named.formUnion(text.matches(of: #/"(/assets/[^"]+|/favicon[^"]+)"/#).map { String($0.1) })
        }
        #expect(named.count >= 5)
        #expect(named.isSubset(of: WebPage.paths))
        #expect(named.union(["/"]) == Set(WebPage.paths), "and none is there that nothing names")
    }

    @Test func `the page holds no inline code or style, which its policy forbids`() throws {
        let page = try #require(WebPageTests.text(WebPageTests.response("/")))
        #expect(page.matches(of: #/<style|<script(?![^>]*src=)| style=| on[a-z]+=|javascript:/#).isEmpty)
        for path in WebPage.paths where path.hasSuffix(".js") {
            let code = try #require(WebPageTests.text(WebPageTests.response(path)))
            #expect(
                code.matches(of: #/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/#).isEmpty
            )
        }
    }

    @Test(arguments: [
        ("\"TAG\"", true, "its tag"),
        ("W/\"TAG\"", true, "its tag, weak"),
        ("\"other\", \"TAG\" ", true, "a list with its tag"),
        ("*", true, "any version"),
        ("\"other\"", false, "another tag"),
        ("TAG", false, "its tag without quotation marks"),
        ("", false, "nothing"),
    ])
    func `a browser that has the file hears 304`(list: String, isKnown: Bool, meaning: String) throws {
        for path in WebPage.paths {
            let tag = try #require(WebPageTests.response(path)?.headers["etag"])
            let known = list.replacing("TAG", with: tag.dropFirst().dropLast())
            let response = try #require(WebPageTests.response(path, headers: ["If-None-Match": known]))
            #expect(response.status.code == (isKnown ? 304 : 200), "\(meaning) of \(path)")
            #expect(response.headers["etag"] == tag)
        }
    }

    @Test func `different files have different tags, and the page is small`() {
        let responses = WebPage.paths.compactMap { WebPageTests.response($0) }
        #expect(Set(responses.compactMap { $0.headers["etag"] }).count == responses.count)
        #expect(responses.compactMap { WebPageTests.text($0)?.utf8.count }.reduce(0, +) < 40_000)
    }
}
