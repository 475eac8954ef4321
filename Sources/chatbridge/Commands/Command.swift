/// One command of the executable: its name, its help and what it does.
struct Command: Sendable {
    /// The first word on the command line.
    let name: String
    /// One line for the list of commands.
    let summary: String
    /// What `--help` prints: usage, options, an example.
    let help: String
    /// Does it; the arguments are those after the name.
    let run: @Sendable (inout Arguments) throws -> ExitCode
}

extension Command {
    /// Every command, in the order in which they are listed.
    static let all: [Command] = [
        run, serve, logger, migrate, importFile, doctor, trace, tail, dead, webhooks, simulate, fake, forget, export,
        prune,
    ]

    /// The text of `chatbridge --help`.
    static var overview: String {
        let width = all.map(\.name.count).max() ?? 0
        let list = all.map { "  \($0.name)\(String(repeating: " ", count: width - $0.name.count))  \($0.summary)" }
        return """
            ChatBridge \(Version.number): puts an AI agent on every messaging platform.

            Usage: chatbridge COMMAND [OPTIONS]

            Commands:
            \(list.joined(separator: "\n"))

            Example: chatbridge run              a bot that echoes, on http://127.0.0.1:3000
                     chatbridge COMMAND --help   what a command does, with an example

            Configuration comes from environment variables and from .env in the working directory; see .env.example.
            """
    }
}
