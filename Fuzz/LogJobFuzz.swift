import BridgeCore

/// Reads the input as a log job.
///
/// What is read and written again is the same.
func fuzzLogJob(_ bytes: [UInt8]) {
    do {
        let job = try LogJob(decoding: bytes)
        reach[kind(of: job), default: 0] += 1
        let written = job.encoded()
        do {
            let again = try LogJob(decoding: written)
            promise(again == job, "written again, another job: \(String(decoding: written, as: UTF8.self))")
            promise(again.encoded() == written, "written twice, and not the same")
        } catch {
            fatalError("written again, no job: \(error): \(String(decoding: written, as: UTF8.self))")
        }
    } catch {
        promise(!error.description.isEmpty, "an error without words")
        reach["refused", default: 0] += 1
    }
}

private func kind(of job: LogJob) -> String {
    switch job {
    case .message: "message"
    case .status: "status"
    case .receipt: "receipt"
    }
}
