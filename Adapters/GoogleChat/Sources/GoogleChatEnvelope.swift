internal import BridgeCore
internal import JSON

/// Tells the three envelopes apart in which Google Chat's events come.
enum GoogleChatEnvelope {
    /// The events of a body; nil when it is in none of the envelopes.
    static func events(in root: JSONView, fallbackID: @escaping () -> String) -> [InboundEvent]? {
        // A Workspace add-on: the event is named by the one payload that is there.
        if root["chat"].kind == .object || root["commonEventObject"].kind == .object {
            return interaction(ofAddOn: root, fallbackID: fallbackID).events()
        }
        // The classic form says its type.
        if let type = root["type"].string, !type.isEmpty {
            return interaction(classic: root, type: type, fallbackID: fallbackID).events()
        }
        // A push of Pub/Sub, with an event of Google Workspace inside.
        let message = root["message"]
        if message.kind == .object,
            root["subscription"].exists || message["data"].exists || message["attributes"].exists
        {
            return GoogleChatPushReader(message: message, fallbackID: fallbackID).events()
        }
        return nil
    }

    private static func interaction(
        classic root: JSONView, type: String, fallbackID: @escaping () -> String
    ) -> GoogleChatInteractionReader {
        let kind: GoogleChatInteractionReader.Kind =
            switch type {
            case "MESSAGE": .message
            case "ADDED_TO_SPACE": .added
            case "REMOVED_FROM_SPACE": .removed
            case "CARD_CLICKED": .button
            case "APP_COMMAND": .command
            default: .other(type)
            }
        var message = root["message"]
        if !message.exists { message = root["appCommandMetadata"]["message"] }
        return GoogleChatInteractionReader(
            kind: kind, root: root, payload: root, space: root["space"], message: message, user: root["user"],
            time: root["eventTime"], common: root["common"], fallbackID: fallbackID)
    }

    private static func interaction(
        ofAddOn root: JSONView, fallbackID: @escaping () -> String
    ) -> GoogleChatInteractionReader {
        let chat = root["chat"]
        let payloads: [(name: String, kind: GoogleChatInteractionReader.Kind)] = [
            ("messagePayload", .message), ("addedToSpacePayload", .added), ("removedFromSpacePayload", .removed),
            ("buttonClickedPayload", .button), ("appCommandPayload", .command),
        ]
        let found = payloads.first { chat[$0.name].kind == .object }
        let other = chat.members.first { $0.key.hasSuffix("Payload") }
        let payload = found.map { chat[$0.name] } ?? other?.value ?? .missing
        return GoogleChatInteractionReader(
            kind: found?.kind ?? .other(other?.key ?? "addon"), root: root, payload: payload, space: payload["space"],
            message: payload["message"], user: chat["user"], time: chat["eventTime"], common: root["commonEventObject"],
            fallbackID: fallbackID)
    }
}
