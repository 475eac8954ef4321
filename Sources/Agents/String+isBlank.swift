extension String {
    /// Whether there is nothing but white space in it.
    var isBlank: Bool {
        for byte in utf8 {
            switch byte {
            case 0x09...0x0D, 0x20: continue
            // Of any other character of ASCII one is enough; what is beyond needs Unicode's tables.
            case ..<0x80: return false
            default: return allSatisfy(\.isWhitespace)
            }
        }
        return true
    }
}
