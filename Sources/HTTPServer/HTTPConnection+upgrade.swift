internal import EventLoop
internal import HTTPCore

extension HTTPConnection {
    /// Answers 101; the socket changes hands once that and the responses before it are sent.
    func begin(_ upgrade: HTTPUpgrade) {
        guard let exchange else { return }
        guard exchange.minorVersion == 1, !core.isDraining, !isPeerClosed else {
            // `Upgrade` is of HTTP/1.1 (RFC 9110, section 7.8).
            let response: HTTPResponse =
                exchange.minorVersion == 1
                ? .error(.serviceUnavailable, code: "stopping", message: "The server stops.")
                : .error(.badRequest, code: "http_version", message: "An upgrade needs HTTP/1.1.")
            _ = begin(response, of: exchange.id)
            return
        }
        self.exchange = nil
        self.upgrade = upgrade
        stage = .upgrading
        borrowOutput()
        HTTPResponseSerializer.appendUpgrade(
            to: upgrade.protocolName, upgrade.headers, dateLine: core.dateLine, to: &output)
    }

    /// Hands the socket over if the answer is sent.
    func finishUpgrade() {
        guard let upgrade, outputOffset == output.count else { return }
        self.upgrade = nil
        stage = .upgraded
        watcher = nil
        let stream = HTTPUpgradedStream(self, early: takePending())
        upgraded = stream
        forgetDeadline()
        upgrade.start(stream)
        if core.isDraining { stream.drain() }
    }
}
