public import JSON

/// Named values that go with a message into its `metadata` column, in the order in which they were added.
public struct Metadata: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    /// One value.
    public enum Value: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
        ExpressibleByBooleanLiteral
    {
        /// Text.
        case string(String)
        /// A whole number.
        case integer(Int64)
        /// A number.
        case number(Double)
        /// True or false.
        case boolean(Bool)
        /// Bytes that are JSON already.
        case json([UInt8])

        /// Text.
        public init(stringLiteral value: String) { self = .string(value) }
        /// A whole number.
        public init(integerLiteral value: Int64) { self = .integer(value) }
        /// True or false.
        public init(booleanLiteral value: Bool) { self = .boolean(value) }
    }

    /// One named value.
    public struct Field: Sendable, Equatable {
        /// The name, unique within the metadata.
        public var name: String
        /// What stands under it.
        public var value: Value
    }

    /// The named values in their order.
    public private(set) var fields: [Field] = []

    /// Nothing.
    ///
    /// - Parameter capacity: how many values there will be, as far as that is known.
    public init(capacity: Int = 0) {
        fields.reserveCapacity(capacity)
    }

    /// These values, in this order.
    public init(dictionaryLiteral elements: (String, Value)...) {
        for (name, value) in elements { self[name] = value }
    }

    /// True when there is nothing in it.
    public var isEmpty: Bool { fields.isEmpty }

    /// The value under a name; setting it replaces an earlier one, nil removes it.
    public subscript(name: String) -> Value? {
        get { fields.first { $0.name == name }?.value }
        set {
            let index = fields.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): fields[index].value = value
            case (let index?, nil): fields.remove(at: index)
            case (nil, let value?): fields.append(Field(name: name, value: value))
            case (nil, nil): break
            }
        }
    }

    /// Adds text under a name unless there is none.
    public mutating func add(_ name: String, _ text: String?) {
        if let text { self[name] = .string(text) }
    }

    /// Writes the fields into an object that is open.
    public func writeFields(to writer: inout JSONWriter) {
        for field in fields {
            writer.key(field.name)
            switch field.value {
            case .string(let text): writer.value(text)
            case .integer(let number): writer.value(number)
            case .number(let number): writer.value(number)
            case .boolean(let flag): writer.value(flag)
            case .json(let bytes): writer.raw(bytes)
            }
        }
    }
}
