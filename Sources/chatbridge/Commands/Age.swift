/// A length of time as people write it: `90d`, `12w`, `2y`, `36h`.
struct Age {
    /// How long it is.
    let duration: Duration

    /// - Returns: nil for anything but a whole number and a unit: h, d (24 hours), w (7 days), y (365 days).
    init?(_ text: String) {
        let hours: [Character: Int64] = ["h": 1, "d": 24, "w": 7 * 24, "y": 365 * 24]
        guard let unit = text.last.flatMap({ hours[$0] }), let count = Int64(text.dropLast()), count > 0,
            count <= 100_000, text.first?.isNumber == true
        else { return nil }
        duration = .seconds(count * unit * 3600)
    }
}
