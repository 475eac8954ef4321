internal import CLoader

/// What the process holds of the machine's memory.
public enum ProcessMemory {
    /// Gives back the code and constants that only the start has needed: some 10 MB of two dozen.
    ///
    /// What is used again is mapped anew from the kernel's page cache, at a microsecond for 64 KB. Costs 2 ms; call it once, when
    /// all is set up.
    public static func dropStartPages() {
        cb_drop_code_pages()
    }
}
