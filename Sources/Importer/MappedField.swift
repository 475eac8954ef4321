internal import BridgeCore
internal import JSON
internal import SQLite

/// A field of a mapping, with the place of its column among those of a statement.
struct MappedField: Sendable {
    let name: String
    let field: ImportMapping.Field
    /// The first of its columns; nil when it has none.
    let place: Int?

    /// A value's text after all that the mapping says of it.
    enum Value: Equatable {
        case none
        case text(String)
        /// The mapping leaves such rows out.
        case leftOut
        /// The mapping has no word for this value.
        case unknown(String)
    }

    /// Reads the field; `base` is where the statement's mapped columns start.
    func value(_ row: borrowing SQLiteCursor, _ base: Int, _ changes: inout RowChanges) -> Value {
        if let constant = field.constant { return .text(constant) }
        guard let place else { return .none }
        guard let text = text(row, base + place, &changes) else {
            return field.values == nil ? .none : mapped("")
        }
        return field.values == nil ? .text(text) : mapped(text)
    }

    /// The text, where nothing can be left out or unknown.
    func text(_ row: borrowing SQLiteCursor, _ base: Int, else fallback: String?, _ changes: inout RowChanges)
        -> String?
    {
        switch value(row, base, &changes) {
        case .text(let text): return text
        case .unknown(let text): return field.otherwise ?? text
        case .none, .leftOut: return fallback
        }
    }

    private func mapped(_ text: String) -> Value {
        if let found = field.values?[text] { return found.map { .text($0) } ?? .leftOut }
        if let otherwise = field.otherwise { return .text(otherwise) }
        return text.isEmpty ? .none : .unknown(text)
    }

    private func text(_ row: borrowing SQLiteCursor, _ column: Int, _ changes: inout RowChanges) -> String? {
        guard !field.path.isEmpty else { return row.text(column, &changes) }
        guard case .value(var json) = row.json(column, &changes) else { return nil }
        for name in field.path { json = json.kind == .array ? json[Int(name) ?? -1] : json[name] }
        if let text = json.string { return StoredText.storable(text, &changes) }
        guard json.exists, !json.isNull else { return nil }
        var writer = JSONWriter()
        writer.value(json)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// The field as a time.
    func time(
        _ row: borrowing SQLiteCursor, _ base: Int, _ changes: inout RowChanges
    ) throws(Rejection) -> Timestamp? {
        guard let place else { return nil }
        let time: StoredTime
        if field.path.isEmpty {
            time = row.time(base + place, field.time, offset: field.offset)
        } else {
            guard var text = text(row, base + place, &changes) else { return nil }
            let found = text.withUTF8 { field.time.microseconds(UnsafeRawBufferPointer($0), offset: field.offset) }
            time = found.map { .value(Timestamp(microseconds: $0)) } ?? .invalid
        }
        switch time {
        case .none: return nil
        case .value(let time): return time
        case .invalid: throw Rejection("\(name) is no time (\(field.time.rawValue))")
        }
    }

    /// Writes the members of metadata into an open object.
    func write(
        _ row: borrowing SQLiteCursor, _ base: Int, to object: inout JSONWriter, _ changes: inout RowChanges
    ) {
        guard let place else { return }
        guard field.isList else {
            switch row.json(base + place, &changes) {
            case .none: break
            case .value(var json):
                for name in field.path { json = json.kind == .array ? json[Int(name) ?? -1] : json[name] }
                if json.kind == .object {
                    for (key, value) in json.members {
                        object.key(key)
                        object.value(value)
                    }
                } else if json.exists {
                    changes.insert(.jsonWrapped)
                    object.field("raw", json)
                }
            case .invalid(let text):
                changes.insert(.jsonWrapped)
                object.field("raw", text)
            }
            return
        }
        for (index, column) in field.columns.enumerated() {
            let at = base + place + index
            switch row.kind(at) {
            case .null: continue
            case .integer:
                object.key(column)
                object.value(row.integer(at))
            case .real:
                object.key(column)
                object.value(row.real(at))
            case .blob:
                var ignored = RowChanges()
                object.key(column)
                if case .value(let json) = row.json(at, &ignored) {
                    changes.insert(.binaryJSONDecoded)
                    object.value(json)
                } else {
                    object.value(
                        row.bytes(at) { bytes in bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() })
                }
            case .text:
                object.key(column)
                // A column of JSON stays JSON; a text that only looks like it begins with neither bracket.
                let isJSON = row.bytes(at) { $0.first == UInt8(ascii: "{") || $0.first == UInt8(ascii: "[") }
                var tried = RowChanges()
                if isJSON, case .value(let json) = row.json(at, &tried) {
                    object.value(json)
                } else {
                    object.value(row.text(at, &changes) ?? "")
                }
            }
        }
    }
}
