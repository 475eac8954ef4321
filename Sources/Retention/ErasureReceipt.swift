internal import BridgeCore
internal import JSON

/// What was erased of a person, without naming them.
package struct ErasureReceipt: Sendable {
    let platform: String
    let at: Timestamp
    let isDryRun: Bool
    /// The hash that stands for the person among the forgotten, in hexadecimal digits.
    var person: String?
    /// Loggers drop what comes late up to then.
    var until: Timestamp?
    var end: Timestamp?
    private(set) package var counts: [Finding.Place: Int] = [:]
    private(set) package var inWork: [Finding.Place: Int] = [:]

    init(platform: String, at: Timestamp, isDryRun: Bool) {
        self.platform = platform
        self.at = at
        self.isDryRun = isDryRun
    }

    /// Whether nothing is left of them anywhere that was looked at.
    package var isComplete: Bool { inWork.isEmpty }

    /// Whether there was nothing of them anywhere.
    package var isEmpty: Bool { counts.values.allSatisfy { $0 == 0 } && inWork.isEmpty }

    mutating func add(_ findings: [Finding]) {
        for finding in findings { counts[finding.place, default: 0] += finding.count }
    }

    /// - Parameter places: takes the place of what was noted of these alone; nil: of all.
    mutating func setInWork(_ findings: [Finding], of places: [Finding.Place]? = nil) {
        inWork = places.map { places in inWork.filter { !places.contains($0.key) } } ?? [:]
        for finding in findings { inWork[finding.place, default: 0] += finding.inWork }
    }

    /// One JSON object.
    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { object in
            object.field("receipt", 1)
            object.field("platform", platform)
            object.field("person", person)
            object.field("started_at", at.description)
            object.field("ended_at", end?.description)
            object.field("dry_run", isDryRun)
            object.objectField("erased") { object in
                for place in Finding.Place.allCases {
                    object.key(place.rawValue)
                    object.value(counts[place] ?? 0)
                }
            }
            object.objectField("in_work") { object in
                for place in Finding.Place.allCases {
                    guard let count = inWork[place] else { continue }
                    object.key(place.rawValue)
                    object.value(count)
                }
            }
            object.field("complete", isComplete)
            object.field("late_jobs_dropped_until", until?.description)
        }
        return writer.bytes
    }

    /// Lines for a person.
    package var lines: [String] {
        var lines = [
            "\(isDryRun ? "Would be erased" : "Erased") of one person on \(platform), \(end ?? at):"
        ]
        for place in Finding.Place.allCases where (counts[place] ?? 0) > 0 {
            lines.append("  \(counts[place] ?? 0) \(place.title)")
        }
        if isEmpty { lines.append("  nothing: there is nothing of them") }
        for place in Finding.Place.allCases {
            guard let count = inWork[place] else { continue }
            lines.append("  in work just now: \(count) \(place.title)")
        }
        if let person, let until {
            lines.append("Known as \(person); loggers drop what comes of them late until \(until).")
        }
        return lines
    }
}
