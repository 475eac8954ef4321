/// Reads typed values out of named variables, and gathers everything that is wrong with them instead of stopping at the first.
struct SettingsReader {
    /// One variable as `doctor --config` shows it.
    struct Shown: Equatable {
        let name: String
        let value: String
        let isDefault: Bool
    }

    /// What is wrong, each naming its variable and what would be right.
    private(set) var problems: [String] = []
    /// What is odd and does not stop us.
    private(set) var warnings: [String] = []
    /// What was read, in the order of reading; secrets redacted.
    private(set) var shown: [Shown] = []
    private var variables: [String: String]
    private var known: Set<String> = []

    init(_ variables: [String: String]) {
        self.variables = variables
    }

    /// Notes something wrong that concerns more than one variable.
    mutating func report(_ problem: String) {
        problems.append(problem)
    }

    /// Notes something odd that works all the same.
    mutating func warn(_ remark: String) {
        warnings.append(remark)
    }

    /// True when a variable is set to something, itself or by the name of a file.
    func isSet(_ name: String) -> Bool {
        variables[name]?.isEmpty == false || variables["\(name)_FILE"]?.isEmpty == false
    }

    /// Puts the content of the file that `NAME_FILE` names into the variable `NAME`: how Docker and systemd hand secrets on.
    private mutating func readSecretFile(of name: String) {
        let fileName = "\(name)_FILE"
        known.insert(fileName)
        guard let path = variables[fileName], !path.isEmpty else { return }
        guard variables[name]?.isEmpty != false else {
            problems.append("\(name) and \(fileName): both are set; keep one")
            return
        }
        switch SecretFile.read(path) {
        case .success(let value): variables[name] = value
        case .failure(let fault): problems.append("\(fileName): \(path) \(fault.words)")
        }
    }

    /// The URL in a variable that is read elsewhere, without a slash at its end; nil when it is unset or empty.
    func urlRead(_ name: String) -> String? {
        guard let value = variables[name], !value.isEmpty else { return nil }
        return value.hasSuffix("/") ? String(value.dropLast()) : value
    }

    /// The text of a variable; nil when it is unset or empty.
    ///
    /// - Parameter shownDefault: what `doctor --config` shows then, since it is what happens then.
    mutating func text(_ name: String, isSecret: Bool = false, shownDefault: String = "") -> String? {
        known.insert(name)
        if isSecret { readSecretFile(of: name) }
        guard let value = variables[name], !value.isEmpty else {
            show(name, shownDefault, isDefault: true)
            return nil
        }
        show(name, isSecret ? "(set, \(value.utf8.count) bytes)" : value, isDefault: false)
        return value
    }

    /// The text of a variable, or a default.
    mutating func text(_ name: String, default fallback: String) -> String {
        known.insert(name)
        // Set to nothing on purpose is something else than not set.
        guard let value = variables[name] else {
            show(name, fallback, isDefault: true)
            return fallback
        }
        show(name, value, isDefault: false)
        return value
    }

    /// A whole number within a range.
    mutating func integer(_ name: String, default fallback: Int, in range: ClosedRange<Int>) -> Int {
        known.insert(name)
        guard let value = variables[name], !value.isEmpty else {
            show(name, String(fallback), isDefault: true)
            return fallback
        }
        show(name, value, isDefault: false)
        guard let number = Int(value), range.contains(number) else {
            problems.append(
                "\(name)=\(value): a whole number from \(range.lowerBound) to \(range.upperBound) is expected")
            return fallback
        }
        return number
    }

    /// A duration given in milliseconds.
    mutating func milliseconds(_ name: String, default fallback: Int, in range: ClosedRange<Int>) -> Duration {
        .milliseconds(integer(name, default: fallback, in: range))
    }

    /// True or false, in the usual words; the default when it is unset.
    mutating func boolean(_ name: String, default fallback: Bool) -> Bool {
        boolean(name, shownDefault: "\(fallback)") ?? fallback
    }

    /// True or false, in the usual words; nil when it is unset.
    mutating func boolean(_ name: String, shownDefault: String = "") -> Bool? {
        guard let value = text(name, shownDefault: shownDefault) else { return nil }
        switch value.lowercased() {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default:
            problems.append("\(name)=\(value): true or false is expected")
            return nil
        }
    }

    /// One of several words.
    mutating func choice<Value>(_ name: String, default fallback: String, of choices: KeyValuePairs<String, Value>)
        -> Value?
    {
        let word = text(name, default: fallback).lowercased()
        if let match = choices.first(where: { $0.key == (word.isEmpty ? fallback : word) }) { return match.value }
        problems.append("\(name)=\(word): one of \(choices.map(\.key).joined(separator: ", ")) is expected")
        return choices.first { $0.key == fallback }?.value
    }

    /// An absolute `http` or `https` URL, without a slash at its end unless that is to be kept.
    mutating func url(_ name: String, default fallback: String? = nil, keepsSlash: Bool = false) -> String? {
        known.insert(name)
        guard let value = variables[name], !value.isEmpty else {
            show(name, fallback ?? "", isDefault: true)
            return fallback
        }
        show(name, SettingsReader.withoutPassword(value), isDefault: false)
        let isURL = ["http://", "https://"].contains { value.hasPrefix($0) && value.utf8.count > $0.utf8.count }
        guard isURL, !value.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            problems.append("\(name): a URL that begins with http:// or https:// is expected")
            return nil
        }
        return value.hasSuffix("/") && !keepsSlash ? String(value.dropLast()) : value
    }

    /// Variables that bear one of our prefixes but were not asked for: usually typing mistakes.
    func unknown(withPrefixes prefixes: [String]) -> [String] {
        variables.keys.filter { name in
            !known.contains(name) && prefixes.contains { name.hasPrefix($0) }
        }.sorted()
    }

    /// A URL with its password, if it has one, replaced by stars.
    static func withoutPassword(_ url: String) -> String {
        guard let scheme = url.firstRange(of: "://"), let at = url[scheme.upperBound...].lastIndex(of: "@") else {
            return url
        }
        let user = url[scheme.upperBound..<at].prefix { $0 != ":" }
        return "\(url[..<scheme.upperBound])\(user):***\(url[at...])"
    }

    private mutating func show(_ name: String, _ value: String, isDefault: Bool) {
        shown.append(Shown(name: name, value: value, isDefault: isDefault))
    }
}

extension String {
    /// Where a text stands in this one for the first time.
    fileprivate func firstRange(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
