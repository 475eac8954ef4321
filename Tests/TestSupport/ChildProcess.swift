public import Glibc

/// A program that runs beside a test, with its output in a file, and is ended with the value.
public final class ChildProcess: @unchecked Sendable {
    // Unchecked: the process id never changes, and `hasEnded` is touched by the one test that owns the value.

    /// Something did not start, or did not come to its end.
    public struct Failure: Error, CustomStringConvertible {
        /// What, and the end of its output.
        public let description: String
        /// A failure in these words.
        public init(_ description: String) { self.description = description }
    }

    /// The operating system's name of it.
    public let pid: pid_t
    /// The file that holds what it has written.
    public let outputPath: String
    private var hasEnded = false

    /// Starts a program, found on PATH, with these variables and no others of ours but PATH and HOME.
    public init(_ arguments: [String], environment: [String: String] = [:], output: String = "/dev/null") throws {
        outputPath = output
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var variables = environment
        for name in ["PATH", "HOME", "LD_LIBRARY_PATH"] where variables[name] == nil {
            if let value = getenv(name) { variables[name] = String(cString: value) }
        }
        let words = arguments.map { strdup($0) }
        let pairs = variables.map { strdup("\($0.key)=\($0.value)") }
        defer { for pointer in words + pairs { free(pointer) } }
        // The threads that tests run on block signals; a child that inherits that would never hear SIGTERM.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pid: pid_t = 0
        guard posix_spawnp(&pid, arguments[0], &actions, &attributes, words + [nil], pairs + [nil]) == 0 else {
            throw Failure("\(arguments[0]) does not start")
        }
        self.pid = pid
    }

    deinit {
        if !hasEnded {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
    }

    /// Sends a signal.
    public func signal(_ number: Int32) {
        kill(pid, number)
    }

    /// True while it runs.
    public var isRunning: Bool {
        guard !hasEnded else { return false }
        var status: Int32 = 0
        if waitpid(pid, &status, WNOHANG) == pid { hasEnded = true }
        return !hasEnded
    }

    /// Ends it with a signal and waits for it; after half a minute it is killed.
    ///
    /// - Returns: its exit code; nil when a signal ended it.
    @discardableResult
    public func end(_ number: Int32 = SIGTERM) -> Int32? {
        guard !hasEnded else { return nil }
        kill(pid, number)
        return wait(seconds: 30)
    }

    /// Waits until it has ended; when the time is over it is killed.
    ///
    /// - Returns: its exit code; nil when a signal ended it.
    public func wait(seconds: Int = 120) -> Int32? {
        guard !hasEnded else { return nil }
        var status: Int32 = 0
        var tries = seconds * 200
        while waitpid(pid, &status, WNOHANG) == 0 {
            tries -= 1
            if tries == 0 { kill(pid, SIGKILL) }
            usleep(5000)
        }
        hasEnded = true
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : nil
    }

    /// What it has written so far.
    public var output: String {
        guard let file = fopen(outputPath, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// True when a program is on PATH.
    public static func isInstalled(_ program: String) -> Bool {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return path.split(separator: ":").contains { access("\($0)/\(program)", X_OK) == 0 }
    }

    /// Runs a program to its end and returns what it wrote.
    public static func run(
        _ arguments: [String], environment: [String: String] = [:], in folder: TemporaryFolder
    ) throws -> (code: Int32?, output: String) {
        let child = try ChildProcess(
            arguments, environment: environment, output: folder.path("run-\(UInt64.random(in: 0...UInt64.max))"))
        let code = child.wait()
        return (code, child.output)
    }
}
