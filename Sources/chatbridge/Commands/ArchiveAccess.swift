import BridgeCore
import EventLoop
import HTTPClient
import Journal
import Postgres
import Redis
import Retention

/// What `forget`, `export` and `prune` open: the database, and the places beside it where something of a person may lie.
struct ArchiveAccess: Sendable {
    let archive: any Archive
    let partitions: MessagePartitions?
    private let product: ProductConfiguration
    private let loop: EventLoop

    /// Opens the database of a configuration.
    ///
    /// - Throws: `RetentionError`; `PostgresError` for a URL that is none.
    init(_ product: ProductConfiguration, loop: EventLoop) async throws {
        self.product = product
        self.loop = loop
        switch product.database {
        case .sqlite(let path):
            archive = try await SQLiteArchive(path: path)
            partitions = nil
        case .postgres(let url):
            let configuration = try PostgresConfiguration(url.value)
            archive = PostgresArchive(configuration: configuration)
            partitions = MessagePartitions(on: configuration)
        }
    }

    /// The bucket of attachments, where there is one.
    var objects: (any ObjectEraser)? {
        BucketEraser(product, client: HTTPClient(loop: loop))
    }

    /// Redis, where there is one, and the spool of this machine.
    func places(for person: Person) throws -> [any PersonalPlace] {
        var places: [any PersonalPlace] = [LocalPlaces(directory: product.spoolDirectory)]
        if let url = product.redisURL {
            for shard in try product.redisShards(url) {
                let client = RedisClient(loop: loop, configuration: product.patient(shard))
                places.append(RedisPlaces(client: client, prefix: shard.prefix, person: person))
            }
        }
        return places
    }

    /// The platforms that have sessions.
    func platforms() async throws -> [String] {
        try await archive.rows("SELECT DISTINCT platform FROM sessions ORDER BY platform", []).compactMap { $0[0] }
    }

    /// Runs a command's work on the loop and turns what went wrong into words and an exit code.
    static func run(
        _ name: String, _ body: @escaping @Sendable (EventLoop, ProductConfiguration) async throws -> ExitCode
    ) throws -> ExitCode {
        let loaded = ConfigurationLoader.load(isWebDefault: false)
        guard loaded.problems.isEmpty else { return Command.refuse(loaded.problems) }
        let loop = try EventLoop()
        do {
            return try loop.run { try await body(loop, loaded.product) }
        } catch let error as RetentionError {
            Terminal.complain("chatbridge \(name): \(error)")
            switch error.code {
            case .unavailable: return .unavailable
            case .data: return .dataError
            case .conflict, .failed: return .failure
            }
        } catch let error as PostgresError {
            Terminal.complain("chatbridge \(name): the database of DATABASE_URL cannot be used: \(error)")
            return .unavailable
        }
    }
}
