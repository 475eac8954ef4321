internal import CMigrations
internal import Glibc

/// The migrations that are part of the program, or in a folder.
public enum Migrations {
    /// The files of `migrations/` as they were when the program was built.
    public static func embedded() throws(MigrationError) -> [Migration] {
        let files = UnsafeBufferPointer(start: cb_migration_files, count: cb_migration_file_count)
        return try assemble(
            files.map { file in
                let bytes = UnsafeBufferPointer(start: file.bytes, count: file.count)
                return (String(cString: file.name), String(decoding: bytes, as: UTF8.self))
            })
    }

    /// Reads every `.sql` file of a folder.
    ///
    /// - Throws: ``MigrationError`` when the folder cannot be read, or the names make no sequence.
    public static func load(directory: String) throws(MigrationError) -> [Migration] {
        guard let folder = opendir(directory) else { throw .unreadable(path: directory) }
        defer { closedir(folder) }
        var files: [(String, String)] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasSuffix(".sql") else { continue }
            guard let text = contents(of: "\(directory)/\(name)") else {
                throw .unreadable(path: "\(directory)/\(name)")
            }
            files.append((name, text))
        }
        return try assemble(files)
    }

    /// Pairs the files and checks their numbers.
    static func assemble(_ files: [(name: String, text: String)]) throws(MigrationError) -> [Migration] {
        var parts: [Int: (name: String, up: String?, down: String?)] = [:]
        for file in files {
            guard let (version, name, isUp) = parse(file.name) else { throw .badFileName(file.name) }
            var part = parts[version] ?? (name, nil, nil)
            guard part.name == name, (isUp ? part.up : part.down) == nil else {
                throw .badNumbering("\(version) is both \(part.name) and \(name)")
            }
            if isUp { part.up = file.text } else { part.down = file.text }
            parts[version] = part
        }
        var migrations: [Migration] = []
        for (index, version) in parts.keys.sorted().enumerated() {
            guard version == index + 1 else { throw .badNumbering("\(index + 1) is missing") }
            guard let part = parts[version], let up = part.up else { throw .badNumbering("\(version) has no up.sql") }
            migrations.append(Migration(version: version, name: part.name, up: up, down: part.down))
        }
        return migrations
    }

    private static func parse(_ fileName: String) -> (version: Int, name: String, isUp: Bool)? {
        let isUp = fileName.hasSuffix(".up.sql")
        guard isUp || fileName.hasSuffix(".down.sql") else { return nil }
        let stem = fileName.dropLast(isUp ? 7 : 9)
        guard let underscore = stem.firstIndex(of: "_"), let version = Int(stem[..<underscore]), version > 0,
            stem[..<underscore].utf8.count == 4
        else { return nil }
        let name = stem[stem.index(after: underscore)...]
        guard !name.isEmpty,
            name.utf8.allSatisfy({ $0 == 0x5f || (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) })
        else { return nil }
        return (version, String(name), isUp)
    }

    private static func contents(of path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return ferror(file) == 0 ? String(validating: bytes, as: UTF8.self) : nil
    }
}
