/// The words after a command's name, taken apart: options, their values, and the rest.
struct Arguments {
    /// Something wrong with the command line, for the user to read.
    struct UsageError: Error {
        let message: String
    }

    private var words: [String]

    init(_ words: [String]) {
        self.words = words
    }

    /// Takes an option that has no value; true when it was there.
    mutating func flag(_ names: String...) -> Bool {
        guard let index = words.firstIndex(where: names.contains) else { return false }
        words.remove(at: index)
        return true
    }

    /// Takes an option with its value, as `--name value` or `--name=value`.
    mutating func value(_ name: String) throws(UsageError) -> String? {
        guard let index = words.firstIndex(where: { $0 == name || $0.hasPrefix(name + "=") }) else { return nil }
        let word = words.remove(at: index)
        if word.utf8.count > name.utf8.count { return String(word.dropFirst(name.count + 1)) }
        guard index < words.count else { throw UsageError(message: "\(name) needs a value") }
        return words.remove(at: index)
    }

    /// Takes an option whose value is a whole number within a range.
    mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let text = try value(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw UsageError(
                message: "\(name) \(text): a whole number from \(range.lowerBound) to \(range.upperBound) is expected")
        }
        return number
    }

    /// Takes the next word that is no option.
    mutating func next() -> String? {
        guard let index = words.firstIndex(where: { !$0.hasPrefix("-") || $0 == "-" }) else { return nil }
        return words.remove(at: index)
    }

    /// Takes the next word, also one that begins with a minus and a digit: ids of chats may.
    mutating func nextUser() -> String? {
        if let word = words.first, word.hasPrefix("-"), word.dropFirst().first?.isNumber == true {
            return words.removeFirst()
        }
        return next()
    }

    /// Refuses what is left over.
    func end() throws(UsageError) {
        if let word = words.first { throw UsageError(message: "\(word) is not understood here") }
    }
}
