"""What dies when: a function of the seed and the numbers given, so that a run can be repeated."""

import random
import re
from dataclasses import dataclass, field
from pathlib import Path

KINDS = ("bridge", "logger", "redis", "postgres")

DEATHS = {"takeover": "", "recovered": "bridge sends to receiver", "buried": "bridge sends to telegram"}
"""Steps that are come to only after another process has died, and where it has to: empty: anywhere."""

TRAPS = ["bridge asks agent", "bridge sends to telegram", "bridge sends to receiver"]
"""Steps of which the other side knows: it has read the bridge's request, and the bridge dies before it is answered."""


@dataclass(frozen=True)
class Kill:
    """One end of one process."""

    target: str
    """`bridge-0`, `logger-1`, `redis`, `postgres`."""
    after: float
    """Seconds after it was up; for a step, how long it is waited for."""
    down: float
    """Seconds until it is started again."""
    step: str = ""
    """The failpoint at which it dies of itself; empty: at a random instant."""
    count: int = 1
    """Which time that the step is reached."""

    @property
    def order(self) -> str:
        """What the process is told of it at its start; empty: nothing."""
        return f"{self.step}:{self.count}" if self.step and not self.is_trap else ""

    @property
    def is_trap(self) -> bool:
        return self.step in TRAPS

    @property
    def server(self) -> str:
        """The server that a trap is in."""
        return self.step.split(" ")[-1]


@dataclass
class Phase:
    """Kills of one sort under load, then rest, then counting."""

    name: str
    kills: list[Kill] = field(default_factory=list)

    @property
    def targets(self) -> dict[str, list[Kill]]:
        """What each process has to go through, in order."""
        found: dict[str, list[Kill]] = {}
        for kill in self.kills:
            found.setdefault(kill.target, []).append(kill)
        return found

    def kills_of(self, kind: str) -> int:
        return sum(kill.target.startswith(kind) for kill in self.kills)


def failpoints(sources: Path) -> list[str]:
    """The names of all steps, as the sources have them."""
    names: set[str] = set()
    for path in sources.rglob("*.swift"):
        names.update(re.findall(r'Failpoint\.reach\("([^"]+)"\)', path.read_text()))
    return sorted(name for name in names if name.split(".")[0] in ("bridge", "logger"))


class Planner:
    def __init__(self, seed: int, bridges: int, loggers: int, lease: float):
        self.chance = random.Random(seed)
        self.names = {
            "bridge": [f"bridge-{number}" for number in range(bridges)],
            "logger": [f"logger-{number}" for number in range(loggers)], "redis": ["redis"], "postgres": ["postgres"]}
        self.lease = lease

    def at_random(self, kind: str, count: int) -> list[Kill]:
        """Kills at instants that nobody chose; every process of the kind in turn."""
        names = self.names[kind]
        # A store that is away stops everything behind it: it is given time to be used in between.
        after, down = ((0.3, 2.5), (0, 1.5)) if kind in ("bridge", "logger") else ((1, 4), (0, 2))
        return [
            Kill(names[number % len(names)], self.chance.uniform(*after), self.chance.uniform(*down))
            for number in range(count)]

    def at_step(self, step: str, count: int) -> list[Kill]:
        """Kills at one step, with what it takes to come there: a spool needs a Redis that is away, a take-over a death."""
        kind = "bridge" if step.startswith("bridge") else "logger"
        names = self.names[kind]
        wait = 12 + 2 * self.lease
        kills = []
        for number in range(count):
            down = self.chance.uniform(0, 1)
            if is_rare(step):
                # The first of a kind dies at random, the others at what they do about it.
                target = names[-1 - number % max(1, len(names) - 1)]
                if "adopting" in step:
                    # What is adopted was left by a bridge that died over its spool.
                    kills.append(Kill(target, wait, 0, "bridge.spool.appended", 1))
                kills.append(Kill(target, wait, down, step, 1))
            else:
                target = names[number % len(names)]
                often = 3 if kind == "logger" or "spool" in step else 60
                if "joined" in step or is_put_right(step):
                    often = 1
                kills.append(Kill(target, wait, down, step, self.chance.randint(1, often)))
        death = next((death for word, death in DEATHS.items() if word in step), None)
        if death is not None:
            for _ in range(count):
                down = self.chance.uniform(2, 3) + self.lease
                after = wait if death else self.chance.uniform(0.5, 1)
                kills.append(Kill(names[0], after, down, death, self.chance.randint(2, 10)))
        if "spool" in step or is_put_right(step):
            kills += [
                Kill("redis", self.chance.uniform(1, 2), self.chance.uniform(0.5, 1.5))
                for _ in range(2 * count + 2)]
        return kills

    def phases(self, kills: int, steps: list[str]) -> list[Phase]:
        """The plan of a run: every sort of kill by itself where there are enough of them, else two mixed phases."""
        if kills < 100:
            half = kills // 2
            mixed = Phase("at random", self.mixed(kills - half))
            # Those that need others to die first are for the long form.
            plain = [step for step in steps if not is_rare(step) and not is_put_right(step) and "spool" not in step]
            chosen = self.chance.sample(plain, min(half, len(plain)))
            return [mixed, Phase("at steps", [kill for step in chosen for kill in self.at_step(step, 1)])]
        phases = [Phase(f"{kind} at random", self.at_random(kind, kills // 10)) for kind in KINDS]
        phases.append(Phase("all at random", self.mixed(kills // 4)))
        rest = kills - sum(len(phase.kills) for phase in phases)
        return phases + self.step_phases(max(2, -(-rest // max(1, len(steps)))), steps)

    def step_phases(self, count: int, steps: list[str]) -> list[Phase]:
        """A phase for each step."""
        return [Phase(step, self.at_step(step, count)) for step in steps]

    def mixed(self, count: int) -> list[Kill]:
        """Kills of everything: bridges and loggers twice as often as the stores."""
        shares = {"bridge": count * 2 // 5, "logger": count // 5, "redis": count // 5}
        shares["postgres"] = count - sum(shares.values())
        return [kill for kind, share in shares.items() for kill in self.at_random(kind, share)]


def is_rare(step: str) -> bool:
    """Whether a step is come to only after somebody else has died."""
    return "adopting" in step or any(word in step for word in DEATHS)


def is_put_right(step: str) -> bool:
    """Whether a step is come to only after Redis was away."""
    return any(word in step for word in ("collected", "restored"))
