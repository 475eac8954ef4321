extension String {
    /// The text within a number of Unicode scalars; a longer one keeps its start and gets a hash (FNV-1a), so that different
    /// texts stay different.
    ///
    /// - Parameter limit: at least 17, the length of the hash.
    func shortened(to limit: Int) -> String {
        guard unicodeScalars.count > limit else { return self }
        let hash = utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        var kept = String.UnicodeScalarView()
        kept.append(contentsOf: unicodeScalars.prefix(limit - 17))
        return String(kept) + "-" + String(hash, radix: 16)
    }
}
