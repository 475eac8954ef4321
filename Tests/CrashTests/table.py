"""The table of a run: a line for each phase, for a terminal, for Markdown and for programs."""

import json
from typing import Any

COLUMNS = {
    "sent": "sent", "once": "once", "lost": "lost", "twice": "twice", "in_doubt": "in doubt", "reordered": "reordered",
    "inbound_missing": "in: missing", "inbound_doubled": "in: doubled", "outbound_missing": "out: missing",
    "outbound_doubled": "out: doubled", "log_dead": "dead jobs", "dead": "dead letters",
}

HEAD = "| what dies | kills | " + " | ".join(COLUMNS.values()) + " |\n| --- |" + " ---: |" * (len(COLUMNS) + 1)


def line(outcome: Any) -> str:
    """One line, in Markdown."""
    values = [str(getattr(outcome.counts, name)) for name in COLUMNS]
    kills = sum(outcome.kills.values())
    name = f"`{outcome.name}`" if "." in outcome.name else outcome.name
    return f"| {name} | {kills} | " + " | ".join(values) + " |"


def legend(outcomes: list[Any]) -> str:
    """What the columns have no room for."""
    whole = outcomes[-1]
    died = ", ".join(f"{count} of {kind}" for kind, count in whole.kills.items())
    text = (
        f"\n{sum(whole.kills.values())} kills ({died}) in {whole.seconds:.0f} s. {whole.counts.sent} messages sent,"
        f" {whole.counts.acked} acknowledged; {whole.refused} deliveries were not and were made again, {whole.again} were"
        f" made again all the same. {whole.unreached} kills were to be at a step that was not come to."
        f" {whole.counts.in_doubt_shown} of those in doubt had been shown, {whole.counts.repeated} answers were sent again"
        " under their name.")
    for outcome in outcomes[:-1]:
        if outcome.unreached:
            text += f"\nnot come to: {outcome.name} ({outcome.unreached} of {sum(outcome.kills.values())})"
    examples = {what: some for what, some in whole.counts.examples.items() if some}
    return text + "".join(f"\n{what}: {', '.join(some)}" for what, some in examples.items())


def as_json(outcomes: list[Any], options: Any, system: str, cores: int) -> str:
    lines = [
        {"name": outcome.name, "kills": outcome.kills, "unreached": outcome.unreached,
         "seconds": round(outcome.seconds, 1), "refused": outcome.refused, "again": outcome.again,
         **outcome.counts.as_dict(), "faults": outcome.faults}
        for outcome in outcomes]
    settings = {
        name: getattr(options, name)
        for name in ("kills", "seed", "ack", "bridges", "loggers", "rate", "lease", "appendfsync", "log_claim")}
    return json.dumps({"settings": settings, "system": system, "cores": cores, "lines": lines}, indent=1) + "\n"
