internal import Glibc

/// Redis servers of one test's own that belong together: a cluster, or a master with replicas and sentinels.
public final class RedisSet: @unchecked Sendable {
    // Unchecked: one test owns it and calls it in turn.

    /// Whether the programs are there.
    public static let isAvailable =
        ChildProcess.isInstalled("redis-cli")
        && (TestEnvironment.redisServer != nil || ChildProcess.isInstalled("redis-server"))

    private let folder = TemporaryFolder()
    private var processes: [Int: ChildProcess] = [:]
    /// The ports of the servers on 127.0.0.1, those that begin as masters first.
    public private(set) var ports: [Int] = []
    /// The ports of the sentinels.
    public private(set) var sentinels: [Int] = []

    private init() {}

    /// A cluster.
    ///
    /// - Parameter replicas: for each master.
    public static func cluster(masters: Int = 3, replicas: Int = 0) throws -> RedisSet {
        let set = RedisSet()
        for _ in 0..<masters * (1 + replicas) {
            set.ports.append(
                try set.startServer([
                    "--cluster-enabled", "yes", "--cluster-port", "\(TestEnvironment.freePort())",
                    "--cluster-node-timeout", "1500", "--cluster-replica-validity-factor", "0",
                ]))
        }
        _ = try set.ask(
            0,
            ["--cluster", "create"] + set.ports.map { "127.0.0.1:\($0)" }
                + ["--cluster-replicas", "\(replicas)", "--cluster-yes"])
        for index in set.ports.indices {
            try set.waitFor("the cluster") { try set.ask(index, ["CLUSTER", "INFO"]).contains("cluster_state:ok") }
        }
        return set
    }

    /// A master named `main`, a replica of it and three sentinels.
    ///
    /// - Parameter options: further options of the sentinels.
    public static func sentinel(_ options: [String] = []) throws -> RedisSet {
        let set = RedisSet()
        set.ports.append(try set.startServer([]))
        set.ports.append(try set.startServer(["--replicaof", "127.0.0.1 \(set.ports[0])"]))
        try set.waitFor("the replica") {
            try set.ask(1, ["INFO", "replication"]).contains("master_link_status:up")
        }
        for number in 0..<3 {
            let port = TestEnvironment.freePort()
            let file = set.folder.path("sentinel-\(number).conf")
            let lines = [
                "sentinel monitor main 127.0.0.1 \(set.ports[0]) 2", "sentinel down-after-milliseconds main 1000",
                "sentinel failover-timeout main 5000",
            ]
            guard let output = fopen(file, "w") else { throw ChildProcess.Failure("\(file) cannot be written") }
            fputs(lines.joined(separator: "\n") + "\n", output)
            fclose(output)
            try set.start(port, ["\(file)", "--sentinel", "--dir", set.folder.path("")] + options)
            set.sentinels.append(port)
        }
        return set
    }

    /// Waits until the sentinels know of each other and of the replica: before that there is no failover.
    public func awaitSentinels() throws {
        for port in sentinels {
            try waitFor("the sentinels") {
                let text = try cli(port, ["SENTINEL", "MASTER", "main"])
                let lines = text.split(separator: "\n").map(String.init)
                func value(_ name: String) -> String? {
                    lines.firstIndex(of: name).flatMap { lines.indices.contains($0 + 1) ? lines[$0 + 1] : nil }
                }
                return value("num-other-sentinels") == "2" && value("num-slaves") == "1"
            }
        }
    }

    private func startServer(_ options: [String]) throws -> Int {
        let port = TestEnvironment.freePort()
        mkdir(folder.path("\(port)"), 0o700)
        try start(
            port,
            ["--save", "", "--appendonly", "no", "--dir", folder.path("\(port)"), "--repl-diskless-sync-delay", "0"]
                + options)
        return port
    }

    private func start(_ port: Int, _ options: [String]) throws {
        let program = TestEnvironment.redisServer ?? "redis-server"
        let isSentinel = options.contains("--sentinel")
        let words =
            isSentinel
            ? [program] + options + ["--port", "\(port)", "--bind", "127.0.0.1"]
            : [program, "--port", "\(port)", "--bind", "127.0.0.1"] + options
        let process = try ChildProcess(words, output: folder.path("log-\(port)"))
        processes[port] = process
        try awaitListener(on: port, of: process)
    }

    /// What `redis-cli` prints for a command at one of the servers.
    public func ask(_ index: Int, _ command: [String]) throws -> String { try cli(ports[index], command) }

    private func cli(_ port: Int, _ command: [String]) throws -> String {
        let arguments =
            command.first == "--cluster" ? ["redis-cli"] + command : ["redis-cli", "-p", "\(port)"] + command
        let (code, output) = try ChildProcess.run(arguments, in: folder)
        guard code == 0 else { throw ChildProcess.Failure("redis-cli \(command): \(output)") }
        return output
    }

    private func waitFor(_ what: String, _ condition: () throws -> Bool) throws {
        for _ in 0..<1200 {
            if try condition() { return }
            usleep(25_000)
        }
        throw ChildProcess.Failure("never came: \(what)")
    }

    /// Ends a server as `kill -9` does.
    public func kill(_ index: Int) { processes[ports[index]] = nil }

    /// Sends a server a signal.
    public func signal(_ index: Int, _ number: Int32) { processes[ports[index]]?.signal(number) }

    /// `redis+cluster://` with the first servers, or `redis+sentinel://`.
    public var url: String {
        sentinels.isEmpty
            ? "redis+cluster://" + ports.prefix(3).map { "127.0.0.1:\($0)" }.joined(separator: ",")
            : "redis+sentinel://" + sentinels.map { "127.0.0.1:\($0)" }.joined(separator: ",") + "/main"
    }
}
