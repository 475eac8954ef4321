internal import BridgeCore
internal import JSON

/// What a control of a card says.
enum FeishuChoice {
    /// Its words where there are some: the option, what was typed, a value that says what was chosen; else all of it as JSON.
    static func text(of action: JSONView) -> String? {
        if let option = action["option"].identifier ?? action["input_value"].identifier { return option }
        let options = action["options"].elements.compactMap(\.identifier)
        if !options.isEmpty { return options.joined(separator: " ") }
        let value = action["value"]
        if let text = value.identifier { return text }
        for name in ["value", "action", "actionId", "action_id", "choice", "text", "key", "id"] {
            if let text = value[name].identifier { return text }
        }
        for part in [action["form_value"], value] where part.kind == .object && part.count > 0 {
            var writer = JSONWriter()
            writer.value(part)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
        return action["name"].identifier ?? action["tag"].identifier
    }
}
