import Testing

@testable import chatbridge

@Suite struct EnvironmentFileTests {
    @Test(arguments: [
        ("A=1", "1"), ("  A = 1 ", "1"), ("export A=1", "1"), ("A=", ""), ("A=a b # comment", "a b"), ("A=a#b", "a#b"),
        (#"A="a # b" # comment"#, "a # b"), (#"A='single \n $HOME'"#, #"single \n $HOME"#),
        (#"A="line\nnext \"quoted\" back\\slash""#, "line\nnext \"quoted\" back\\slash"), ("A=1\r", "1"),
        ("# A=2\n\nA=1", "1"), ("A=1\nA=2", "2"), ("A=base64==", "base64=="), ("A=\"\"", ""),
        ("B=2\r\nA=1\r\n", "1"), ("B=2\r\n\r\n# A=3\r\nA=\"1\"", "1"),
    ])
    func `a variable has the value that other tools would give it`(text: String, value: String) {
        let file = EnvironmentFile(parsing: text)
        #expect(file.variables.last?.name == "A")
        #expect(file.variables.last?.value == value)
        #expect(file.invalidLines.isEmpty)
    }

    @Test(arguments: ["A", "=1", "1A=1", "A B=1", #"A="open"#, #"A="x" y"#, "A-B=1"])
    func `a line that is none is named, and the others count`(text: String) {
        let file = EnvironmentFile(parsing: "B=1\n\(text)\nC=2")
        #expect(file.invalidLines == [2])
        #expect(file.variables.map(\.name) == ["B", "C"])
    }
}
