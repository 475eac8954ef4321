"""From what was sent, seen and written to what was lost and doubled. Pure, so that it is tested without any process."""

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Message:
    """A question that a user sent."""

    platform: str
    conversation: str
    number: int
    """Its place in the conversation, from 1; the next is sent when this one is acknowledged."""

    @property
    def text(self) -> str:
        return f"c{self.conversation}n{self.number}"

    @property
    def answer(self) -> str:
        return f"re: {self.text}"


@dataclass(frozen=True)
class Delivery:
    """A message that the platform was asked to show."""

    platform: str
    conversation: str
    text: str
    name: str
    """By which the receiver knows a message that is sent again; made up where the platform has no such names."""


@dataclass(frozen=True)
class Row:
    """A row of `messages`."""

    id: str
    direction: str
    platform: str
    conversation: str
    text: str
    status: str
    in_reply_to: str


@dataclass
class Counts:
    sent: int = 0
    acked: int = 0
    once: int = 0
    """Answered once, and not told of an error."""
    lost: int = 0
    """Acknowledged, and neither answered nor told of an error."""
    twice: int = 0
    """Answered more than once."""
    in_doubt: int = 0
    """Told by ERROR_REPLY, or kept as a dead letter, because it was not known whether the answer had been shown."""
    in_doubt_shown: int = 0
    """Of these, the ones whose answer had been shown."""
    repeated: int = 0
    """Sent again under the same name: the receiver knows."""
    reordered: int = 0
    """Answers shown after the answer to a later message of the conversation."""
    inbound_missing: int = 0
    inbound_doubled: int = 0
    outbound_missing: int = 0
    outbound_doubled: int = 0
    log_dead: int = 0
    """Dead letters of the log queue."""
    dead: int = 0
    """Dead letters of deliveries."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """Up to five of each that should not be."""

    def note(self, what: str, example: str) -> None:
        setattr(self, what, getattr(self, what) + 1)
        found = self.examples.setdefault(what, [])
        if len(found) < 5:
            found.append(example)

    def as_dict(self) -> dict:
        return asdict(self)


def count(
    sent: list[Message], acked: set[Message], deliveries: list[Delivery], rows: list[Row], error_reply: str,
    dead_letters: list[str], log_dead: int = 0,
) -> Counts:
    """What became of the messages.

    `deliveries` in the order in which they came; `dead_letters` are the texts of the inbox's. Of both, and of the rows,
    what belongs to other messages is passed over.
    """
    counts = Counts(sent=len(sent), acked=len(acked), log_dead=log_dead)
    names: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for delivery in deliveries:
        names[delivery.platform, delivery.conversation, delivery.text][delivery.name] += 1

    inbound: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    outbound: Counter[tuple[str, str, str]] = Counter()
    told_ids: set[str] = set()
    for row in rows:
        key = (row.platform, row.conversation, row.text)
        if row.direction == "inbound":
            inbound[key].append(row)
        elif row.text == error_reply:
            told_ids.add(row.in_reply_to)
        else:
            outbound[key] += 1

    for message in sent:
        question = (message.platform, message.conversation, message.text)
        answer = (message.platform, message.conversation, message.answer)
        label = f"{message.platform} {message.text}"
        ids = {row.id for row in inbound[question]}
        is_dead = any(
            identifier in letter for identifier in [*ids, f'"{message.answer}"', f'"{message.text}"']
            for letter in dead_letters)
        is_told = is_dead or not ids.isdisjoint(told_ids)
        shown = len(names[answer])
        counts.repeated += sum(names[answer].values()) - shown
        counts.dead += is_dead
        if is_told:
            counts.in_doubt += 1
            counts.in_doubt_shown += shown > 0
        if shown > 1:
            counts.note("twice", label)
        elif shown == 1 and not is_told:
            counts.once += 1
        elif shown == 0 and not is_told and message in acked:
            counts.note("lost", label)
        if message in acked and not ids:
            counts.note("inbound_missing", label)
        if len(inbound[question]) > 1:
            counts.note("inbound_doubled", label)
        # In doubt, the dead letter has the answer.
        if shown > 0 and outbound[answer] == 0 and not is_told:
            counts.note("outbound_missing", label)
        if outbound[answer] > 1:
            counts.note("outbound_doubled", label)

    for late in late_answers(sent, deliveries):
        counts.note("reordered", late)
    return counts


def late_answers(sent: list[Message], deliveries: list[Delivery]) -> list[str]:
    """The answers that were first shown after the answer to a later message of their conversation."""
    numbers = {(message.platform, message.conversation, message.answer): message.number for message in sent}
    latest: dict[tuple[str, str], int] = {}
    seen: set[tuple[str, str, str]] = set()
    late = []
    for delivery in deliveries:
        key = (delivery.platform, delivery.conversation, delivery.text)
        if key not in numbers or key in seen:
            continue
        seen.add(key)
        lane = key[:2]
        if numbers[key] < latest.get(lane, 0):
            late.append(f"{delivery.platform} {delivery.text}")
        latest[lane] = max(latest.get(lane, 0), numbers[key])
    return late


NEVER = (
    "lost", "twice", "reordered", "inbound_missing", "inbound_doubled", "outbound_missing", "outbound_doubled", "log_dead")


def broken(counts: Counts, ack: str, bridges_died: bool, stores_died: bool) -> list[str]:
    """The promises that these counts break.

    `durable`: nothing is lost, doubled or out of order, whatever dies. `fast` promises that of a run in which no bridge has
    died; where Redis has died too, two bridges may answer the same event.
    """
    faults = [] if counts.acked == counts.sent else [f"{counts.sent - counts.acked} never acknowledged"]
    if ack == "durable":
        wanted = NEVER
    elif bridges_died:
        wanted = ("log_dead",)
    elif stores_died:
        wanted = ("lost", "inbound_missing", "outbound_missing", "log_dead")
    else:
        wanted = NEVER
    return faults + [f"{getattr(counts, name)} {name}" for name in wanted if getattr(counts, name)]
