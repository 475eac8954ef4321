internal import BridgeCore
internal import Telemetry

/// The counters of copies; those of a platform are asked for when its first attachment comes to an end.
struct AttachmentMetrics {
    /// Why there is no copy.
    enum Reason: String {
        /// Larger than `ATTACHMENT_MAX_BYTES`.
        case tooLarge = "too_large"
        /// The platform does not give it out, or what it gave is no media.
        case unavailable
        /// The bucket did not take it.
        case storage
        /// Too many waited.
        case overflow
        /// The process was stopped.
        case stopped
    }

    let waiting: Gauge
    let seconds: Histogram
    private let metrics: Metrics

    init(_ metrics: Metrics) {
        self.metrics = metrics
        waiting = metrics.gauge(
            "chatbridge_attachments_waiting", help: "Attachments that are being copied or wait for it.")
        seconds = metrics.histogram("chatbridge_attachment_seconds", help: "Message taken to its attachment stored.")
    }

    func stored(_ bytes: Int, of platform: PlatformName) {
        let labels: Metrics.Labels = [("platform", platform.rawValue)]
        metrics.counter("chatbridge_attachments_stored_total", help: "Attachments copied.", labels: labels).increment()
        metrics.counter("chatbridge_attachment_bytes_total", help: "Bytes of attachments copied.", labels: labels)
            .increment(by: bytes)
    }

    func failed(_ reason: Reason, of platform: PlatformName) {
        metrics.counter(
            "chatbridge_attachments_failed_total", help: "Attachments that were not copied.",
            labels: [("platform", platform.rawValue), ("reason", reason.rawValue)]
        ).increment()
    }

    func retried(of platform: PlatformName) {
        metrics.counter(
            "chatbridge_attachment_retries_total", help: "Copies of attachments tried again.",
            labels: [("platform", platform.rawValue)]
        ).increment()
    }
}
