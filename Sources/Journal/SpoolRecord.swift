/// One job in a segment of the spool: its length (32 bits, little-endian), the CRC-32C of length and job, the job.
///
/// The length is part of the checksum, so that a run of zeros, which is what a crash leaves in some file systems, is no record.
enum SpoolRecord {
    /// Bytes before the job.
    static let headerSize = 8

    /// What stands at a place of a segment.
    enum Reading {
        /// A whole record; the offset where the next begins.
        case job([UInt8], next: Int)
        /// A record with a wrong checksum; the offset where the next begins.
        case damaged(next: Int)
        /// A record may begin here, and goes beyond the bytes given: it needs so many in all.
        case incomplete(needed: Int)
        /// No record can begin here.
        case invalid
    }

    /// The largest job: far above any message, and small enough that a damaged length is seen.
    static let largestJob = 64 << 20

    /// Appends the record of a job.
    static func append(_ job: [UInt8], to bytes: inout [UInt8]) {
        var length = UInt32(job.count).littleEndian
        let checksum = withUnsafeBytes(of: &length) { header in
            job.withUnsafeBytes { CRC32C.checksum($0, continuing: CRC32C.checksum(header)) }
        }
        withUnsafeBytes(of: length) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: checksum.littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: job)
    }

    /// Reads the record that begins at `offset`.
    static func read(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Reading {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        guard rest.count >= headerSize else { return .incomplete(needed: headerSize) }
        let length = Int(UInt32(littleEndian: rest.loadUnaligned(as: UInt32.self)))
        guard length > 0, length <= largestJob else { return .invalid }
        let size = headerSize + length
        guard rest.count >= size else { return .incomplete(needed: size) }
        let stored = UInt32(littleEndian: rest.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        let header = UnsafeRawBufferPointer(rebasing: rest[..<4])
        let job = UnsafeRawBufferPointer(rebasing: rest[headerSize..<size])
        let checksum = CRC32C.checksum(job, continuing: CRC32C.checksum(header))
        guard checksum == stored else { return .damaged(next: offset + size) }
        return .job([UInt8](job), next: offset + size)
    }
}
