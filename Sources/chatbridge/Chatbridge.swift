import Glibc

/// The executable: finds the command, runs it and turns what it came to into an exit code.
@main
struct Chatbridge {
    static func main() {
        exit(dispatch(Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    /// Runs the command that these words name.
    private static func dispatch(_ words: [String]) -> ExitCode {
        guard let name = words.first else {
            Terminal.complain(Command.overview)
            return .usage
        }
        switch name {
        case "--help", "-h", "help":
            Terminal.say(Command.overview)
            return .success
        case "--version", "version":
            Terminal.say("chatbridge \(Version.number)")
            return .success
        default: break
        }
        guard let command = Command.all.first(where: { $0.name == name }) else {
            Terminal.complain("chatbridge: there is no command \(name); chatbridge --help lists them")
            return .usage
        }
        var arguments = Arguments(Array(words.dropFirst()))
        if arguments.flag("--help", "-h") {
            Terminal.say(command.help)
            return .success
        }
        do {
            return try command.run(&arguments)
        } catch let error as Arguments.UsageError {
            Terminal.complain("chatbridge \(name): \(error.message); chatbridge \(name) --help shows an example")
            return .usage
        } catch {
            Terminal.complain("chatbridge \(name): \(error)")
            return .failure
        }
    }
}
