internal import CCurl
internal import Glibc

/// The functions that curl calls, kept apart from any actor: a closure made in isolated code would trap here.
///
/// None of them resumes a continuation or calls curl's multi interface; they note what happened, and ``TransferPool`` acts
/// once curl has returned (`CURLMOPT_SOCKETFUNCTION(3)`, `curl_multi_socket_action(3)`).
enum CurlCallbacks {
    static let body: curl_write_callback = { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        return transfer.receive(body: UnsafeRawBufferPointer(start: bytes, count: size * count))
    }

    static let header: curl_write_callback = { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        return transfer.receive(header: UnsafeRawBufferPointer(start: bytes, count: size * count))
    }

    static let beforeRequest: curl_prereq_callback = { context, address, _, _, _ in
        guard let context else { return CURL_PREREQFUNC_ABORT }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        // A connection that another request has made was not looked at when it was opened.
        if transfer.refusesPrivateAddresses, address.map({ PrivateAddress.contains(text: $0) }) ?? true {
            transfer.hasRefusedAddress = true
            return CURL_PREREQFUNC_ABORT
        }
        return transfer.maySendNow ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
    }

    static let socket: curl_socket_callback = { _, descriptor, what, context, _ in
        guard let context else { return 0 }
        let multi = Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue()
        multi.pool.sockets.curlWants(what, of: descriptor, in: multi)
        return 0
    }

    static let timer: curl_multi_timer_callback = { _, milliseconds, context in
        guard let context else { return 0 }
        Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue().curlWantsToWait(milliseconds: milliseconds)
        return 0
    }

    static let openSocket: curl_opensocket_callback = { context, _, address in
        guard let context, let address else { return cb_socket_bad }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        guard let multi = transfer.multi else { return cb_socket_bad }
        // Here, and not by the URL: what a name stands for is known when it has been looked up, and only then.
        if transfer.refusesPrivateAddresses {
            let place = MemoryLayout<curl_sockaddr>.offset(of: \.addr)
            guard let place, !PrivateAddress.contains(UnsafeRawPointer(address) + place) else {
                transfer.hasRefusedAddress = true
                return cb_socket_bad
            }
        }
        let kind = address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = Glibc.socket(address.pointee.family, kind, address.pointee.protocol)
        guard descriptor >= 0 else { return cb_socket_bad }
        transfer.pool.sockets.opened(descriptor, for: multi)
        return descriptor
    }

    static let closeSocket: curl_closesocket_callback = { context, descriptor in
        if let context {
            Unmanaged<TransferPool>.fromOpaque(context).takeUnretainedValue().sockets.forget(descriptor)
        }
        return close(descriptor)
    }
}
