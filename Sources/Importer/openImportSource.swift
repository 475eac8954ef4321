internal import SQLite

/// Opens a file for reading and recognises by its tables what it is.
///
/// With a mapping that has tables, these are read as it says, whatever else is there. For Mastra's store and a mapping one scan
/// of the messages puts them into order first; it takes a few seconds for a million, and about 100 bytes a message on disk.
///
/// - Throws: ``ImportSourceError``, with the cause and the cure.
public func openImportSource(path: String, mapping: ImportMapping?) async throws -> any ImportSource {
    let file = try await SourceFile.open(path)
    do {
        return try await recognised(file, mapping)
    } catch {
        await file.close()
        throw error
    }
}

private func recognised(_ file: SourceFile, _ mapping: ImportMapping?) async throws -> any ImportSource {
    let accounts = mapping?.accounts ?? [:]
    if let mapper = try await mapping?.mapper(for: file) {
        return try await OrderedSource(file: file, mapper: mapper)
    }
    if let messages = file.table("messages"), let sessions = file.table("sessions"),
        sessions.has("platform_conversation_id"), messages.has("session_id", "direction")
    {
        return try ChatBridgeSource(file: file)
    }
    if let messages = file.table("mastra_messages") {
        func numbered(_ name: String) async throws -> SourceTable? {
            guard let table = file.table(name) else { return nil }
            return try await file.numbered(table)
        }
        let mapper = try MastraMapper(
            messages: try await file.numbered(messages), threads: try await numbered("mastra_threads"),
            resources: file.table("mastra_resources"), accounts: accounts)
        return try await OrderedSource(file: file, mapper: mapper)
    }
    throw ImportSourceError.unknownSchema(path: file.path, tables: file.tables.map(\.name))
}
