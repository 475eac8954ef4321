internal import BridgeCore

/// The URLs of the Bot API's methods, joined once: they hold the token and stand in every request.
struct TelegramMethods: Sendable {
    let sendMessage: String
    let editMessageText: String
    let sendChatAction: String
    let answerCallbackQuery: String
    let answerGuestQuery: String
    let getUpdates: String
    let getMe: String
    let getWebhookInfo: String
    let setWebhook: String
    let deleteWebhook: String
    let sendPhoto: String
    let sendAudio: String
    let sendVideo: String
    let sendDocument: String
    let getFile: String
    /// What the path of a file is put behind.
    let files: String

    init(apiBase: String, token: Secret) {
        let base = "\(apiBase)/bot\(token.value)/"
        sendMessage = base + "sendMessage"
        editMessageText = base + "editMessageText"
        sendChatAction = base + "sendChatAction"
        answerCallbackQuery = base + "answerCallbackQuery"
        answerGuestQuery = base + "answerGuestQuery"
        getUpdates = base + "getUpdates"
        getMe = base + "getMe"
        getWebhookInfo = base + "getWebhookInfo"
        setWebhook = base + "setWebhook"
        deleteWebhook = base + "deleteWebhook"
        sendPhoto = base + "sendPhoto"
        sendAudio = base + "sendAudio"
        sendVideo = base + "sendVideo"
        sendDocument = base + "sendDocument"
        getFile = base + "getFile"
        files = "\(apiBase)/file/bot\(token.value)/"
    }
}
