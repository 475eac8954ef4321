/// The field names that requests have most, as strings that need not be made anew for each.
enum HTTPUsualFieldName {
    /// The name as a string when it is a usual one in its usual case; nil for all others.
    static func string(_ name: Span<UInt8>) -> String? {
        switch name.count {
        // Names of up to 15 bytes need no memory of their own; these are so frequent that it pays all the same.
        case 4: name.hasPrefix("Host") ? "Host" : nil
        case 6: name.hasPrefix("Accept") ? "Accept" : nil
        case 10:
            switch name[0] {
            case UInt8(ascii: "U"): name.hasPrefix("User-Agent") ? "User-Agent" : nil
            case UInt8(ascii: "C"): name.hasPrefix("Connection") ? "Connection" : nil
            default: nil
            }
        case 12: name.hasPrefix("Content-Type") ? "Content-Type" : nil
        case 14: name.hasPrefix("Content-Length") ? "Content-Length" : nil
        default: nil
        }
    }
}
