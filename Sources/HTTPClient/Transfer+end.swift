internal import CCurl
internal import HTTPCore

extension Transfer {
    /// What curl's word on the transfer's end means for the caller; nil when all has come.
    func error(after code: CURLcode) -> HTTPClientError? {
        if code == CURLE_OK, isHeadWhole { return nil }
        if let failure {
            return HTTPClientError(
                code: failure, mayHaveBeenProcessed: true,
                message: failure == .tooLarge ? "the answer is longer than allowed" : "the answer is not HTTP")
        }
        if hasRefusedAddress, code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK {
            return HTTPClientError(
                code: .privateAddress, mayHaveBeenProcessed: wasSent,
                message: "the address is not one of the Internet, and was not chosen by the configuration")
        }
        let hasAnswer = status != 0 || !head.isEmpty
        return HTTPClientError(
            curl: code == CURLE_OK ? CURLE_GOT_NOTHING : code, wasSent: wasSent, hasAnswer: hasAnswer)
    }

    /// Tells those who wait how the transfer has ended; from here on no ticket fits it.
    func resumeWaiters(with error: HTTPClientError?) {
        let purpose = purpose
        self.purpose = .idle
        generation += 1
        switch purpose {
        case .idle, .connected: break
        case .connect(let continuation):
            continuation.resume(returning: error.map { .failure($0) } ?? .success(()))
        case .collect(let continuation):
            if let error {
                continuation.resume(returning: .failure(error))
            } else {
                continuation.resume(returning: .success(takeResponse()))
            }
        case .stream(let source):
            source.end = error.map { .failure($0) } ?? .success(())
            source.ticket = nil
            if let waiter = source.headWaiter {
                source.headWaiter = nil
                waiter.resume(returning: error.map { .failure($0) } ?? .success(takeHead()))
            }
            if let reader = source.reader {
                source.reader = nil
                if !source.pending.isEmpty {
                    reader.resume(returning: .success(source.takePending()))
                } else {
                    reader.resume(returning: error.map { .failure($0) } ?? .success(nil))
                }
            }
        }
    }

    /// Moves the answer out.
    private func takeResponse() -> HTTPClientResponse {
        let response = HTTPClientResponse(
            status: HTTPStatus(status), head: ResponseHead(wire: head), body: body, timeOfBody: timeOfBody)
        head = []
        body = []
        return response
    }

    /// From the first byte of the answer to its end, as curl has measured it (CURLINFO_STARTTRANSFER_TIME_T(3)).
    private var timeOfBody: Duration {
        var (first, total): (curl_off_t, curl_off_t) = (0, 0)
        guard cb_easy_get_off(handle, CURLINFO_STARTTRANSFER_TIME_T, &first) == CURLE_OK,
            cb_easy_get_off(handle, CURLINFO_TOTAL_TIME_T, &total) == CURLE_OK, total > first
        else { return .zero }
        return .microseconds(Int64(total - first))
    }

    /// Moves the head out.
    func takeHead() -> HTTPClientStream.Head {
        let result = HTTPClientStream.Head(status: HTTPStatus(status), head: ResponseHead(wire: head))
        head = []
        return result
    }
}
