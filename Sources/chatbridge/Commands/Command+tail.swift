import BridgeCore
import EventLoop
import Journal

extension Command {
    /// `chatbridge tail`: conversations as they happen.
    static let tail = Command(
        name: "tail", summary: "follows conversations as they happen",
        help: """
            Usage: chatbridge tail [--session ID] [--platform NAME] [--lines N] [--json]

            Prints what users and the agent say, as soon as it is in the database of DATABASE_URL, until Ctrl-C. Begins with the latest
            messages, and goes on by itself when the database was away. Line ends and control characters are shown as escapes.

              --session ID      of this session alone (a UUID, as trace and the table sessions show it)
              --platform NAME   of this platform alone
              --lines N         so many earlier messages first (10)
              --json            one JSON object a line

            Exit code: 0 ended by Ctrl-C, 64 wrong usage, 69 the database cannot be reached at the start.

            Example: chatbridge tail --platform telegram
            """
    ) { arguments in
        let isJSON = arguments.flag("--json")
        let session = try arguments.value("--session")
        let platform = try arguments.value("--platform")
        let lines = try arguments.integer("--lines", in: 0...5000) ?? 10
        try arguments.end()
        var filter = JournalFilter(platform: platform, earlier: lines)
        if let session {
            guard let id = UUID(session) else {
                throw Arguments.UsageError(message: "--session \(session): a UUID is expected, 36 characters")
            }
            filter.session = id
        }
        let wanted = filter
        return try withStores { stores in
            await Tail(stores: stores, filter: wanted, isJSON: isJSON).run()
        }
    }
}
