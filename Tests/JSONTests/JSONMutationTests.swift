import JSON
import Testing

/// Damaged documents must be refused or read, never crash, and what is read must be written as the same document.
struct JSONMutationTests {
    private static let seeds = [
        #"{"update_id":10000,"message":{"message_id":1365,"from":{"id":1111,"is_bot":false,"first_name":"Te\u0301st"},"text":"/start \ud83d\ude00"}}"#,
        #"[0,-1,1.5e10,18446744073709551615,18446744073709551616,1e400,true,false,null,"\ud800\\\"\/\b\f\n\r\t",[],{},[[{"a":[{}]}]]]"#,
        "\u{feff} { \"مرحبا\" : [ \"😀\" , \"\\u0000\" ] } \n",
    ]

    @Test(arguments: 0..<8)
    func `a mutated document is refused or survives a round trip`(stream: Int) throws {
        var random = SplitMix(state: UInt64(stream) &* 7919 &+ 42)
        var accepted = 0
        for _ in 0..<2_000 {
            var bytes = Array(Self.seeds[Int(random.next() % UInt64(Self.seeds.count))].utf8)
            for _ in 0..<(1 + random.next() % 3) { mutate(&bytes, &random) }
            guard let view = try? JSONView(parsing: bytes) else { continue }
            accepted += 1
            var first = JSONWriter()
            first.value(view)
            var rebuilt = JSONWriter()
            write(view, to: &rebuilt)
            #expect(String(validating: first.bytes, as: UTF8.self) != nil)
            let again = try JSONView(parsing: first.bytes)
            #expect(equal(view, again), "mutation \(bytes)")
            #expect(equal(view, try JSONView(parsing: rebuilt.bytes)), "mutation \(bytes)")
        }
        #expect(accepted > 100)
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix) {
        let interesting = Array("{}[]\",:\\u0dD89e.-+tfn \0\u{1f}".utf8) + [0x80, 0xC0, 0xED, 0xFF]
        guard !bytes.isEmpty else { return }
        let place = Int(random.next() % UInt64(bytes.count))
        let byte = interesting[Int(random.next() % UInt64(interesting.count))]
        switch random.next() % 5 {
        case 0: bytes[place] = byte
        case 1: bytes.insert(byte, at: place)
        case 2: bytes.remove(at: place)
        case 3: bytes.removeSubrange(place..<min(bytes.count, place + Int(random.next() % 16)))
        default:
            let end = min(bytes.count, place + Int(random.next() % 24))
            bytes.insert(contentsOf: bytes[place..<end], at: Int(random.next() % UInt64(bytes.count)))
        }
    }

    private func write(_ view: JSONView, to json: inout JSONWriter) {
        switch view.kind {
        case .missing, .null: json.null()
        case .bool: json.value(view.bool ?? false)
        case .string: json.value(view.string ?? "")
        case .array: json.array { json in for element in view.elements { write(element, to: &json) } }
        case .object:
            json.object { json in
                for (key, value) in view.members {
                    json.key(key)
                    write(value, to: &json)
                }
            }
        case .number:
            if let int = view.int {
                json.value(int)
            } else if let uint = view.uint {
                json.value(uint)
            } else {
                json.value(view.double ?? .nan)
            }
        }
    }

    private func equal(_ one: JSONView, _ other: JSONView) -> Bool {
        guard one.kind == other.kind, one.count == other.count else { return false }
        return one.string == other.string && one.int == other.int && one.uint == other.uint
            && one.double == other.double
            && one.bool == other.bool && zip(one.elements, other.elements).allSatisfy { equal($0, $1) }
            && zip(one.members, other.members).allSatisfy { $0.key == $1.key && equal($0.value, $1.value) }
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
