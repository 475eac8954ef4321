internal import CSimdJSON

/// A read-only view of one value in a parsed JSON document, which it keeps alive.
///
/// A value that is not there is a view too, of kind ``Kind/missing``, so that paths chain and one wrong field costs nothing
/// but that field:
///
/// ```swift
/// let update = try JSONView(parsing: body)
/// guard let chat = update["message"]["chat"]["id"].idString else { return .ignored }
/// ```
///
/// Every accessor returns nil for a value of another kind; none converts a string to a number or the like. Views are
/// immutable and may be read from any thread. A document costs about ten times its bytes of memory while a view of it lives:
/// copy out what is kept.
public struct JSONView: Sendable {
    /// What a value is.
    public enum Kind: Sendable, Hashable {
        /// No such member or element, or a part of something that is missing itself.
        case missing
        /// The literal `null`.
        case null
        /// `true` or `false`.
        case bool
        /// A number; ``JSONView/int``, ``JSONView/uint`` and ``JSONView/double`` say which type holds it.
        case number
        /// A string.
        case string
        /// An array.
        case array
        /// An object.
        case object
    }

    /// Nil for a missing value.
    let document: JSONDocument?
    let value: cb_json_value
    /// Which names the object may have members of, see ``indexed``; all of them as long as nobody has looked.
    private let names: UInt64

    init(document: JSONDocument?, value: cb_json_value, names: UInt64 = .max) {
        self.document = document
        self.value = value
        self.names = names
    }

    /// Parses one JSON document; the view is of its outermost value, of any kind.
    ///
    /// A leading byte order mark is skipped. Numbers that no 64-bit type holds are read as the nearest finite `Double`, and
    /// escaped surrogates without a partner as U+FFFD.
    ///
    /// - Throws: `JSONError` when the bytes are not one JSON document in UTF-8, or are nested deeper than 1,024.
    public init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
        self = try JSONDocument.parse(bytes).get()
    }

    /// Parses one JSON document from an array of bytes, as ``init(parsing:)-(UnsafeRawBufferPointer)`` does.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try bytes.withUnsafeBytes { JSONDocument.parse($0) }.get()
    }

    /// Parses one JSON document from a string, as ``init(parsing:)-(UnsafeRawBufferPointer)`` does.
    public init(parsing text: String) throws(JSONError) {
        var text = text
        self = try text.withUTF8 { JSONDocument.parse(UnsafeRawBufferPointer($0)) }.get()
    }

    /// The view of nothing.
    public static var missing: JSONView { JSONView(document: nil, value: cb_json_value()) }

    /// The member of that name; missing when this is no object or has none.
    ///
    /// Of members with the same name, it is the first.
    public subscript(_ key: String) -> JSONView {
        // A native string, as nearly every one is, lends its bytes without a copy.
        if let member = key.utf8.withContiguousStorageIfAvailable({ member($0.baseAddress, $0.count) }) {
            return member
        }
        let copy = Array(key.utf8)
        return member(copy, copy.count)
    }

    private func member(_ key: UnsafePointer<UInt8>?, _ count: Int) -> JSONView {
        guard names == .max || names & cb_json_name_bit(key, count) != 0 else { return .missing }
        return part { value, found in cb_json_find(value, key, count, &found) }
    }

    /// The same object, whose members have been looked over once so that to ask for one that is not there costs next to nothing.
    ///
    /// For objects that are asked for many members, few of which they have.
    public var indexed: JSONView {
        guard let names = read({ cb_json_names($0) }) else { return self }
        return JSONView(document: document, value: value, names: names)
    }

    /// The element at that position, counted from 0; missing when this is no array or is shorter.
    ///
    /// It walks from the start of the array: loop over ``elements`` instead of counting.
    public subscript(_ index: Int) -> JSONView {
        part { value, found in index >= 0 && cb_json_at(value, index, &found) }
    }

    /// What the value is.
    public var kind: Kind {
        read { Kind(of: $0) } ?? .missing
    }

    /// Whether there is a value, `null` included.
    public var exists: Bool { document != nil }

    /// Whether the value is the literal `null`; a missing value is not.
    public var isNull: Bool { read { cb_json_kind_of($0) == CB_JSON_KIND_NULL } ?? false }

    /// The text of a string.
    public var string: String? {
        read { value in
            var start: UnsafePointer<UInt8>?
            var count = 0
            guard cb_json_string(value, &start, &count) else { return nil }
            return String(trusted: UnsafeBufferPointer(start: start, count: count))
        }
    }

    /// The value of an integer within `Int64`; a number written with a fraction or an exponent (`1.0`, `1e3`) is none.
    public var int: Int64? {
        var number: Int64 = 0
        return read { cb_json_int($0, &number) ? number : nil }
    }

    /// The value of an integer within `UInt64`; a number written with a fraction or an exponent (`1.0`, `1e3`) is none.
    public var uint: UInt64? {
        var number: UInt64 = 0
        return read { cb_json_uint($0, &number) ? number : nil }
    }

    /// The value of any number, rounded to the nearest `Double`.
    public var double: Double? {
        var number: Double = 0
        return read { cb_json_double($0, &number) ? number : nil }
    }

    /// The value of `true` or `false`.
    public var bool: Bool? {
        var truth = false
        return read { cb_json_bool($0, &truth) ? truth : nil }
    }

    /// A string as it is, or an integer of 64 bits in decimal: platforms write identifiers both ways.
    public var idString: String? {
        if let string { return string }
        if let int { return String(decimal: int) }
        return uint.map { String($0) }
    }

    /// The number of elements of an array or members of an object; 0 for anything else.
    public var count: Int { read { cb_json_count($0) } ?? 0 }

    /// The elements of an array, in order; none for anything else.
    public var elements: JSONElements { JSONElements(self) }

    /// The members of an object, in the order written, repeated names included; none for anything else.
    public var members: JSONMembers { JSONMembers(self) }

    // The C value is a bare pointer into the document, so the view is held (borrowed: no reference is counted) until the
    // reading is done.
    @inline(__always)
    private func read<Result>(_ body: (cb_json_value) -> Result?) -> Result? {
        withExtendedLifetime(self) { document != nil ? body(value) : nil }
    }

    @inline(__always)
    private func part(_ find: (cb_json_value, inout cb_json_value) -> Bool) -> JSONView {
        withExtendedLifetime(self) {
            var found = cb_json_value()
            guard document != nil, find(value, &found) else { return .missing }
            return JSONView(document: document, value: found)
        }
    }
}

extension JSONView.Kind {
    /// What a parsed value is; never `missing`.
    init(of value: cb_json_value) {
        switch cb_json_kind_of(value) {
        case CB_JSON_KIND_BOOL: self = .bool
        case CB_JSON_KIND_INT, CB_JSON_KIND_UINT, CB_JSON_KIND_DOUBLE: self = .number
        case CB_JSON_KIND_STRING: self = .string
        case CB_JSON_KIND_ARRAY: self = .array
        case CB_JSON_KIND_OBJECT: self = .object
        default: self = .null
        }
    }
}
