/// The header fields of a request or response: an ordered list whose names are compared without case (RFC 9110, section 5).
///
/// Messages carry a dozen fields, so look-ups walk the list: that is faster than hashing, and keeps order and repeats.
public struct HTTPFields: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    /// One field line.
    public struct Field: Sendable, Equatable {
        /// The field's name as it was given; compare it without case.
        public var name: String
        /// The field's value without surrounding white space.
        public var value: String

        /// A field line of these two; the caller has checked both (RFC 9110, section 5.5).
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The field lines in their order, repeats included.
    public var fields: [Field]

    /// No fields.
    public init() {
        fields = []
    }

    /// These field lines, in this order.
    public init(_ fields: [Field]) {
        self.fields = fields
    }

    /// These field lines, in this order.
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    /// The first value under a name; setting it replaces every line of that name, nil removes them.
    public subscript(name: String) -> String? {
        get {
            for field in fields where HTTPFields.isSameName(field.name, name) { return field.value }
            return nil
        }
        set {
            fields.removeAll { HTTPFields.isSameName($0.name, name) }
            if let newValue { fields.append(Field(name: name, value: newValue)) }
        }
    }

    /// Every value under a name, in order.
    public func values(of name: String) -> [String] {
        fields.lazy.filter { HTTPFields.isSameName($0.name, name) }.map(\.value)
    }

    /// Adds a line and keeps those of the same name.
    public mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// True when two field names are the same but for the case of ASCII letters.
    public static func isSameName(_ left: String, _ right: String) -> Bool {
        // Most names differ in length already, and lengths are known without looking at the bytes.
        guard left.utf8.count == right.utf8.count else { return false }
        let fast = left.utf8.withContiguousStorageIfAvailable { left in
            right.utf8.withContiguousStorageIfAvailable { right in isSameName(left, right) }
        }
        if let same = fast, let same { return same }
        return Array(left.utf8).withUnsafeBufferPointer { left in
            Array(right.utf8).withUnsafeBufferPointer { right in isSameName(left, right) }
        }
    }

    private static func isSameName(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        for index in left.indices {
            let difference = left[index] ^ right[index]
            // Letters differ by the bit 0x20 alone; '@' and '`' do too, hence the range check.
            guard difference == 0 || (difference == 0x20 && (0x61...0x7A).contains(left[index] | 0x20)) else {
                return false
            }
        }
        return true
    }
}
