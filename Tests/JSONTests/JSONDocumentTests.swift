import JSON
import Testing

struct JSONDocumentTests {
    @Test
    func `a view outlives its bytes, its root and many later parses`() throws {
        var kept: [JSONView] = []
        for number in 0..<200 {
            let bytes = Array(#"{"id":\#(number),"text":"message number \#(number)","list":["\#(number)-a"]}"#.utf8)
            let root = try JSONView(parsing: bytes)
            kept.append(number.isMultiple(of: 2) ? root["list"] : root)
        }
        for _ in 0..<200 { _ = try JSONView(parsing: #"{"id":-1,"text":"overwritten","list":["x"]}"#) }
        for (number, view) in kept.enumerated() {
            if number.isMultiple(of: 2) {
                #expect(view[0].string == "\(number)-a")
            } else {
                #expect(view["text"].string == "message number \(number)")
            }
        }
    }

    @Test
    func `an iterator alone keeps its document`() throws {
        var iterator = try JSONView(parsing: #"["first","second"]"#).elements.makeIterator()
        for _ in 0..<20 { _ = try JSONView(parsing: #"["other","values"]"#) }
        #expect(iterator.next()?.string == "first")
        #expect(iterator.next()?.string == "second")
        #expect(iterator.next() == nil)
    }

    @Test
    func `a failed parse leaves the pool fit for the next`() throws {
        for _ in 0..<50 {
            #expect(throws: JSONError.self) { try JSONView(parsing: #"{"a":[1,2,"#) }
            #expect(try JSONView(parsing: #"{"a":[1,2]}"#)["a"].count == 2)
        }
    }

    @Test
    func `small and large documents take turns`() throws {
        for size in [1, 1_000, 20_000, 70_000, 3_000_000, 10, 500_000, 64] {
            let text = String(repeating: "é", count: size)
            #expect(try JSONView(parsing: #"{"t":"\#(text)"}"#)["t"].string == text)
        }
    }

    @Test
    func `views are read and dropped on other threads than they were parsed on`() async throws {
        let total = try await withThrowingTaskGroup(of: Int64.self) { group in
            for number in 0..<64 {
                let view = try JSONView(parsing: #"{"n":\#(number),"s":"\#(String(repeating: "x", count: number))"}"#)
                group.addTask {
                    var sum: Int64 = 0
                    for _ in 0..<50 {
                        let other = try JSONView(parsing: #"{"n":1}"#)
                        sum += other["n"].int ?? 0
                    }
                    #expect(view["s"].string?.utf8.count == number)
                    return sum + (view["n"].int ?? 0)
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(total == 64 * 50 + 63 * 64 / 2)
    }
}
