import CCMark

/// Owns the tree that cmark makes of a text.
struct MarkdownTree: ~Copyable {
    private let root: OpaquePointer

    init(parsing source: UnsafeBufferPointer<UInt8>) {
        let parsed = source.withMemoryRebound(to: CChar.self) {
            cmark_parse_document($0.baseAddress, $0.count, CMARK_OPT_DEFAULT)
        }
        // cmark aborts the process itself when memory runs out; nil would be a bug of ours.
        guard let parsed else { preconditionFailure("cmark made no tree") }
        root = parsed
    }

    deinit {
        cmark_node_free(root)
    }

    /// What a walk does after a node.
    enum Step {
        case on
        /// Leaves out what the node just entered holds, and the way out of it.
        case past
    }

    /// Calls the body for each node on the way in, and on the way out of those that hold others.
    ///
    /// The walk does not recurse, so no nesting of the text is too deep for it.
    borrowing func walk(_ body: (MarkdownNode, _ entering: Bool) -> Step) {
        guard let iterator = cmark_iter_new(root) else { preconditionFailure("cmark made no iterator") }
        defer { cmark_iter_free(iterator) }
        while true {
            let event = cmark_iter_next(iterator)
            guard event != CMARK_EVENT_DONE, let node = cmark_iter_get_node(iterator) else { return }
            if body(MarkdownNode(pointer: node), event == CMARK_EVENT_ENTER) == .past {
                cmark_iter_reset(iterator, node, CMARK_EVENT_EXIT)
            }
        }
    }
}

/// One node of a tree, valid during the walk that gave it.
struct MarkdownNode {
    let pointer: OpaquePointer

    var type: cmark_node_type { cmark_node_get_type(pointer) }
    var startLine: Int { Int(cmark_node_get_start_line(pointer)) }
    var endLine: Int { Int(cmark_node_get_end_line(pointer)) }
    var startColumn: Int { Int(cmark_node_get_start_column(pointer)) }
    var isOrderedList: Bool { cmark_node_get_list_type(pointer) == CMARK_ORDERED_LIST }
    var listStart: Int { Int(cmark_node_get_list_start(pointer)) }
    var headingLevel: Int { Int(cmark_node_get_heading_level(pointer)) }
    var hasChildren: Bool { cmark_node_first_child(pointer) != nil }

    /// Whether it is a paragraph of a list whose items stand without blank lines between them.
    var isInTightList: Bool {
        guard let item = cmark_node_parent(pointer), let list = cmark_node_parent(item) else { return false }
        return cmark_node_get_type(list) == CMARK_NODE_LIST && cmark_node_get_list_tight(list) != 0
    }

    /// The text of a text, code or HTML node.
    var literal: UnsafeBufferPointer<UInt8> { Self.bytes(cmark_node_get_literal(pointer)) }
    /// What stands behind the opening fence of a code block.
    var fenceInfo: UnsafeBufferPointer<UInt8> { Self.bytes(cmark_node_get_fence_info(pointer)) }
    /// The address of a link or image, unescaped.
    var url: UnsafeBufferPointer<UInt8> { Self.bytes(cmark_node_get_url(pointer)) }

    private static func bytes(_ text: UnsafePointer<CChar>?) -> UnsafeBufferPointer<UInt8> {
        guard let text else { return UnsafeBufferPointer(start: nil, count: 0) }
        var count = 0
        while text[count] != 0 { count += 1 }
        return UnsafeRawBufferPointer(start: text, count: count).assumingMemoryBound(to: UInt8.self)
    }
}
