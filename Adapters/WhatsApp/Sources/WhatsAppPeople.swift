internal import BridgeCore
internal import JSON

/// The people of one `value`: who is meant by a phone number or a user id.
///
/// Since there are usernames a person may come without a number; the business-scoped user id (`US.1349…`) then names
/// them, and it stays when the number goes. So it is the name of the conversation wherever it is known.
struct WhatsAppPeople {
    private let contacts: [JSONView]

    init(_ value: JSONView) {
        contacts = Array(value["contacts"].elements)
    }

    /// One person.
    struct Person {
        /// The user id, else the number: who they are to us.
        var id: String
        /// The number in digits, where it is known.
        var phone: String?
        /// The name that people see.
        var name: String?
        /// The name by which others find them.
        var username: String?
    }

    /// The person with a number, a user id, or both; of those who have neither, the only one that the payload names.
    func person(phone: String?, userID: String?) -> Person? {
        let contact = contact(phone: phone, userID: userID)
        let profile = contact["profile"]
        let phone = phone ?? contact["wa_id"].identifier
        guard let id = userID ?? contact["user_id"].identifier ?? phone else { return nil }
        return Person(id: id, phone: phone, name: profile["name"].identifier, username: profile["username"].identifier)
    }

    private func contact(phone: String?, userID: String?) -> JSONView {
        if phone == nil, userID == nil { return contacts.count == 1 ? contacts[0] : .missing }
        return contacts.first { contact in
            if let phone, contact["wa_id"].identifier == phone { return true }
            if let userID, contact["user_id"].identifier == userID { return true }
            return false
        } ?? .missing
    }
}
