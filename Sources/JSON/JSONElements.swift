internal import CSimdJSON

/// The elements of a JSON array, in order.
public struct JSONElements: Sequence, Sendable {
    private let array: JSONView

    init(_ array: JSONView) {
        self.array = array
    }

    /// Starts at the first element.
    public func makeIterator() -> Iterator {
        Iterator(array)
    }

    /// Walks the elements once.
    public struct Iterator: IteratorProtocol {
        /// Nil when there is nothing to walk.
        private let document: JSONDocument?
        private var cursor = cb_json_cursor()

        init(_ array: JSONView) {
            document = array.document != nil && cb_json_elements(array.value, &cursor) ? array.document : nil
        }

        /// The next element, or nil at the end.
        public mutating func next() -> JSONView? {
            var element = cb_json_value()
            guard let document, cb_json_next_element(&cursor, &element) else { return nil }
            return JSONView(document: document, value: element)
        }
    }
}
