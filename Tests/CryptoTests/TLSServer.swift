import Glibc
import Testing

/// An `openssl s_server` on a free loopback port that answers each line reversed, and hangs up on the line `CLOSE`.
final class TLSServer {
    let folder: String
    let port: UInt16
    private let process: pid_t

    /// The server's own certificate, which signs itself.
    var certificate: String { folder + "/certificate.pem" }

    /// Starts a server whose certificate has these names (`DNS:redis.test,IP:127.0.0.1`).
    init(names: String, options: [String] = []) throws {
        var template = Array("/tmp/chatbridge-tls-XXXXXX".utf8CString)
        folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        let output = folder + "/output"
        let making = try Self.spawn(
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                folder + "/key.pem", "-out", folder + "/certificate.pem", "-days", "2", "-subj", "/CN=test", "-addext",
                "subjectAltName=\(names)",
            ], output: output)
        var status: Int32 = 0
        waitpid(making, &status, 0)
        try #require(status == 0, "openssl req failed")
        process = try Self.spawn(
            [
                "s_server", "-accept", "127.0.0.1:0", "-cert", folder + "/certificate.pem", "-key", folder + "/key.pem",
                "-rev",
            ] + options, output: output)
        var found: UInt16?
        for _ in 0..<2_000 where found == nil {
            usleep(5_000)
            let line = Self.contents(of: output).split(separator: "\n").first { $0.hasPrefix("ACCEPT ") }
            found = line.flatMap { UInt16($0.split(separator: ":").last ?? "") }
        }
        port = try #require(found, "openssl s_server did not start")
    }

    deinit {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
        for name in ["key.pem", "certificate.pem", "output"] { unlink(folder + "/" + name) }
        rmdir(folder)
    }

    /// Connects a blocking socket, which gives up after ten seconds of silence.
    func connect() throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(status == 0, "cannot connect to openssl s_server")
        return socket
    }

    private static func spawn(_ arguments: [String], output: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var words = (["openssl"] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        try #require(posix_spawnp(&process, "openssl", &actions, nil, &words, environ) == 0, "openssl is not installed")
        return process
    }

    private static func contents(of path: String) -> String {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(file, &bytes, bytes.count)
        return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    }
}
