import Glibc
import Telemetry

/// What a person sees: words on standard output, complaints on standard error, colour only on a terminal.
enum Terminal {
    /// A meaning that has a colour.
    enum Style: String {
        case good = "32"
        case warning = "33"
        case bad = "31"
        case dim = "2"
        case strong = "1"
    }

    /// Prints a line.
    static func say(_ line: String = "") {
        print(line)
    }

    /// Prints a line that whoever reads along must see at once: `print` keeps lines back where the output is no terminal.
    ///
    /// - Returns: false when nobody reads along any more.
    @discardableResult
    static func tell(_ line: String) -> Bool {
        write(line + "\n", to: 1)
    }

    /// Writes text as it is, at once.
    ///
    /// - Returns: false when it could not be written.
    @discardableResult
    static func write(_ text: String, to descriptor: Int32) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                guard count > 0 else { return false }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            return true
        }
    }

    /// How many characters fit into a line of a terminal; 100 where it is none.
    static func width(_ descriptor: Int32) -> Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
        return Int(size.ws_col)
    }

    /// Prints a line on standard error.
    static func complain(_ line: String) {
        // What was said before comes before it, also where both go to one file.
        fflush(nil)
        Log.writeToStandardError(line + "\n")
    }

    /// Puts a line on standard error in the place of the one before; an empty one clears it.
    static func complainInPlace(_ line: String) {
        Log.writeToStandardError("\r\u{1B}[K\(line)")
    }

    /// Text in the colour of its meaning, when standard output is a terminal that wants it (no-color.org).
    static func styled(_ text: String, _ style: Style) -> String {
        isColored(1) ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// True when a descriptor is a terminal.
    static func isTerminal(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1
    }

    /// True when a descriptor is a terminal and `NO_COLOR` is not set.
    static func isColored(_ descriptor: Int32) -> Bool {
        isTerminal(descriptor) && getenv("NO_COLOR") == nil
    }
}
