import BridgeCore
import EventLoop
import Glibc
import JSON
import Journal

/// One run of `chatbridge tail`: follows the journal until somebody ends it.
struct Tail: Sendable {
    private static let pause = Duration.milliseconds(300)
    private static let longestPause = Duration.seconds(5)

    let stores: OperatorStores
    let filter: JournalFilter
    let isJSON: Bool

    func run() async -> ExitCode {
        let signals = StopSignals(loop: stores.loop)
        await signals.listen()
        let first: [StoredMessage]
        do {
            first = try await stores.journal.next(filter)
        } catch {
            Terminal.complain(
                "chatbridge tail: \(stores.journalName): \(error); chatbridge doctor says what to do about it")
            return .unavailable
        }
        if case .sqlite(let path) = stores.product.database, access(path, F_OK) != 0 {
            Terminal.complain("\(path) is not there yet: waiting for chatbridge run to make it")
        }
        guard first.allSatisfy(show) else { return .success }
        let following = stores.loop.spawn { await follow() }
        stores.loop.spawn {
            await signals.wait()
            following.cancel()
        }
        await following.value
        return .success
    }

    private func follow() async {
        var pause = Tail.pause
        var isAway = false
        while !Task.isCancelled {
            do { try await stores.loop.sleep(for: pause) } catch { return }
            do {
                let new = try await stores.journal.next(filter)
                if isAway { Terminal.complain("\(stores.journalName) answers again") }
                isAway = false
                pause = Tail.pause
                // Nobody reads along any more: `chatbridge tail | head`.
                for message in new { guard show(message) else { return } }
            } catch {
                if Task.isCancelled { return }
                if !isAway { Terminal.complain("\(stores.journalName): \(error); trying again") }
                isAway = true
                pause = min(pause * 2, Tail.longestPause)
            }
        }
    }

    /// - Returns: false when the line could not be written.
    private func show(_ message: StoredMessage) -> Bool {
        Terminal.tell(isJSON ? message.tailJSON : message.tailLine)
    }
}

extension StoredMessage {
    /// `14:03:07.120  telegram 42  < anna: hello`: `<` came in, `>` went out.
    fileprivate var tailLine: String {
        // The time alone, of an ISO 8601 text in UTC.
        let time = at.description.dropFirst(11).prefix(12)
        let isInbound = direction == .inbound
        let root = (try? JSONView(parsing: metadata)) ?? .missing
        let who = isInbound ? root["sender_name"].string ?? sender ?? "?" : "agent"
        var words = text.map { Terminal.clean($0) } ?? ""
        if type != "text" || text == nil { words = "[\(Terminal.clean(type))] \(words)" }
        if attachments > 0, type == "text" { words += " [+\(attachments)]" }
        if status != (isInbound ? "received" : "sent") { words += " " + Terminal.styled("(\(status))", .warning) }
        let place = "\(Terminal.clean(platform)) \(Terminal.clean(conversation))"
        let mark = Terminal.styled(isInbound ? "<" : ">", isInbound ? .good : .strong)
        return "\(Terminal.styled(String(time), .dim))  \(place)  \(mark) \(Terminal.clean(who)): \(words)"
    }

    /// The message as one object, with its session.
    fileprivate var tailJSON: String {
        var writer = JSONWriter(capacity: 512)
        writer.object { object in
            object.field("id", id)
            object.field("at", at.description)
            object.field("session", session)
            object.field("platform", platform)
            object.field("account", account)
            object.field("conversation", conversation)
            object.field("direction", direction.rawValue)
            object.field("sender", sender)
            object.field("type", type)
            object.field("text", text)
            object.field("attachments", attachments)
            object.field("status", status)
            object.field("request", request)
            object.rawField("metadata", metadata)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
