import BridgeCore
import JSON
import Journal

extension Trace {
    /// The width of the waterfall's bars.
    private static let barWidth = 40

    /// The trace for a person: where it is now, its waterfall, and all places where something of it was met.
    var lines: [String] {
        var lines: [String] = []
        let place = [platform, conversation].compactMap { $0 }.map(Terminal.clean).joined(separator: " ")
        lines.append("\(Terminal.styled(id?.description ?? "?", .strong))  \(place)")
        if let question { lines.append("session   \(question.session)  \(question.type), \(question.status)") }
        for answer in answers { lines.append("answer    \(answer.id)  \(answer.type), \(answer.status)") }
        if let now {
            let style: Terminal.Style = now.place == .dead ? .bad : now.place == .database ? .good : .warning
            lines.append(
                "now       \(Terminal.styled(now.place.words, style)) (\(now.part)): \(Terminal.clean(now.detail))")
        }
        lines += waterfall
        let others = sightings.filter { $0.place != now?.place || $0.part != now?.part }
        if !others.isEmpty {
            lines.append("")
            for sighting in others {
                lines.append(
                    "  \(Terminal.padded(sighting.part, to: 9)) \(sighting.place.words): \(Terminal.clean(sighting.detail))"
                )
            }
        }
        return lines
    }

    private var waterfall: [String] {
        let stages = stages
        guard let first = stages.first else { return [] }
        var lines = ["", "  \(first.at)"]
        let last = max(1, stages.map(\.since).max() ?? 1)
        var before: Int64 = 0
        for stage in stages {
            let start = Int(before * Int64(Trace.barWidth) / last)
            let end = max(start + 1, Int(stage.since * Int64(Trace.barWidth) / last))
            let bar = String(repeating: " ", count: start) + String(repeating: "█", count: end - start)
            let time = Trace.milliseconds(stage.since)
            let padding = String(repeating: " ", count: max(0, 12 - time.count))
            let line = "  \(Terminal.padded(stage.name, to: 17))\(padding)\(time)  \(stage.since == 0 ? "" : bar)"
            lines.append(String(line.reversed().drop { $0 == " " }.reversed()))
            before = stage.since
        }
        if sightings.contains(where: { $0.place == .database }), !stages.contains(where: { $0.name == "logged" }) {
            lines.append(
                "  logged           yes; when is not kept (Postgres keeps it with track_commit_timestamp = on)")
        }
        return lines
    }

    private static func milliseconds(_ microseconds: Int64) -> String {
        let fraction = String(1000 + abs(microseconds) % 1000).dropFirst()
        return "\(microseconds < 0 ? "-" : "")\(abs(microseconds) / 1000).\(fraction) ms"
    }

    /// The trace as one JSON object, for scripts.
    var json: String {
        var writer = JSONWriter()
        writer.object { object in
            object.field("id", id?.description)
            object.field("platform", platform)
            object.field("conversation", conversation)
            object.field("session", question?.session.description)
            object.field("status", question?.status)
            if let now {
                object.objectField("now") {
                    $0.field("place", now.place.rawValue)
                    $0.field("part", now.part)
                    $0.field("detail", now.detail)
                }
            } else {
                object.nullField("now")
            }
            object.arrayField("stages") { array in
                for stage in stages {
                    array.object {
                        $0.field("name", stage.name)
                        $0.field("at", stage.at.description)
                        $0.field("microseconds", stage.since)
                    }
                }
            }
            object.arrayField("answers") { array in
                for answer in answers {
                    array.object {
                        $0.field("id", answer.id)
                        $0.field("status", answer.status)
                        $0.field("at", answer.at.description)
                        $0.field("request", answer.request)
                    }
                }
            }
            object.arrayField("places") { array in
                for sighting in sightings {
                    array.object {
                        $0.field("place", sighting.place.rawValue)
                        $0.field("part", sighting.part)
                        $0.field("detail", sighting.detail)
                    }
                }
            }
            object.arrayField("not_looked_at") { array in
                for fault in faults { array.value(fault) }
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension Trace.Sighting.Place {
    /// The place as people call it.
    var words: String {
        switch self {
        case .inbox: "in the inbox"
        case .agent: "at the agent"
        case .outbox: "in the outbox"
        case .spool: "in the spool"
        case .queue: "in the queue"
        case .logger: "in a logger's hand"
        case .dead: "in the dead letters"
        case .database: "in the database"
        }
    }
}
