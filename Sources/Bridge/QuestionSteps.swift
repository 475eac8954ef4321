internal import BridgeCore
internal import JSON
internal import Telemetry

/// When a question came to each step of its way, for `chatbridge trace`.
///
/// Instants that are at hand anyway; they become numbers when the answer is written down.
struct QuestionSteps {
    /// Its webhook had been read.
    var receivedAt: ContinuousClock.Instant
    /// The inbox had it; nil where nobody is asked.
    var claimedAt: ContinuousClock.Instant?
    /// The agent was asked.
    var askedAt: ContinuousClock.Instant?
    /// The first byte of the agent's answer was here.
    var firstByteAt: ContinuousClock.Instant?
    /// The agent was done, or had failed.
    var agentDoneAt: ContinuousClock.Instant?
    /// The last part of the answer was delivered.
    var deliveredAt: ContinuousClock.Instant?
    /// Another bridge had received it, and this one took it over.
    var wasTakenOver = false

    init(receivedAt: ContinuousClock.Instant) {
        self.receivedAt = receivedAt
    }

    /// Notes that it came from another bridge, or an earlier run: its id tells when that received it, to the millisecond.
    mutating func setTaken(from id: UUID, at instant: ContinuousClock.Instant) {
        wasTakenOver = true
        let since = Timestamp.now().microseconds - Int64(id.high >> 16) * 1000
        // The clocks of two machines need not agree.
        receivedAt = instant - .microseconds(max(0, since))
    }
}

extension Question {
    /// Microseconds from its reception to each step that it came to, as a JSON object; see docs/operations.md, "Trace".
    var timings: [UInt8] {
        var steps = steps
        if case .names(_, let verdict?) = keeping { steps.claimedAt = verdict.knownAt }
        var writer = JSONWriter(capacity: 128)
        writer.object { object in
            func write(_ name: StaticString, _ instant: ContinuousClock.Instant?) {
                guard let instant else { return }
                object.field(name, (instant - steps.receivedAt).nanoseconds / 1000)
            }
            write(steps.wasTakenOver ? "taken_over" : "verified", takenAt)
            write("claimed", steps.claimedAt)
            write("asked", steps.askedAt)
            write("first_byte", steps.firstByteAt)
            write("agent_done", steps.agentDoneAt)
            write("delivered", steps.deliveredAt)
        }
        return writer.bytes
    }
}
