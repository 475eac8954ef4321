internal import CSimdJSON

/// A value of a document that is lent for the time of one closure: what ``JSONView`` reads, without counting references.
///
/// For loops over many small documents, where the counting and the strings of ``JSONView`` cost more than the parsing. Neither
/// the value nor what it gives may leave the closure.
public struct UnsafeJSONValue {
    private let value: cb_json_value

    private init(_ value: cb_json_value) {
        self.value = value
    }

    /// Parses one document of JSON, strictly, and lends its outermost value.
    ///
    /// - Returns: nil when the bytes are no JSON; ``JSONView`` may be able to mend them.
    public static func parse<Result>(_ bytes: [UInt8], _ body: (UnsafeJSONValue) -> Result) -> Result? {
        var root = cb_json_value()
        var status = CB_JSON_OK
        let parsed = bytes.withUnsafeBufferPointer { cb_json_parse($0.baseAddress, $0.count, &root, &status) }
        guard let parsed else { return nil }
        defer { cb_json_release(parsed) }
        return body(UnsafeJSONValue(root))
    }

    /// What the value is; never `missing`.
    public var kind: JSONView.Kind { JSONView.Kind(of: value) }

    /// The UTF-8 of a string, its escapes resolved; nil for anything else.
    public var utf8: UnsafeRawBufferPointer? {
        var start: UnsafePointer<UInt8>?
        var count = 0
        guard cb_json_string(value, &start, &count) else { return nil }
        return UnsafeRawBufferPointer(start: start, count: count)
    }

    /// The value of an integer within `Int64`.
    public var int: Int64? {
        var number: Int64 = 0
        return cb_json_int(value, &number) ? number : nil
    }

    /// The number of elements of an array or members of an object; 0 for anything else.
    public var count: Int { cb_json_count(value) }

    /// Calls a closure with each member of an object, in the order written, repeated names included.
    ///
    /// - Returns: false when it is no object.
    @discardableResult
    public func forEachMember(_ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeJSONValue) -> Void) -> Bool {
        var cursor = cb_json_cursor()
        guard cb_json_members(value, &cursor) else { return false }
        var key: UnsafePointer<UInt8>?
        var count = 0
        var member = cb_json_value()
        while cb_json_next_member(&cursor, &key, &count, &member) {
            body(UnsafeRawBufferPointer(start: key, count: count), UnsafeJSONValue(member))
        }
        return true
    }

    /// Appends the value and all that is in it as JSON text without white space.
    public func append(to bytes: inout [UInt8]) {
        let written = withUnsafeMutablePointer(to: &bytes) { bytes in
            cb_json_minify(value, bytes) { context, start, count in
                guard let bytes = context?.assumingMemoryBound(to: [UInt8].self) else { return }
                bytes.pointee.append(contentsOf: UnsafeBufferPointer(start: start, count: count))
            }
        }
        precondition(written, "memory ran out while copying a JSON value")
    }
}
