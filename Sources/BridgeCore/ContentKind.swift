/// What an event is, whatever its platform calls it; the value of `content_type` in the tables.
public enum ContentKind: String, Sendable, CaseIterable {
    /// Words.
    case text
    /// A picture.
    case image
    /// Sound: music or a voice note.
    case audio
    /// Moving pictures.
    case video
    /// Any other file.
    case file
    /// A sticker or a large emoji.
    case sticker
    /// A place.
    case location
    /// A person's card.
    case contact
    /// An earlier message has a new text.
    case edited
    /// An earlier message is gone.
    case deleted
    /// Somebody reacted to a message, or took that back.
    case reaction
    /// Somebody came into the conversation.
    case joined
    /// Somebody left the conversation, or blocked the bot.
    case left
    /// A button or menu item was used.
    case button
    /// A command, as `/start`.
    case command
    /// News of a message that we sent: delivered, read, failed.
    case status
    /// Anything else, kept for the record.
    case event
}
