internal import BridgeCore
internal import EventLoop
internal import Failpoints
internal import JSON
internal import Telemetry

/// The second half of a batch's way: store, dead letters, end of the claim.
extension JournalLogger {
    /// Writes a batch and ends its claim; tries again until both have succeeded or the logger is abandoned.
    ///
    /// - Parameter earlier: The writing of the batch before: claims are finished in their order.
    func write(_ batch: Batch, after earlier: Task<Void, Never>?) async {
        var dead = batch.dead
        var returned = batch.returned
        if batch.jobs.count > 0 {
            let outcome = await store(batch)
            await earlier?.value
            guard let outcome else { return }
            for rejection in outcome.rejections {
                dead.append(deadLetter(batch.claim.jobs[batch.places[rejection.index]], error: rejection.error))
            }
            for index in outcome.deferred {
                let job = batch.claim.jobs[batch.places[index]]
                // Only news of a message waits for it; a message waits for nothing.
                guard let news = batch.jobs.job(at: index) else { continue }
                if mayWait(news.id) {
                    returned.append(job)
                } else if news.isReceipt {
                    // Of a message that somebody else sent, or that is older than what is looked at: nothing is lost.
                    metrics.unmatchedReceipts.increment()
                } else {
                    dead.append(deadLetter(job, error: "the message that it tells of is not there"))
                }
            }
            metrics.written.increment(
                by: batch.jobs.count - outcome.rejections.count - outcome.deferred.count - outcome.erased.count)
            if !outcome.erased.isEmpty { metrics.erased.increment(by: outcome.erased.count) }
        } else {
            await earlier?.value
        }
        note(returned: returned.count, of: batch)
        guard await finish(batch, dead: dead, returned: returned) else { return }
        if !dead.isEmpty {
            log.error("log jobs became dead letters", ["jobs": String(dead.count)])
            metrics.dead.increment(by: dead.count)
        }
        if !batch.returned.isEmpty, laterFormat.isDue() {
            log.warning("log jobs are for a newer logger and stay in the queue", ["jobs": String(batch.returned.count)])
        }
        metrics.returned.increment(by: returned.count)
    }

    /// Whether news of a message that is not in the store may wait for it still.
    private func mayWait(_ id: UUID) -> Bool {
        let now = ContinuousClock.now
        // Most find their message at the next try, and are never asked about again.
        if deferredSince.count > 10_000 {
            deferredSince = deferredSince.filter { now - $0.value < configuration.patience }
        }
        let since = deferredSince[id] ?? now
        deferredSince[id] = since
        guard now - since >= configuration.patience else { return true }
        deferredSince[id] = nil
        return false
    }

    /// - Returns: what the store made of them; nil when the logger was abandoned before anything was committed.
    private func store(_ batch: Batch) async -> JournalWriteOutcome? {
        var pause = configuration.firstPause
        while !isAbandoned {
            let start = ContinuousClock.now
            do {
                let resolved = try await resolve(batch.jobs)
                Failpoint.reach("logger.writing")
                let outcome = JournalWriteOutcome(try await store.write(resolved.batch), of: resolved)
                Failpoint.reach("logger.committed")
                if tracer != nil { recordSpan(of: batch, since: start) }
                metrics.writeTime.record(.now - start)
                metrics.batches.increment()
                if let oldest = batch.jobs.oldest {
                    metrics.lag.record(Timestamp.now().duration(since: oldest))
                }
                return outcome
            } catch {
                metrics.retries.increment()
                log.warning(
                    "the journal's database is away: the batch waits",
                    ["error": error.description, "jobs": String(batch.jobs.count)])
                do { try await loop.sleep(for: jittered(pause)) } catch { return nil }
                pause = min(pause * 2, configuration.longestPause)
            }
        }
        return nil
    }

    /// - Returns: false when the logger was abandoned; the next to claim the batch writes it again, to no effect.
    private func finish(_ batch: Batch, dead: [[UInt8]], returned: [[UInt8]]) async -> Bool {
        var pause = configuration.firstPause
        while true {
            do {
                try await queue.finish(batch.claim, dead: dead, returned: returned)
                Failpoint.reach("logger.finished")
                return true
            } catch {
                log.warning("the log queue cannot be told of a commit", ["error": error.description])
                guard !isAbandoned else { return false }
                do { try await loop.sleep(for: jittered(pause)) } catch { return false }
                pause = min(pause * 2, configuration.longestPause)
            }
        }
    }

    /// `{"error":…,"at":…,"logger":…,"job":…}`: the job as it is when it is a JSON object, else as a string.
    func deadLetter(_ job: [UInt8], error: String) -> [UInt8] {
        var writer = JSONWriter(capacity: job.count + 128)
        writer.object { object in
            object.field("error", error)
            object.field("at", Timestamp.now().description)
            object.field("logger", configuration.name)
            if let view = try? JSONView(parsing: job), view.kind == .object {
                object.key("job")
                object.value(view)
            } else {
                object.field("job", String(decoding: job, as: UTF8.self))
            }
        }
        return writer.bytes
    }
}
