/// A certificate for 127.0.0.1 that signs itself, in a folder that is removed with the value.
public final class TestCertificate: Sendable {
    /// Where it is.
    public let folder = TemporaryFolder()
    /// The path of the certificate.
    public var certificate: String { folder.path("cert.pem") }
    /// The path of its private key.
    public var key: String { folder.path("key.pem") }

    /// Makes one by the openssl command.
    public init(subjectAlternativeName: String = "IP:127.0.0.1,DNS:localhost") throws {
        let (code, output) = try ChildProcess.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days",
                "2", "-subj", "/CN=test", "-addext", "subjectAltName=\(subjectAlternativeName)", "-keyout",
                folder.path("key.pem"), "-out", folder.path("cert.pem"),
            ], in: folder)
        guard code == 0 else { throw ChildProcess.Failure("openssl made no certificate: \(output)") }
    }
}
