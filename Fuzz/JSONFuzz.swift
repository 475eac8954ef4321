@testable import JSON

/// Reads the input as JSON, walks through all of it, and writes it again: what is written reads as the same.
func fuzzJSON(_ bytes: [UInt8]) {
    let root: JSONView
    do {
        root = try JSONView(parsing: bytes)
    } catch {
        promise(!error.description.isEmpty, "an error without words")
        promise(error.offset.map { $0 >= 0 && $0 <= bytes.count } ?? true, "an error beyond the input")
        reach["refused", default: 0] += 1
        return
    }
    reach["read", default: 0] += 1
    var shown: [UInt8] = []
    walk(root, depth: 0, into: &shown)
    let written = rewritten(root)
    guard let again = try? JSONView(parsing: written) else { fatalError("what was written cannot be read") }
    var shownAgain: [UInt8] = []
    walk(again, depth: 0, into: &shownAgain)
    promise(shown == shownAgain, "what was written is read otherwise")
    promise(rewritten(again) == written, "written twice, and not the same")
    if let mended = bytes.withUnsafeBytes({ JSONRepair.mended($0) }) {
        reach["mended", default: 0] += 1
        promise((try? JSONView(parsing: mended)) != nil, "what was mended is refused, though it could be read before")
        promise(mended.withUnsafeBytes({ JSONRepair.mended($0) }) == nil, "what was mended is mended again")
    }
}

private func rewritten(_ view: JSONView) -> [UInt8] {
    var writer = JSONWriter()
    writer.value(view)
    return writer.bytes
}

/// Everything that the reader tells of a value.
private func walk(_ view: JSONView, depth: Int, into shown: inout [UInt8]) {
    promise(depth <= 2048, "nested deeper than is allowed")
    promise(view.exists && view.kind != .missing, "a value that is there and missing")
    shown += Array("\(view.kind)".utf8)
    switch view.kind {
    case .missing, .null, .bool: shown += Array("\(String(describing: view.bool))".utf8)
    case .number:
        promise(view.int != nil || view.uint != nil || view.double != nil, "a number that is none")
        promise(view.double?.isFinite != false, "a number without end")
        shown += Array("\(view.idString ?? "-") \(view.double ?? 0)".utf8)
    case .string: shown += Array((view.string ?? "none").utf8)
    case .array:
        var count = 0
        for element in view.elements {
            count += 1
            walk(element, depth: depth + 1, into: &shown)
        }
        promise(count == view.count && !view[count].exists, "another number of elements than said")
        if count > 0 { promise(view[count - 1].exists, "the last element is missing") }
    case .object:
        var count = 0
        for (key, value) in view.members {
            count += 1
            shown += Array(key.utf8)
            promise(view[key].exists, "a member that is not found by its name")
            walk(value, depth: depth + 1, into: &shown)
        }
        promise(count == view.count, "another number of members than said")
    }
}
