public import JSON

extension JSONView {
    /// An identifier: a string that is not empty, or a whole number in decimal.
    public var identifier: String? {
        guard let id = idString, !id.isEmpty else { return nil }
        return id
    }
}
