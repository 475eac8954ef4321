internal import EventLoop
internal import Failpoints
internal import Telemetry

/// The one task that moves jobs: memory to queue, memory to spool, spool to queue.
extension LogBuffer {
    /// Works until there is nothing to do now, then sets the timer for the next time.
    func pump() async {
        metrics.depth.set(depth)
        while true {
            if isDiverted {
                await spoolWaiting(withInFlight: false)
                guard ContinuousClock.now >= nextTry, await replay() else { break }
            } else {
                guard isDue else { break }
                await pushWaiting()
            }
        }
        metrics.depth.set(depth)
        isPumping = false
        if isDiverted {
            let untilTry = nextTry - .now
            let isSpoolWanted = !waiting.isEmpty && spool != nil && ContinuousClock.now >= nextSpoolTry
            schedule(after: isSpoolWanted ? min(untilTry, configuration.linger) : untilTry, isLinger: isSpoolWanted)
        } else if !waiting.isEmpty {
            schedule(after: configuration.linger, isLinger: true)
        }
    }

    /// Whether what waits goes out at once.
    ///
    /// Jobs that came during a push linger again unless they fill a batch.
    private var isDue: Bool {
        guard !waiting.isEmpty else { return false }
        return isDraining || isFirstRound || waiting.count >= configuration.batchJobs
            || waitingBytes >= configuration.batchBytes
    }

    // MARK: To the queue

    private func pushWaiting() async {
        takeBatch()
        isFirstRound = false
        let count = inFlight.count
        let stall = watchForStall()
        let lostBefore = spoolStatus.dropped + spoolStatus.damaged
        defer { stall.cancel() }
        do {
            Failpoint.reach("bridge.log.pushing")
            try await queue.push(inFlight)
            Failpoint.reach("bridge.log.pushed")
            confirmed(count)
            // Where the spool has lost something, its first jobs may be others; pushed again, these do no harm.
            if inFlightIsSpooled, spoolStatus.dropped + spoolStatus.damaged == lostBefore {
                await removeFromSpool(count)
            }
        } catch {
            metrics.failures.increment()
            // They may be in the queue all the same; they are pushed again, and their ids make it harmless.
            if !inFlightIsSpooled {
                waiting.insert(contentsOf: inFlight, at: 0)
                waitingBytes += inFlightBytes
            }
            divert(reason: error.description)
            backOff()
        }
        clearInFlight()
    }

    /// While a push hangs, what is in memory goes to disk once a second, the push's own jobs first.
    private func watchForStall() -> LoopTimer {
        let timer = LoopTimer(on: loop) { [weak self] in
            self?.assumeIsolated { buffer in
                buffer.divert(reason: "the queue does not answer")
                buffer.spoolBeside()
                buffer.stall?.schedule(after: LogBuffer.stallDelay)
            }
        }
        stall = timer
        timer.schedule(after: LogBuffer.stallDelay)
        return timer
    }

    /// Takes the jobs of a push that was confirmed after all out of the spool, where they are the first.
    private func removeFromSpool(_ count: Int) async {
        var rest = count
        while rest > 0, let spool {
            // The spool may be writing them this very moment.
            if isSpooling {
                do { try await loop.sleep(for: .milliseconds(1)) } catch { return }
                continue
            }
            do {
                guard let page = try await spool.oldest(maximumCount: rest, maximumBytes: configuration.memoryBytes),
                    !page.jobs.isEmpty
                else {
                    return
                }
                rest -= page.jobs.count
                note(try await spool.remove(page))
            } catch {
                // They are pushed again then, and their ids make it harmless.
                return
            }
        }
    }

    private func takeBatch() {
        var count = 0
        var bytes = 0
        while count < waiting.count, count < configuration.batchJobs {
            let size = waiting[count].count
            if count > 0, bytes + size > configuration.batchBytes { break }
            bytes += size
            count += 1
        }
        if count == waiting.count {
            inFlight = waiting
            // A fresh array: removing would copy what `inFlight` shares.
            waiting = []
            waiting.reserveCapacity(count)
        } else {
            inFlight = Array(waiting[..<count])
            waiting.removeFirst(count)
        }
        inFlightBytes = bytes
        waitingBytes -= bytes
        inFlightIsSpooled = false
    }

    private func clearInFlight() {
        inFlight = []
        inFlightBytes = 0
        inFlightIsSpooled = false
    }

    private func confirmed(_ count: Int) {
        metrics.pushed.increment(by: count)
        pause = configuration.firstPause
        guard isAwayReported else { return }
        isAwayReported = false
        log.info("the log queue takes jobs again", ["spooled": String(spoolStatus.records)])
    }

    /// From now on jobs go to the spool.
    func divert(reason: String) {
        isDiverted = true
        guard !isAwayReported else { return }
        isAwayReported = true
        log.warning("the log queue is away: jobs go to the spool", ["error": reason])
    }

    private func backOff() {
        nextTry = .now + pause
        pause = min(pause * 2, configuration.longestPause)
    }

    // MARK: To the spool

    /// Writes all that waits to the spool, and what comes meanwhile.
    ///
    /// Without a spool, or with a broken one, nothing moves.
    ///
    /// - Parameter withInFlight: also, and first, the jobs whose push has not been answered.
    func spoolWaiting(withInFlight: Bool) async {
        guard let spool, !isSpooling else { return }
        isSpooling = true
        defer { isSpooling = false }
        if withInFlight, !inFlight.isEmpty, !inFlightIsSpooled {
            waiting.insert(contentsOf: inFlight, at: 0)
            waitingBytes += inFlightBytes
            inFlightIsSpooled = true
        }
        while !waiting.isEmpty, ContinuousClock.now >= nextSpoolTry {
            let jobs = waiting
            let bytes = waitingBytes
            waiting = []
            waitingBytes = 0
            spooling = jobs.count
            spoolingBytes = bytes
            do {
                note(try await spool.append(jobs))
                metrics.spooled.increment(by: jobs.count)
            } catch {
                if spoolLine.isDue() {
                    log.error("log jobs cannot be spooled: they wait in memory", ["error": error.description])
                }
                waiting.insert(contentsOf: jobs, at: 0)
                waitingBytes += bytes
                nextSpoolTry = .now + configuration.longestPause
            }
            spooling = 0
            spoolingBytes = 0
        }
    }

    /// Takes over the spool's own account.
    func note(_ status: Spool.Status) {
        let lost = status.dropped + status.damaged - spoolStatus.dropped - spoolStatus.damaged
        if lost > 0 { metrics.dropped.increment(by: lost) }
        spoolStatus = status
        metrics.spoolBytes.set(status.bytes)
        metrics.spoolDepth.set(status.records)
    }

    // MARK: From the spool to the queue

    /// Pushes the oldest page of the spool; when there is none, jobs go directly again.
    ///
    /// - Returns: false when the queue or the disk has to be left alone for a while.
    private func replay() async -> Bool {
        guard let spool else { return resume() }
        do {
            let page = try await spool.oldest(
                maximumCount: configuration.batchJobs, maximumBytes: configuration.batchBytes)
            guard let page else {
                note(await spool.status)
                // The overflow may be writing this very moment; then its jobs come before those in memory.
                guard !isSpooling else {
                    nextTry = .now + configuration.linger
                    return false
                }
                return spoolStatus.records > 0 || resume()
            }
            inFlight = page.jobs
            inFlightBytes = 0
            inFlightIsSpooled = true
            defer { clearInFlight() }
            try await queue.push(page.jobs)
            Failpoint.reach("bridge.spool.pushed")
            confirmed(page.jobs.count)
            note(try await spool.remove(page))
            return true
        } catch {
            metrics.failures.increment()
            backOff()
            return false
        }
    }

    private func resume() -> Bool {
        isDiverted = false
        isFirstRound = true
        return true
    }
}
