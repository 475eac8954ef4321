import BridgeTesting
import Glibc

/// One thing that is fuzzed: `FUZZ_TARGET=NAME` chooses it.
// @unchecked: libFuzzer has one thread.
struct FuzzTarget: @unchecked Sendable {
    /// Its name, and that of its seeds in `Fuzz/corpus`.
    let name: String
    /// Whether its inputs are JSON or forms, so that changing their structure finds more than changing their bytes.
    var isStructured = false
    /// Its share of the time.
    var weight = 1
    /// The recorded payloads that it begins with besides its own seeds.
    var fixtures: [String] = []
    /// Tries one input; a broken promise ends the process.
    let run: ([UInt8]) -> Void
}

/// What a run reached, counted under names and printed at its end.
///
/// A target whose inputs all end at the door shows it here.
nonisolated(unsafe) var reach: [String: Int] = [:]

/// Ends the process unless a promise is kept.
func promise(_ isKept: Bool, _ words: @autoclosure () -> String) {
    if !isKept { fatalError(words()) }
}

nonisolated(unsafe) private var target: FuzzTarget?
/// Whether each input is also tried with every single change of its structure.
nonisolated(unsafe) private var sweeps = false

@_silgen_name("LLVMFuzzerMutate")
private func mutateBytes(_ start: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int) -> Int

/// Chooses the target; without a choice, lists all of them and ends.
@_cdecl("LLVMFuzzerInitialize")
public func initializeFuzzer(
    _ count: UnsafeMutablePointer<CInt>?,
    _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>>>?
) -> CInt {
    guard let wanted = getenv("FUZZ_TARGET").map({ String(cString: $0) }) else {
        for target in fuzzTargets { print(target.name, target.weight, target.fixtures.joined(separator: " ")) }
        exit(0)
    }
    target = fuzzTargets.first { $0.name == wanted }
    guard target != nil else { fatalError("FUZZ_TARGET=\(wanted) is none of the targets") }
    sweeps = getenv("FUZZ_SWEEP") != nil
    atexit {
        let words = reach.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        print("reached: \(words.joined(separator: ", "))")
        fflush(nil)
    }
    return 0
}

/// Tries one input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // A copy of its own, so that the address sanitizer sees a step over either end.
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let target else { return 0 }
    target.run(bytes)
    if sweeps, target.isStructured { PayloadMutation.eachChange(of: bytes, target.run) }
    return 0
}

/// Changes an input, of structured targets mostly in its structure.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutateInput(_ start: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, _ seed: CUnsignedInt) -> Int {
    var random = SeededGenerator(seed: UInt64(seed))
    guard target?.isStructured == true, Int.random(in: 0..<16, using: &random) != 0 else {
        return mutateBytes(start, count, limit)
    }
    let changed = PayloadMutation.mutated(
        Array(UnsafeBufferPointer(start: start, count: count)), structure: 7, using: &random)
    let size = min(changed.count, limit)
    for index in 0..<size { start[index] = changed[index] }
    return size
}
