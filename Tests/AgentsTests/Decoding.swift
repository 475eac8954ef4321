import BridgeCore
import HTTPCore
import Testing

@testable import Agents

/// A turn as the engine makes it, for the tests of all agents.
func turn(
    _ text: String = "hi", thread: String? = nil,
    sender: InboundEvent.Sender? = .init(id: PlatformUserID("42"), name: "Ada"),
    attachments: [BridgeCore.Attachment] = [], metadata: Metadata = [:], history: [AgentTurn.Message] = [],
    media: [AgentTurn.Media] = [], continuation: String? = nil, isStreaming: Bool = false
) -> AgentTurn {
    let event = InboundEvent(
        id: EventID("e1"), kind: .text, disposition: .answer,
        place: .init(conversation: ConversationID("-100"), thread: thread.map { ThreadID($0) }), sender: sender,
        messageID: PlatformMessageID("581"), text: text, attachments: attachments,
        sentAt: Timestamp(seconds: 1_800_000_000), metadata: metadata)
    var turn = AgentTurn(
        id: UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001), platform: PlatformName("telegram"),
        event: event, text: text, history: history, media: media, isStreaming: isStreaming)
    turn.continuation = continuation
    return turn
}

/// The request and the decoder of a turn.
func asked(_ agent: any Agent, _ turn: AgentTurn) throws -> (request: OutboundRequest, decoder: any AgentDecoder) {
    guard case .request(let request, let decoder) = agent.ask(turn) else {
        throw AgentFailure(.malformed, "no request")
    }
    return (request, decoder)
}

/// What a decoder says of a response that arrives in these chunks.
func decode(
    _ chunks: [[UInt8]], with decoder: any AgentDecoder, status: Int = 200, contentType: String? = nil
) -> [AgentEvent] {
    var decoder = decoder
    var headers = HTTPFields()
    headers["Content-Type"] = contentType
    decoder.begin(OutboundResponse(status: HTTPStatus(status), headers: headers))
    var events: [AgentEvent] = []
    for chunk in chunks { events += decoder.decode(chunk) }
    return events + decoder.end()
}

/// What a decoder says of a response that arrives whole.
func decode(
    _ body: String, with decoder: any AgentDecoder, status: Int = 200, contentType: String? = nil
) -> [AgentEvent] {
    decode([Array(body.utf8)], with: decoder, status: status, contentType: contentType)
}

/// Checks that a response means the same whole, byte by byte, cut at every place, and with empty chunks between.
func expectSameHoweverCut(
    _ body: [UInt8], _ expected: [AgentEvent], with decoder: any AgentDecoder, contentType: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    func check(_ chunks: [[UInt8]], _ how: String) {
        let events = decode(chunks, with: decoder, contentType: contentType)
        #expect(events == expected, "\(how)", sourceLocation: sourceLocation)
    }
    check([body], "whole")
    check(body.map { [$0] }, "byte by byte")
    check(body.flatMap { [[$0], []] }, "with empty chunks")
    for cut in 0...body.count { check([Array(body[..<cut]), Array(body[cut...])], "cut at byte \(cut)") }
}

/// The texts of the events, joined, and the last event.
func outcome(_ events: [AgentEvent]) -> (text: String, last: AgentEvent?) {
    let texts = events.compactMap { event -> String? in
        if case .text(let text) = event { text } else { nil }
    }
    return (texts.joined(), events.last)
}

/// The kind of the failure with which the events end.
func failure(_ events: [AgentEvent]) -> AgentFailure? {
    if case .failed(let failure) = events.last { failure } else { nil }
}
