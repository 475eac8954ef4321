package import BridgeCore
package import JSON

/// Times as Meta writes them: seconds or milliseconds since 1970, as numbers or as strings.
package enum GraphTime {
    /// The time in a value; nil for anything else and for what is before 1970.
    package static func timestamp(_ view: JSONView) -> Timestamp? {
        guard let number = view.int ?? view.string.flatMap({ Int64($0) }), number > 0 else { return nil }
        // 10^11 seconds are the year 5138; 10^11 milliseconds 1973, before there was anything to tell.
        if number < 100_000_000_000 { return Timestamp(seconds: number) }
        let (microseconds, overflow) = number.multipliedReportingOverflow(by: 1000)
        return overflow ? nil : Timestamp(microseconds: microseconds)
    }
}
