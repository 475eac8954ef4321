import BridgeCore
import EventLoop
import Journal

extension Command {
    /// `chatbridge trace`: the way of one message.
    static let trace = Command(
        name: "trace", summary: "shows where a message is now and when it came to each step of its way",
        help: """
            Usage: chatbridge trace MESSAGE-ID [--platform NAME] [OPTIONS]

            Shows a message's waterfall (received, verified, claimed, agent asked, agent first byte, agent done, delivered, logged) and where it
            is now: in the inbox, at the agent, in the outbox, in the spool, in the queue, in a logger's hand, in the dead letters, or in the
            database. MESSAGE-ID is ours, of the message or of its answer, or with --platform the platform's. Changes nothing.

              --platform NAME   MESSAGE-ID is what this platform calls the message, its answer or the event
              --days N          how old a message may be that is looked for by the platform's name (7)
              --url URL         the bridge that is asked what it has in work; by default http://HOST:PORT of the configuration
              --json            one JSON object instead of lines

            Exit code: 0 found, 1 unknown everywhere, 64 wrong usage, 69 a place could not be looked at (what was found is printed).

            Example: chatbridge trace 0199a6f0-7c1e-7000-8000-000000000001
                     chatbridge trace 581 --platform telegram
            """
    ) { arguments in
        let isJSON = arguments.flag("--json")
        let platform = try arguments.value("--platform")
        let days = try arguments.integer("--days", in: 1...36_500) ?? 7
        let url = try arguments.value("--url")
        guard let name = arguments.next() else {
            throw Arguments.UsageError(message: "the id of a message is expected")
        }
        try arguments.end()
        let target: MessageTracer.Target
        if let platform {
            let since = Timestamp.now().advanced(by: .seconds(-86_400 * days))
            target = .named(name, platform: platform, since: since)
        } else if let id = UUID(name) {
            target = .id(id)
        } else {
            throw Arguments.UsageError(
                message: "\(name) is no id of ours (36 characters); for a platform's own add --platform NAME")
        }
        return try withStores { stores in
            let bridge = BridgeCaller(stores.product, url: url, loop: stores.loop)
            let trace = await MessageTracer(stores: stores, bridge: bridge).trace(target)
            if isJSON {
                Terminal.say(trace.json)
            } else if trace.isKnown {
                for line in trace.lines { Terminal.say(line) }
            }
            for fault in trace.faults {
                Terminal.complain("chatbridge trace: not looked at: \(fault); chatbridge doctor says what to do")
            }
            guard trace.faults.isEmpty else { return .unavailable }
            if !trace.isKnown {
                let places = [
                    stores.shared?.name, stores.file?.name, stores.product.spoolDirectory, stores.journalName,
                ]
                Terminal.complain(
                    "chatbridge trace: \(Terminal.clean(name)) is not known in "
                        + places.compactMap { $0 }.joined(separator: ", ")
                        + (platform == nil ? "" : " in the last \(days) days (--days)"))
                return .failure
            }
            return .success
        }
    }
}
