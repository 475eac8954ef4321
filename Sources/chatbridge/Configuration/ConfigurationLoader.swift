import Glibc

/// The configuration of this process with all that is to be said of it.
struct LoadedConfiguration {
    let product: ProductConfiguration
    /// The effective settings, secrets redacted.
    let shown: [SettingsReader.Shown]
    /// What stops us from starting.
    let problems: [String]
    /// What is odd and does not stop us.
    let warnings: [String]
}

/// Gathers the configuration from the environment and from `.env` in the working directory; the environment wins.
enum ConfigurationLoader {
    /// Reads the process's own environment and the file.
    static func load(isWebDefault: Bool) -> LoadedConfiguration {
        load(environment: environment(), file: readFile(".env"), isWebDefault: isWebDefault)
    }

    /// Reads these variables and this file.
    static func load(environment: [String: String], file: String?, isWebDefault: Bool) -> LoadedConfiguration {
        var variables: [String: String] = [:]
        var warnings: [String] = []
        if let file {
            let parsed = EnvironmentFile(parsing: file)
            for (name, value) in parsed.variables { variables[name] = value }
            warnings += parsed.invalidLines.map { ".env, line \($0): NAME=value is expected; the line is ignored" }
        }
        variables.merge(environment) { _, fromEnvironment in fromEnvironment }
        var settings = SettingsReader(variables)
        let product = ProductConfiguration(reading: &settings, isWebDefault: isWebDefault)
        warnings += settings.warnings
        warnings += settings.unknown(withPrefixes: PlatformSettings.ownPrefixes).map {
            "\($0) is set, but there is no such variable: a typing mistake?"
        }
        return LoadedConfiguration(
            product: product, shown: settings.shown, problems: settings.problems, warnings: warnings)
    }

    /// The variables of this process.
    private static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text)
            if let equals = pair.firstIndex(of: "=") {
                variables[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
            }
            entry += 1
        }
        return variables
    }

    /// The text of a file; nil when there is none.
    private static func readFile(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0, bytes.count < 1 << 20 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
