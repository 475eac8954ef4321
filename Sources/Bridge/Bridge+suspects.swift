internal import BridgeCore

/// Questions over which many bridges have died: one of them may be the cause, and most are not.
///
/// A bridge dies with all that it has in hand, so the number of deaths alone tells of nobody. Such questions are tried one at
/// a time, and the inbox is told of each before: the one that is found so once more was alone with its bridge.
extension Bridge {
    /// So many bridges may die before a question is tried alone.
    private static let suspicion = 10

    /// Whether a question is to be tried alone.
    func isSuspect(_ question: Question) -> Bool { question.attempts >= Bridge.suspicion }

    /// Tries a question with no other suspect beside it.
    @inline(never) func tryAlone(_ question: Question) async {
        question.stage = .asking
        if isSuspectInHand { await withCheckedContinuation { waitingSuspects.append($0) } }
        isSuspectInHand = true
        if await begin(question, progress: InboxProgress.tried.encoded) { await answerUnsuspected(question) }
        isSuspectInHand = !waitingSuspects.isEmpty
        if !waitingSuspects.isEmpty { waitingSuspects.removeFirst().resume() }
    }
}
