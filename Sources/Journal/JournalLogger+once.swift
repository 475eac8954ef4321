public import EventLoop
internal import JSON

extension JournalLogger {
    /// Writes one log job to a store, as a logger would.
    ///
    /// - Returns: why no database takes it; nil when it is written, or was before.
    /// - Throws: ``JournalStoreError`` when the store is away.
    public static func write(
        _ job: [UInt8], to store: any JournalStore, loop: EventLoop
    ) async throws(JournalStoreError) -> String? {
        // The logger would wait for a store that is away; whoever calls this would not.
        try await store.ping()
        let queue = MemoryJobQueue(loop: loop)
        do { try await queue.push([job]) } catch { return error.message }
        var configuration = Configuration()
        configuration.patience = .milliseconds(500)
        let logger = JournalLogger(loop: loop, queue: queue, store: store, configuration: configuration)
        await logger.stop(whenEmpty: true)
        await logger.run()
        let letters = await queue.dead()
        guard let letter = letters.first else {
            // Such jobs are given back.
            return await logger.written == 0
                ? "it is for a newer chatbridge, or tells of a message that is not in the database" : nil
        }
        return (try? JSONView(parsing: letter))?["error"].string ?? "no database takes it"
    }
}
