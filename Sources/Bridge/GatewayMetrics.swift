internal import BridgeCore
internal import Telemetry

/// What a gateway has done, for the metrics.
final class GatewayMetrics: Sendable {
    let connected: Gauge
    let connections: Counter

    init(_ metrics: Metrics, platform: PlatformName) {
        let labels: Metrics.Labels = [("platform", platform.rawValue)]
        connected = metrics.gauge(
            "chatbridge_gateway_connected", help: "Connections to the platform's gateway that are open.", labels: labels
        )
        connections = metrics.counter(
            "chatbridge_gateway_connections_total", help: "Connections made to the platform's gateway.", labels: labels)
    }
}
