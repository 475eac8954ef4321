import COpenSSL

/// Returns that many bytes nobody can foretell, from OpenSSL's generator.
///
/// Stops the process when the system has no randomness to give: to go on with guessable secrets would be worse.
public func randomBytes(_ count: Int) -> [UInt8] {
    precondition(count >= 0 && count <= Int(Int32.max), "a count of bytes")
    return [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
        precondition(RAND_bytes(output.baseAddress, Int32(count)) == 1, "no randomness")
        initialized = count
    }
}
