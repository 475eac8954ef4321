internal import BridgeCore
internal import Journal

/// A page of a source, as it is or already made into something.
protocol PageInHand: Sendable {
    /// The checkpoint behind it.
    var next: ImportPosition? { get }
    /// How long its texts are.
    var bytes: Int { get }
}

extension ImportPage: PageInHand {
    /// How many rows of the source it is made of.
    var rowsRead: Int { rows.count + rejected.count + (changes[.leftOut] ?? 0) }

    var bytes: Int {
        var bytes = 0
        for case let message as LogMessage in rows {
            bytes += (message.text?.utf8.count ?? 0) + message.attachments.count + message.metadata.count
        }
        return bytes
    }
}

/// Messages with the rows that they become, without those of people who were forgotten.
struct MessagePage: PageInHand {
    let page: ImportPage<LogMessage>
    let messages: [LogMessage]
    let rows: MessageRows
    let bytes: Int
    /// The number of the latest erasure that was known.
    let number: Int64

    var next: ImportPosition? { page.next }
    /// How many messages were left out.
    var erased: Int { page.rows.count - messages.count }

    init(_ page: ImportPage<LogMessage>, without erasures: Erasures) {
        self.page = page
        bytes = page.bytes
        number = erasures.number
        messages = page.rows.contains(where: erasures.cover) ? page.rows.filter { !erasures.cover($0) } : page.rows
        var rows = MessageRows(capacity: messages.count, bytes: bytes + messages.count * 64)
        for message in messages { rows.append(message) }
        self.rows = rows
    }
}

extension Erasures {
    /// Whether a session is of somebody who was forgotten after all of it.
    func cover(_ session: ImportedSession) -> Bool {
        cover(
            LogMessage(
                id: session.id, at: session.lastActivity,
                session: .init(
                    id: session.id, platform: session.platform, account: session.account,
                    conversation: session.conversation, user: session.user),
                direction: .inbound, text: nil, status: .received))
    }
}

/// Reads a source page by page, one ahead of who works on them.
struct PageReader: Sendable {
    /// The most rows of a page.
    let pageSize: Int

    /// The bytes of a page that ought to be enough.
    private static let pageBytes = 8 << 20

    /// Calls a closure with each page, and reads the next one meanwhile.
    ///
    /// - Parameters:
    ///   - start: where the first page begins.
    ///   - read: reads a page behind a position, of so many rows at most.
    func forEach<Page: PageInHand>(
        from start: ImportPosition?, reading read: @escaping @Sendable (ImportPosition?, Int) async throws -> Page,
        _ body: (Page) async throws -> Void
    ) async throws {
        var limit = pageSize
        var page: Page? = try await read(start, limit)
        while let current = page {
            limit = nextLimit(after: current, limit: limit)
            let (next, most) = (current.next, limit)
            async let following = Self.page(behind: next, most, read)
            try await body(current)
            page = try await following
        }
    }

    private static func page<Page: PageInHand>(
        behind position: ImportPosition?, _ limit: Int,
        _ read: @Sendable (ImportPosition?, Int) async throws -> Page
    ) async throws -> Page? {
        guard let position else { return nil }
        return try await read(position, limit)
    }

    /// Fewer rows where they are long, so that a page's memory stays within bounds, and more again where they are not.
    private func nextLimit(after page: some PageInHand, limit: Int) -> Int {
        let bytes = page.bytes
        if bytes > Self.pageBytes { return max(10, min(limit, limit * Self.pageBytes / bytes)) }
        return bytes > Self.pageBytes / 2 ? limit : min(pageSize, limit * 2)
    }
}
