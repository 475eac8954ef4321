extension ImportMapping {
    /// A first mapping for a file, as JSON to be corrected by hand.
    ///
    /// Tables and columns are guessed by their names, foreign keys and some of their values. What could not be guessed, and
    /// what has to be looked at, stands under `notes`.
    ///
    /// - Throws: ``ImportSourceError``, also when no table looks as if it held messages.
    public static func suggest(from path: String) async throws -> [UInt8] {
        let file = try await SourceFile.open(path)
        do throws(ImportSourceError) {
            guard var suggestion = try await MappingSuggestion(file: file) else {
                throw .unknownSchema(path: path, tables: file.tables.map(\.name))
            }
            let json = try await suggestion.json()
            await file.close()
            return json
        } catch {
            await file.close()
            throw error
        }
    }
}
