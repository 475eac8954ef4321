import HTTPCore
import Telemetry
import Tracing

extension ProductConfiguration {
    /// Reads what OpenTelemetry's variables say of traces (OpenTelemetry specification, "Environment Variable Specification" and
    /// "OTLP Exporter Configuration").
    ///
    /// They are often set for a whole machine: what is not understood of them is warned of and stops nothing.
    mutating func readTracing(_ settings: inout SettingsReader) {
        let isDisabled = settings.text("OTEL_SDK_DISABLED")?.lowercased() == "true"
        let exporter = (settings.text("OTEL_TRACES_EXPORTER") ?? "otlp").lowercased()
        var configuration = TracingConfiguration()
        configuration.version = Version.number
        configuration.endpoint = readEndpoint(&settings)
        configuration.headers = readOTLPHeaders(&settings)
        configuration.timeout = .milliseconds(
            number("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", &settings)
                ?? number("OTEL_EXPORTER_OTLP_TIMEOUT", &settings) ?? 10_000)
        configuration.resource = readResource(&settings)
        configuration.sampler = readSampler(&settings)
        configuration.queueSize = number("OTEL_BSP_MAX_QUEUE_SIZE", &settings) ?? configuration.queueSize
        configuration.batchSize = min(
            number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", &settings) ?? configuration.batchSize, configuration.queueSize)
        if let delay = number("OTEL_BSP_SCHEDULE_DELAY", &settings) { configuration.delay = .milliseconds(delay) }
        warnOfProtocol(&settings, isOn: configuration.endpoint != nil)
        guard !isDisabled else { return }
        switch exporter {
        case "none":
            // Traces are begun and passed on, and nobody is told of them.
            configuration.endpoint = nil
            tracing = configuration
        case "otlp":
            if configuration.endpoint != nil { tracing = configuration }
        default:
            settings.warn("OTEL_TRACES_EXPORTER=\(exporter): otlp or none is expected; there are no traces")
        }
    }

    private func readEndpoint(_ settings: inout SettingsReader) -> String? {
        let own = settings.url("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", keepsSlash: true)
        let general = settings.url("OTEL_EXPORTER_OTLP_ENDPOINT")
        // The one for traces is taken as it is; to the general one each signal adds its own path.
        return own ?? general.map { "\($0)/v1/traces" }
    }

    /// `key=value,key=value`, the values percent-encoded.
    private func readOTLPHeaders(_ settings: inout SettingsReader) -> HTTPFields {
        var fields = HTTPFields()
        let general = settings.text("OTEL_EXPORTER_OTLP_HEADERS", isSecret: true)
        guard let text = settings.text("OTEL_EXPORTER_OTLP_TRACES_HEADERS", isSecret: true) ?? general else {
            return fields
        }
        for (name, value) in ProductConfiguration.pairs(text) ?? [] { fields.append(name, value) }
        let isGood = fields.fields.allSatisfy { field in
            !field.name.isEmpty && field.name.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x3A }
                && field.value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        }
        if isGood, !fields.fields.isEmpty { return fields }
        settings.warn("OTEL_EXPORTER_OTLP_HEADERS: name=value,name=value is expected; it is ignored")
        return HTTPFields()
    }

    private func readResource(_ settings: inout SettingsReader) -> [Span.Attribute] {
        var resource: [Span.Attribute] = []
        let named = settings.text("OTEL_SERVICE_NAME")
        if let text = settings.text("OTEL_RESOURCE_ATTRIBUTES") {
            if let pairs = ProductConfiguration.pairs(text) {
                resource = pairs.map { Span.Attribute($0.name, .string($0.value)) }
            } else {
                settings.warn("OTEL_RESOURCE_ATTRIBUTES: name=value,name=value is expected; it is ignored")
            }
        }
        func add(_ name: String, _ value: String, wins: Bool = false) {
            if wins { resource.removeAll { $0.name == name } }
            if !resource.contains(where: { $0.name == name }) { resource.append(.init(name, .string(value))) }
        }
        if let named { add("service.name", named, wins: true) }
        add("service.name", "chatbridge")
        add("service.version", Version.number)
        add("telemetry.sdk.name", "chatbridge", wins: true)
        add("telemetry.sdk.language", "swift", wins: true)
        add("telemetry.sdk.version", Version.number, wins: true)
        return resource
    }

    private func readSampler(_ settings: inout SettingsReader) -> TraceSampler {
        let name = settings.text("OTEL_TRACES_SAMPLER") ?? "parentbased_always_on"
        let argument = settings.text("OTEL_TRACES_SAMPLER_ARG")
        if let sampler = TraceSampler(name: name.lowercased(), argument: argument) { return sampler }
        settings.warn(
            "OTEL_TRACES_SAMPLER=\(name) with OTEL_TRACES_SAMPLER_ARG=\(argument ?? "") is not understood: all traces are kept"
        )
        return TraceSampler()
    }

    private func warnOfProtocol(_ settings: inout SettingsReader, isOn: Bool) {
        let own = settings.text("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        let general = settings.text("OTEL_EXPORTER_OTLP_PROTOCOL")
        guard isOn, let name = own ?? general, name != "http/json" else { return }
        settings.warn("OTEL_EXPORTER_OTLP_PROTOCOL=\(name): traces are sent as http/json, which is all there is here")
    }

    /// A whole number above zero; nil where none is set, or something else.
    private func number(_ name: String, _ settings: inout SettingsReader) -> Int? {
        guard let text = settings.text(name) else { return nil }
        if let number = Int(text), (1...3_600_000).contains(number) { return number }
        settings.warn("\(name)=\(text): a whole number above zero is expected; it is ignored")
        return nil
    }

    /// The pairs of `name=value,name=value` (W3C Baggage), values percent-decoded; nil for anything else.
    private static func pairs(_ text: String) -> [(name: String, value: String)]? {
        var pairs: [(name: String, value: String)] = []
        for part in text.split(separator: ",") {
            guard let equals = part.firstIndex(of: "=") else { return nil }
            let name = part[..<equals].filter { $0 != " " }
            let value = part[part.index(after: equals)...].drop { $0 == " " }
            guard !name.isEmpty else { return nil }
            pairs.append((String(name), HTTPPercentEncoding.decode(value.utf8)))
        }
        return pairs
    }
}
