import HTTPCore
import Testing
import Tracing

@testable import chatbridge

struct TracingConfigurationTests {
    private func load(_ variables: [String: String]) -> LoadedConfiguration {
        ConfigurationLoader.load(environment: variables, file: nil, isWebDefault: true)
    }

    @Test func `nothing is traced unless a receiver is named`() {
        #expect(load([:]).product.tracing == nil)
        #expect(load(["OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "always_on"]).product.tracing == nil)
        let named = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4318"]
        #expect(load(named).product.tracing != nil)
        #expect(load(named.merging(["OTEL_SDK_DISABLED": "true"]) { $1 }).product.tracing == nil)
        let passing = load(named.merging(["OTEL_TRACES_EXPORTER": "none"]) { $1 }).product.tracing
        #expect(passing != nil && passing?.endpoint == nil)
    }

    @Test(arguments: [
        (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4318"], "http://otel:4318/v1/traces"),
        (["OTEL_EXPORTER_OTLP_ENDPOINT": "https://otel/base/"], "https://otel/base/v1/traces"),
        (["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://otel:4318/own/"], "http://otel:4318/own/"),
        (
            [
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b/t",
            ], "http://b/t"
        ),
    ])
    func `the path is added to the general address alone`(variables: [String: String], endpoint: String) {
        #expect(load(variables).product.tracing?.endpoint == endpoint)
    }

    @Test func `header fields and attributes are decoded, and secrets stay secret`() throws {
        let loaded = load([
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4318",
            "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic%20aHVzaA==, x-team = a%2Cb",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.name=loses",
            "OTEL_SERVICE_NAME": "wins",
            "OTEL_BSP_MAX_QUEUE_SIZE": "100", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.25",
        ])
        let tracing = try #require(loaded.product.tracing)
        #expect(loaded.problems == [] && loaded.warnings == [])
        #expect(tracing.headers["Authorization"] == "Basic aHVzaA==")
        #expect(tracing.headers["x-team"] == "a,b")
        #expect(tracing.resource.contains(.init("service.name", "wins")))
        #expect(tracing.resource.count { $0.name == "service.name" } == 1)
        #expect(tracing.resource.contains(.init("deployment.environment.name", "test")))
        #expect(tracing.resource.contains(.init("service.version", .string(Version.number))))
        #expect(tracing.queueSize == 100 && tracing.batchSize == 100)
        #expect(tracing.sampler == TraceSampler(root: .ratio(0.25)))
        #expect(loaded.shown.allSatisfy { !$0.value.contains("aHVzaA") })
    }

    @Test(arguments: [
        ["OTEL_TRACES_SAMPLER": "sometimes"], ["OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"],
        ["OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"], ["OTEL_EXPORTER_OTLP_HEADERS": "nonsense"],
        ["OTEL_EXPORTER_OTLP_HEADERS": "a=b%0D%0AX: y"], ["OTEL_BSP_SCHEDULE_DELAY": "soon"],
        ["OTEL_RESOURCE_ATTRIBUTES": "nonsense"], ["OTEL_TRACES_EXPORTER": "zipkin"],
    ])
    func `what is not understood is warned of, and stops nothing`(variables: [String: String]) {
        let loaded = load(variables.merging(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4318"]) { $1 })
        #expect(loaded.problems == [])
        #expect(loaded.warnings.count == 1, "\(loaded.warnings)")
        #expect(loaded.warnings.first.map { $0.hasPrefix("OTEL_") } == true)
        if let headers = loaded.product.tracing?.headers { #expect(headers.fields.isEmpty) }
    }

    @Test func `a logger listens only where it is told to`() {
        #expect(load([:]).product.loggerPort == nil)
        #expect(load(["LOGGER_PORT": "3001"]).product.loggerPort == 3001)
        #expect(load(["LOGGER_PORT": "70000"]).problems.count == 1)
    }
}
