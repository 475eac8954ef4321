import EventLoop
import HTTPClient
import JSON

extension Command {
    /// `chatbridge doctor`: looks at everything that the configuration points to.
    static let doctor = Command(
        name: "doctor",
        summary: "checks configuration, stores, migrations, disk, clock, bucket, agent and platforms; says what to do",
        help: """
            Usage: chatbridge doctor [--json] [--config]

            Looks at everything that the configuration points to and says what to do about each fault. Changes nothing, but for an
            object of 50 bytes that it puts into ATTACHMENT_BUCKET and deletes again.

              --json     one JSON object instead of lines: {"ok","version","checks":[{"name","status","detail","fix"}]}, status is
                         ok, warning or failed; with --config {"NAME":"value"}
              --config   prints the effective configuration, secrets redacted, and looks at nothing

            Exit code: 0 all is well (warnings included), 69 a service cannot be reached, 78 bad configuration, 1 other faults.

            Example: chatbridge doctor
            """
    ) { arguments in
        let isJSON = arguments.flag("--json")
        let isConfiguration = arguments.flag("--config")
        try arguments.end()
        let loaded = ConfigurationLoader.load(isWebDefault: true)
        if isConfiguration {
            if isJSON {
                var writer = JSONWriter()
                writer.object { object in
                    for setting in loaded.shown {
                        object.key(setting.name)
                        object.value(setting.value)
                    }
                }
                Terminal.say(String(decoding: writer.bytes, as: UTF8.self))
                return loaded.problems.isEmpty ? .success : refuse(loaded.problems)
            }
            for setting in loaded.shown {
                let line = "\(setting.name)=\(setting.value)"
                Terminal.say(setting.isDefault ? Terminal.styled(line, .dim) : line)
            }
            return loaded.problems.isEmpty ? .success : refuse(loaded.problems)
        }
        var findings = loaded.problems.map {
            Doctor.Finding(
                subject: "configuration", state: .bad, detail: $0,
                remedy: "correct it in the environment or in .env; .env.example explains each variable")
        }
        findings += loaded.warnings.map {
            Doctor.Finding(
                subject: "configuration", state: .warning, detail: $0,
                remedy: "correct it, or take it out; chatbridge doctor --config shows what is in effect")
        }
        if findings.isEmpty {
            findings = [Doctor.Finding(subject: "configuration", state: .good, detail: "no mistakes")]
        }
        if loaded.problems.isEmpty {
            let loop = try EventLoop()
            findings += try loop.run {
                await Doctor(product: loaded.product, loop: loop, client: HTTPClient(loop: loop)).examine()
            }
        }
        if isJSON { Terminal.say(json(findings)) } else { findings.forEach(show) }
        if !loaded.problems.isEmpty { return .configuration }
        let faults = findings.filter { $0.state == .bad }
        return faults.isEmpty ? .success : faults.contains(where: \.isUnreachable) ? .unavailable : .failure
    }

    private static func show(_ finding: Doctor.Finding) {
        let mark =
            switch finding.state {
            case .good: Terminal.styled("ok  ", .good)
            case .warning: Terminal.styled("warn", .warning)
            case .bad: Terminal.styled("FAIL", .bad)
            }
        Terminal.say("\(mark)  \(finding.subject): \(finding.detail)")
        if let remedy = finding.remedy { Terminal.say("      \(Terminal.styled("-> \(remedy)", .strong))") }
    }

    private static func json(_ findings: [Doctor.Finding]) -> String {
        var writer = JSONWriter()
        writer.object { object in
            object.field("ok", !findings.contains { $0.state == .bad })
            object.field("version", Version.number)
            object.arrayField("checks") { array in
                for finding in findings {
                    array.object {
                        $0.field("name", finding.subject)
                        $0.field("status", finding.state.word)
                        $0.field("detail", finding.detail)
                        $0.field("fix", finding.remedy)
                    }
                }
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension Doctor.Finding.State {
    /// The state as scripts read it.
    fileprivate var word: String {
        switch self {
        case .good: "ok"
        case .warning: "warning"
        case .bad: "failed"
        }
    }
}
