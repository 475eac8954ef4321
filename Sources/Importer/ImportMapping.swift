/// Says which tables and columns of a foreign store hold what; the content of `--map mapping.json`.
public struct ImportMapping: Sendable, Equatable {
    /// Reads a mapping from its JSON.
    ///
    /// - Throws: ``ImportMappingError`` with every problem found.
    public init(parsing json: [UInt8]) throws(ImportMappingError) {
        throw ImportMappingError(problems: ["nothing is known yet"])
    }

    /// A first mapping for a file, as JSON to be corrected by hand.
    ///
    /// - Throws: ``ImportSourceError``.
    public static func suggest(from path: String) async throws -> [UInt8] {
        throw ImportSourceError.unknownSchema(path: path, tables: [])
    }
}

/// What is wrong with a mapping: every problem, each with its place and the cure.
public struct ImportMappingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One sentence a problem.
    public var problems: [String]

    /// The problems, a line each.
    public var description: String { problems.joined(separator: "\n") }
}
