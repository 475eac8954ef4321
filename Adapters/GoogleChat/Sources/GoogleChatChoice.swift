internal import BridgeCore
internal import JSON

/// What a control of a card says: its function, its parameters and what was filled in.
struct GoogleChatChoice {
    /// `action` of the classic envelope: a method name and a list of keys and values.
    let action: JSONView
    /// `common` or `commonEventObject`: a function, an object of parameters, and the form.
    let common: JSONView

    /// The function that the card names.
    var function: String? {
        common["invokedFunction"].identifier ?? action["actionMethodName"].identifier
    }

    /// The parameters, in whichever form they are.
    var parameters: JSONView {
        common["parameters"].exists ? common["parameters"] : action["parameters"]
    }

    /// The words of it: a parameter that says what was chosen, else what was filled in, else the function.
    var text: String? {
        for name in ["value", "actionId", "action", "choice", "text", "id"] {
            if let value = parameter(name) { return value }
        }
        let inputs = common["formInputs"].members.flatMap { _, input in
            input["stringInputs"]["value"].elements.compactMap(\.identifier)
        }
        if !inputs.isEmpty { return inputs.joined(separator: " ") }
        return function ?? values.first
    }

    private func parameter(_ name: String) -> String? {
        if common["parameters"].exists { return common["parameters"][name].identifier }
        return action["parameters"].elements.first { $0["key"].string == name }?["value"].identifier
    }

    private var values: [String] {
        common["parameters"].exists
            ? common["parameters"].members.compactMap { $0.value.identifier }
            : action["parameters"].elements.compactMap(\.["value"].identifier)
    }
}
