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
    static func tell(_ line: String) {
        var line = line + "\n"
        line.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = write(1, rest.baseAddress, rest.count)
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }

    /// Prints a line on standard error.
    static func complain(_ line: String) {
        Log.writeToStandardError(line + "\n")
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
