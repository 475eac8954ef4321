import Glibc

@testable import Journal

/// Opens the input as a segment of the spool; then makes a right segment of it, damages that where the input says, and opens
/// it: no crash, no end without an end, no job that was not written with this checksum.
func fuzzSpool(_ bytes: [UInt8]) {
    read(bytes)
    read(Array("CBSPOOL1".utf8) + [16, 0, 0, 0, 0, 0, 0, 0] + bytes)
    damaged(bytes)
}

// Of the GNU library, whose own names the module map leaves out.
@_silgen_name("memfd_create")
private func memfd_create(_ name: UnsafePointer<CChar>, _ flags: CUnsignedInt) -> CInt
@_silgen_name("memmem")
private func memmem(
    _ bytes: UnsafeRawPointer?, _ count: Int, _ part: UnsafeRawPointer?, _ partCount: Int
) -> UnsafeRawPointer?

/// A file in memory that can be opened by its path.
private let file = memfd_create("spool", 0)

private func read(_ bytes: [UInt8]) {
    ftruncate(file, 0)
    promise(pwrite(file, bytes, bytes.count, 0) == bytes.count, "the file in memory cannot be written")
    for (count, size) in [(1, 16), (3, 64), (500, 1 << 20)] {
        guard var segment = try? SpoolSegment.open(at: "/proc/self/fd/\(file)") else { return }
        reach["segments", default: 0] += 1
        var rounds = 0
        while !segment.isEmpty {
            rounds += 1
            promise(rounds <= bytes.count + 2, "the reader goes round and round")
            let from = segment.consumed
            guard let (jobs, end, _) = try? segment.oldest(maximumCount: count, maximumBytes: size) else {
                fatalError("a file in memory cannot be read")
            }
            promise(jobs.count <= count, "more jobs than were asked for")
            promise(end > from && end <= segment.size, "no step forward")
            for job in jobs {
                reach["jobs", default: 0] += 1
                promise(holds(bytes, record(of: job)), "a job whose record is not in the file")
            }
            // As the pump does. The header is written over: what follows reads from memory.
            guard (try? segment.consume(to: end, records: jobs.count)) != nil else { return }
        }
        promise(pwrite(file, bytes, bytes.count, 0) == bytes.count, "the file in memory cannot be written")
    }
}

private func damaged(_ bytes: [UInt8]) {
    guard bytes.count > 4 else { return }
    var segment = Array("CBSPOOL1".utf8) + [16, 0, 0, 0, 0, 0, 0, 0]
    for job in bytes.dropFirst(4).split(separator: UInt8(ascii: "\n")) { segment += record(of: Array(job)) }
    let place = Int(bytes[0]) << 8 | Int(bytes[1])
    switch bytes[2] % 4 {
    case 0: segment[place % segment.count] ^= bytes[3] | 1
    case 1: segment.removeLast(place % segment.count)
    case 2: segment.insert(bytes[3], at: place % segment.count)
    default: segment.replaceSubrange((place % segment.count)..., with: [UInt8](repeating: 0, count: Int(bytes[3]) * 16))
    }
    read(segment)
}

/// The record of a job, made apart from the reader: bit by bit.
private func record(of job: [UInt8]) -> [UInt8] {
    let length = (0..<4).map { UInt8(truncatingIfNeeded: job.count >> ($0 * 8)) }
    var checksum = ~UInt32(0)
    for byte in length + job {
        checksum ^= UInt32(byte)
        for _ in 0..<8 { checksum = checksum & 1 == 0 ? checksum >> 1 : checksum >> 1 ^ 0x82F6_3B78 }
    }
    checksum = ~checksum
    return length + (0..<4).map { UInt8(truncatingIfNeeded: checksum >> ($0 * 8)) } + job
}

private func holds(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { bytes in
        part.withUnsafeBytes { memmem(bytes.baseAddress, bytes.count, $0.baseAddress, $0.count) != nil }
    }
}
