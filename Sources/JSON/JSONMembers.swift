internal import CSimdJSON

/// The members of a JSON object, in the order written.
public struct JSONMembers: Sequence, Sendable {
    private let object: JSONView

    init(_ object: JSONView) {
        self.object = object
    }

    /// Starts at the first member.
    public func makeIterator() -> Iterator {
        Iterator(object)
    }

    /// Walks the members once.
    public struct Iterator: IteratorProtocol {
        /// Nil when there is nothing to walk.
        private let document: JSONDocument?
        private var cursor = cb_json_cursor()

        init(_ object: JSONView) {
            document = object.document != nil && cb_json_members(object.value, &cursor) ? object.document : nil
        }

        /// The next member, or nil at the end.
        public mutating func next() -> (key: String, value: JSONView)? {
            var start: UnsafePointer<UInt8>?
            var count = 0
            var value = cb_json_value()
            guard let document, cb_json_next_member(&cursor, &start, &count, &value) else { return nil }
            return withExtendedLifetime(document) {
                let key = String(trusted: UnsafeBufferPointer(start: start, count: count))
                return (key, JSONView(document: document, value: value))
            }
        }
    }
}
