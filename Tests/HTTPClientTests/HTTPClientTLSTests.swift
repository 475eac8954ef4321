import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import TestSupport
import Testing

/// Against `openssl s_server`, and against `nghttpd` (Debian's nghttp2-server) for HTTP/2.
@Suite(.enabled(if: ChildProcess.isInstalled("openssl"), "needs the openssl command")) struct HTTPClientTLSTests {
    /// Starts a TLS server that answers every request with a status page.
    private func server(_ certificate: TestCertificate) throws -> (ChildProcess, UInt16) {
        let port = UInt16(TestEnvironment.freePort())
        let child = try ChildProcess([
            "openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate.certificate, "-key",
            certificate.key,
            "-www", "-quiet",
        ])
        try awaitListener(on: Int(port), of: child)
        return (child, port)
    }

    @Test func `a certificate that nobody vouches for is refused before anything is sent`() throws {
        let certificate = try TestCertificate()
        let (child, port) = try server(certificate)
        let error = try withClient {
            await failure(
                of: $0, HTTPClientRequest(method: .post, url: "https://127.0.0.1:\(port)/secret", body: Array("x".utf8))
            )
        }
        #expect(error?.code == .tls)
        #expect(error?.mayHaveBeenProcessed == false)
        #expect(error?.message.contains("secret") == false)
        withExtendedLifetime((child, certificate)) {}
    }

    @Test func `a certificate from the configured file is accepted`() throws {
        let certificate = try TestCertificate()
        let (child, port) = try server(certificate)
        let answer = try withClient(HTTPClientConfiguration(trustedCertificatesFile: certificate.certificate)) {
            try await $0.send(HTTPClientRequest(url: "https://127.0.0.1:\(port)/"))
        }
        #expect(answer.status == .ok)
        withExtendedLifetime((child, certificate)) {}
    }

    @Test func `a trusted certificate for another host is refused`() throws {
        let certificate = try TestCertificate(subjectAlternativeName: "DNS:other.example")
        let (child, port) = try server(certificate)
        let error = try withClient(HTTPClientConfiguration(trustedCertificatesFile: certificate.certificate)) {
            await failure(of: $0, HTTPClientRequest(url: "https://127.0.0.1:\(port)/"))
        }
        #expect(error?.code == .tls)
        withExtendedLifetime((child, certificate)) {}
    }

    @Test func `a server that does not speak TLS is a TLS error`() throws {
        let plain = ScriptedServer { connection in connection.write("HTTP/1.1 400 Bad Request\r\n\r\n") }
        defer { plain.stop() }
        let error = try withClient { await failure(of: $0, HTTPClientRequest(url: "https://127.0.0.1:\(plain.port)/")) }
        #expect(error?.code == .tls)
    }

    @Test(
        .enabled(if: ChildProcess.isInstalled("nghttpd"), "needs nghttpd (package nghttp2-server)"))
    func `a server that speaks only HTTP/2 is understood, forty transfers at once`() throws {
        let certificate = try TestCertificate()
        let port = UInt16(TestEnvironment.freePort())
        let descriptor = creat("\(certificate.folder.path)/index.html", 0o600)
        let page = [UInt8](repeating: 0x70, count: 300_000)
        #expect(write(descriptor, page, page.count) == page.count)
        close(descriptor)
        let child = try ChildProcess([
            "nghttpd", "-a", "127.0.0.1", "-d", certificate.folder.path, "\(port)", certificate.key,
            certificate.certificate,
        ])
        try awaitListener(on: Int(port), of: child)
        let configuration = HTTPClientConfiguration(trustedCertificatesFile: certificate.certificate)
        let url = "https://127.0.0.1:\(port)/index.html"
        let (sizes, streamed) = try withClient(configuration) { client in
            let sizes = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<40 {
                    group.addTask { (try? await client.send(HTTPClientRequest(url: url)))?.body.count ?? -1 }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let stream = try await client.stream(HTTPClientRequest(url: url))
            #expect(stream.status == .ok && stream.headers["content-length"] == "300000")
            let streamed = try await stream.body.collect().count
            do {
                let dropped = try await client.stream(HTTPClientRequest(url: url))
                for try await piece in dropped.body {
                    #expect(!piece.isEmpty)
                    break
                }
            }
            let later = try await client.send(HTTPClientRequest(url: url))
            #expect(later.body.count == 300_000)
            return (sizes, streamed)
        }
        #expect(sizes == Array(repeating: 300_000, count: 40))
        #expect(streamed == 300_000)
        withExtendedLifetime((child, certificate)) {}
    }
}
