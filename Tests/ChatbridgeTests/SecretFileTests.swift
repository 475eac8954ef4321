import BridgeCore
import Glibc
import Testing

@testable import chatbridge

/// Secrets that stand in files, named by `NAME_FILE`.
@Suite struct SecretFileTests {
    /// A file of a test's own, removed with the value.
    private final class File {
        let path = "/tmp/chatbridge-secret-\(UInt64.random(in: 0...UInt64.max))"

        init(_ bytes: [UInt8]) {
            guard let file = fopen(path, "w") else { return }
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
        }

        deinit { unlink(path) }
    }

    private func load(_ variables: [String: String]) -> LoadedConfiguration {
        ConfigurationLoader.load(environment: variables, file: nil, isWebDefault: true)
    }

    @Test(arguments: [
        ("hush", "hush"), ("hush\n", "hush"), ("hush\r\n", "hush"), ("hush\n\n", "hush\n"), (" hush ", " hush "),
    ])
    func `the content counts without the line end behind it`(content: String, secret: String) {
        let file = File(Array(content.utf8))
        let loaded = load(["API_TOKEN_FILE": file.path])
        #expect(loaded.problems == [] && loaded.warnings == [])
        #expect(loaded.product.apiToken?.value == secret)
        #expect(!loaded.shown.contains { $0.value.contains("hush") })
    }

    @Test func `every secret can come from a file`() {
        // Whatever doctor --config does not show is a secret.
        let names = load([:]).shown.map(\.name)
        let probe = load(Dictionary(uniqueKeysWithValues: names.map { ($0, "x") })).shown
        let secrets = probe.filter { $0.value == "(set, 1 bytes)" }.map(\.name)
        #expect(secrets.count >= 40)
        let file = File(Array("from-a-file\n".utf8))
        for name in secrets {
            let loaded = load(["\(name)_FILE": file.path])
            #expect(loaded.shown.first { $0.name == name }?.value == "(set, 11 bytes)", "\(name)")
            #expect(!loaded.warnings.contains { $0.contains("\(name)_FILE") }, "\(name)")
            #expect(!(loaded.problems + loaded.warnings).contains { $0.contains("from-a-file") }, "\(name)")
        }
    }

    @Test func `a platform is on when its secrets come from files`() {
        let file = File(Array("hush".utf8))
        let loaded = load(["TELEGRAM_BOT_TOKEN_FILE": file.path, "TELEGRAM_WEBHOOK_SECRET_FILE": file.path])
        #expect(loaded.problems == [])
        #expect(loaded.product.adapters.map(\.platform.rawValue) == ["telegram", "web"])
    }

    @Test func `what is wrong with a file is said, and never what stands in it`() {
        let both = File(Array("hush".utf8))
        let problems = [
            load(["API_TOKEN": "hush", "API_TOKEN_FILE": both.path]),
            load(["API_TOKEN_FILE": "/nowhere/at/all"]), load(["API_TOKEN_FILE": "/tmp"]),
            load(["API_TOKEN_FILE": File([]).path]), load(["API_TOKEN_FILE": "/dev/null"]),
            load(["API_TOKEN_FILE": "/dev/zero"]),
        ].map(\.problems)
        for problem in problems {
            #expect(
                problem.count == 1 && problem[0].contains("API_TOKEN_FILE") && !problem[0].contains("hush"),
                "\(problem)")
        }
        let binary = File([0x68, 0xFF, 0x00])
        #expect(load(["API_TOKEN_FILE": binary.path]).problems.first?.contains("holds no text") == true)
        // Set to nothing is not set.
        #expect(load(["API_TOKEN": "", "API_TOKEN_FILE": both.path]).product.apiToken?.value == "hush")
    }
}
