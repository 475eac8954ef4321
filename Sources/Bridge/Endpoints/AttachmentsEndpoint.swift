internal import BridgeCore
internal import EventLoop
internal import HTTPCore
public import HTTPServer
internal import JSON
public import Journal
public import ObjectStorage

/// `GET /api/attachments/{message-id}/{n}`: where the copy of an attachment may be fetched for a quarter of an hour.
///
/// Answers 302 to a presigned link; 404 where there is no such message or attachment, or no copy of it (yet).
public struct AttachmentsEndpoint: Sendable {
    /// How long a link holds; long enough for a slow reader, short enough for a link that is passed on.
    private static let linkDuration = Duration.seconds(900)

    private let store: ObjectStore
    private let messages: any AttachmentLookup
    private let access: APIAccess

    /// The endpoint over a bucket and the messages' table.
    public init(store: ObjectStore, messages: any AttachmentLookup, access: APIAccess) {
        self.store = store
        self.messages = messages
        self.access = access
    }

    /// Answers one request.
    public func respond(to request: HTTPRequest, message: String, attachment: String) -> HTTPResult {
        if let refusal = access.refusal(of: request, to: "fetch attachments") { return .now(refusal) }
        guard let id = UUID(message), attachment.utf8.count <= 4, let index = Int(attachment), index >= 0 else {
            return .now(
                .error(
                    .badRequest, code: "invalid_path",
                    message: "/api/attachments/{message-id}/{n} is expected, with the message's UUID and n from 0."))
        }
        return .later { await respond(message: id, index: index) }
    }

    private func respond(message: UUID, index: Int) async -> HTTPResponse {
        let attachments: [UInt8]?
        do throws(JournalStoreError) {
            attachments = try await messages.attachments(of: message)
        } catch {
            return .error(
                .serviceUnavailable, code: "database_away", message: "The database does not answer; try again.",
                headers: ["Retry-After": "5"])
        }
        guard let attachments else {
            return .error(.notFound, code: "no_such_message", message: "There is no such message, or not yet.")
        }
        let list = (try? JSONView(parsing: attachments)) ?? .missing
        guard list.kind == .array, index < list.count else {
            return .error(.notFound, code: "no_such_attachment", message: "The message has no such attachment.")
        }
        let stored = list[index]["stored"]
        guard let bucket = stored["bucket"].string, let key = stored["key"].string else {
            return .error(
                .notFound, code: "not_stored",
                message: "There is no copy of this attachment, or not yet; the message has the platform's reference.")
        }
        return HTTPResponse(
            HTTPStatus(302),
            headers: [
                "Location": store.link(to: key, in: bucket, for: AttachmentsEndpoint.linkDuration),
                // Whoever may not ask must not find the answer in a cache; and nobody learns the link from a Referer.
                "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
            ])
    }
}
