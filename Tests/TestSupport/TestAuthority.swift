/// A certificate authority of a test's own, in a folder that is removed with the value.
public final class TestAuthority: Sendable {
    private let folder = TemporaryFolder()
    /// The path of its certificate.
    public var certificate: String { folder.path("ca.pem") }

    /// Makes one by the openssl command.
    public init() throws {
        try openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj",
            "/CN=Test authority", "-keyout", folder.path("ca.key"), "-out", certificate)
    }

    /// Signs a server's certificate.
    ///
    /// - Parameters:
    ///   - subject: the names it is for, as in `IP:127.0.0.1,DNS:localhost`.
    ///   - days: how long it is valid; less than zero makes one that has expired.
    /// - Returns: the paths of certificate and private key.
    public func issue(_ subject: String, days: Int = 2) throws -> (certificate: String, key: String) {
        let name = "\(UInt64.random(in: 0...UInt64.max))"
        let (request, key, certificate) = (
            folder.path("\(name).csr"), folder.path("\(name).key"), folder.path("\(name).pem")
        )
        try openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=server",
            "-addext",
            "subjectAltName=\(subject)", "-keyout", key, "-out", request)
        try openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", folder.path("ca.key"), "-set_serial",
            name,
            "-copy_extensions", "copyall", "-days", "\(days)", "-out", certificate)
        return (certificate, key)
    }

    private func openssl(_ arguments: String...) throws {
        let (code, output) = try ChildProcess.run(["openssl"] + arguments, in: folder)
        guard code == 0 else { throw ChildProcess.Failure("openssl \(arguments[0]): \(output)") }
    }
}
