internal import JSON

/// Says which tables and columns of a foreign store hold what; the content of `--map mapping.json`.
///
/// The format, with an example, is in docs/import.md. A mapping without tables may still name accounts, for a store that is
/// recognised by itself.
public struct ImportMapping: Sendable, Equatable {
    /// Part of every id that is derived, so that message 1 of one bot is not message 1 of another; empty without tables.
    var name = ""
    /// The account of each platform's conversations, where nothing else says so.
    var accounts: [String: String] = [:]
    /// Where sessions come from; nil without tables.
    var sessions: Sessions?
    /// Where messages come from; nil without tables.
    var messages: Messages?

    /// What a session is made of.
    struct Sessions: Sendable, Equatable {
        /// Nil: a session is what its first message says of it.
        var table: String?
        var id = Field()
        var platform = Field()
        var account = Field()
        var conversation = Field()
        var thread = Field()
        var user = Field()
        var status = Field()
        var createdAt = Field()
        var lastActivity = Field()
        var metadata = Field()
    }

    /// What a message is made of.
    struct Messages: Sendable, Equatable {
        var table = ""
        var id = Field()
        var session = Field()
        var direction = Field()
        var createdAt = Field()
        var text = Field()
        var sender = Field()
        var type = Field()
        var attachments = Field()
        var request = Field()
        var status = Field()
        var metadata = Field()
    }

    /// Where one value comes from.
    struct Field: Sendable, Equatable {
        /// The columns: one, but for keys and metadata.
        var columns: [String] = []
        /// The same value for every row.
        var constant: String?
        /// Names of members to go down within a column of JSON.
        var path: [String] = []
        /// What values become; nil leaves the row out.
        var values: [String: String?]?
        /// What values become that are not among ``values``.
        var otherwise: String?
        var time = TimeFormat.auto
        /// How many seconds local times are ahead of UTC.
        var offset: Int64 = 0
        /// Whether metadata is a list of columns to be gathered, not a column of JSON.
        var isList = false

        /// Whether the mapping says anything.
        var isGiven: Bool { constant != nil || !columns.isEmpty }
    }

    /// Reads a mapping from its JSON.
    ///
    /// - Throws: ``ImportMappingError`` with every problem found.
    public init(parsing json: [UInt8]) throws(ImportMappingError) {
        let root: JSONView
        do { root = try JSONView(parsing: json) } catch {
            throw ImportMappingError(problems: ["the mapping is not JSON: \(error)"])
        }
        var reader = MappingReader()
        self = reader.mapping(root)
        guard reader.problems.isEmpty else { throw ImportMappingError(problems: reader.problems) }
    }

    init() {}
}
