import BridgeCore
import EventLoop
import Importer
import Postgres

extension Command {
    /// `chatbridge import`: an SQLite store into Postgres.
    static let importFile = Command(
        name: "import", summary: "moves the conversations of an SQLite file to the Postgres database",
        help: """
            Usage: chatbridge import FILE.db [OPTIONS]

            Writes the sessions and messages of FILE.db into the database in DATABASE_URL, and then compares the two. FILE.db is
            ChatBridge's own store, Mastra's (LibSQL) storage, or anything else with --map; it is only read. A bridge and a logger may
            write to the database meanwhile: what is there already stays as it is. A run that was interrupted goes on where it was, and
            a second run adds nothing. Rows that cannot be imported are written to FILE.db.rejected.jsonl, each with its reason.

              --dry-run          counts what would be imported, changed or refused, and writes nothing
              --validate         compares only: each session's row, number of messages, times and the SHA-256 of its transcript
              --samples N        prints N transcripts of both sides side by side
              --no-validation    does not compare after the import
              --map MAPPING      reads the tables that MAPPING (JSON) describes
              --suggest-map      prints a first MAPPING for FILE.db, to be corrected by hand
              --restart          starts over, even if an earlier run was interrupted
              --rejected FILE    where rows go that cannot be imported
              --batch N          the most rows in one transaction (5000)
              --wait SECONDS     tries for so long to reach the database

            Exit code: 0 done, and no differences; 1 differences were found; 65 rows were rejected, or FILE.db or MAPPING is no good;
            69 the database cannot be reached; 78 DATABASE_URL is wrong, or migrations are missing. See docs/import.md.

            Example: DATABASE_URL=postgres://chat:secret@127.0.0.1/chat chatbridge import chatbridge.db
                     chatbridge import mastra.db --dry-run
                     chatbridge import bot.sqlite --suggest-map > mapping.json
                     chatbridge import bot.sqlite --map mapping.json --samples 3
            """
    ) { arguments in
        var options = ImportOptions()
        options.isDryRun = arguments.flag("--dry-run")
        options.onlyValidates = arguments.flag("--validate")
        options.suggestsMap = arguments.flag("--suggest-map")
        options.skipsValidation = arguments.flag("--no-validation")
        options.startsOver = arguments.flag("--restart")
        options.map = try arguments.value("--map")
        options.rejected = try arguments.value("--rejected")
        options.samples = try arguments.integer("--samples", in: 0...1000) ?? 0
        options.batch = try arguments.integer("--batch", in: 1...100_000)
        options.patience = try arguments.integer("--wait", in: 0...86_400) ?? 0
        let path = arguments.next()
        try arguments.end()
        guard let path else { throw Arguments.UsageError(message: "the SQLite file to import is expected") }
        guard [options.isDryRun, options.onlyValidates, options.suggestsMap].count(where: \.self) <= 1 else {
            throw Arguments.UsageError(message: "only one of --dry-run, --validate and --suggest-map can be done")
        }
        let loop = try EventLoop()
        if options.suggestsMap {
            return try loop.run { await ImportTask.suggestMap(for: path) }
        }
        let loaded = ConfigurationLoader.load(isWebDefault: false)
        guard loaded.problems.isEmpty else { return refuse(loaded.problems) }
        guard case .postgres(let url) = loaded.product.database else {
            return refuse(["DATABASE_URL: the postgres:// URL to import into is expected"])
        }
        let configuration: PostgresConfiguration
        do throws(PostgresError) {
            configuration = try PostgresConfiguration(url.value)
        } catch {
            return refuse(["DATABASE_URL: \(error)"])
        }
        let task = ImportTask(path: path, options: options, configuration: configuration)
        return try loop.run { await task.run() }
    }
}

/// What the command line of `chatbridge import` says.
struct ImportOptions: Sendable {
    var isDryRun = false
    var onlyValidates = false
    var suggestsMap = false
    var skipsValidation = false
    var startsOver = false
    var map: String?
    var rejected: String?
    var samples = 0
    var batch: Int?
    var patience = 0
}
