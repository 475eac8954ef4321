import tempfile
import unittest
from pathlib import Path

from plan import KINDS, TRAPS, Planner, failpoints

STEPS = ["bridge.log.pushed", "bridge.spool.appended", "bridge.takeover", "logger.committed", "logger.takeover"]


def planner(seed: int = 1) -> Planner:
    return Planner(seed, bridges=2, loggers=2, lease=2)


class PlanTests(unittest.TestCase):
    def test_the_same_seed_makes_the_same_plan(self):
        self.assertEqual(planner().phases(200, STEPS), planner().phases(200, STEPS))
        self.assertNotEqual(planner().phases(200, STEPS), planner(2).phases(200, STEPS))

    def test_a_long_run_has_at_least_as_many_kills_as_asked_for_and_each_step(self):
        phases = planner().phases(200, STEPS)
        kills = [kill for phase in phases for kill in phase.kills]
        self.assertGreaterEqual(len(kills), 200)
        self.assertEqual({kill.step for kill in kills if kill.step}, set(STEPS))
        for kind in KINDS:
            self.assertTrue(any(kill.target.startswith(kind) and not kill.step for kill in kills), kind)

    def test_a_short_run_mixes_all_kinds(self):
        phases = planner().phases(20, STEPS)
        self.assertEqual([phase.name for phase in phases], ["at random", "at steps"])
        self.assertEqual({kill.target.split("-")[0] for kill in phases[0].kills}, set(KINDS))

    def test_a_step_dies_in_the_process_that_comes_to_it(self):
        for phase in planner().step_phases(4, STEPS):
            for kill in phase.kills:
                if kill.step:
                    self.assertTrue(kill.target.startswith(kill.step.split(".")[0]))

    def test_somebody_else_dies_before_a_take_over(self):
        (phase,) = planner().step_phases(2, ["logger.takeover"])
        self.assertEqual({kill.target for kill in phase.kills if kill.step}, {"logger-1"})
        self.assertEqual({kill.target for kill in phase.kills if not kill.step}, {"logger-0"})

    def test_a_spool_is_used_because_redis_dies(self):
        (phase,) = planner().step_phases(1, ["bridge.spool.appended"])
        self.assertGreater(phase.kills_of("redis"), 0)

    def test_a_bridge_dies_over_its_spool_before_it_adopts_it(self):
        (phase,) = planner().step_phases(1, ["bridge.spool.adopting"])
        self.assertEqual(
            [kill.order for kill in phase.targets["bridge-1"]], ["bridge.spool.appended:1", "bridge.spool.adopting:1"])

    def test_a_trap_is_nothing_that_the_process_is_told_of(self):
        for phase in planner().step_phases(2, TRAPS):
            self.assertEqual({(kill.order, kill.target[:-2]) for kill in phase.kills}, {("", "bridge")})

    def test_steps_are_read_from_the_sources(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "A.swift").write_text('Failpoint.reach("logger.committed")\n  Failpoint.reach("bridge.log.pushed")')
            Path(folder, "B.swift").write_text('Failpoint.reach("name") // an example')
            self.assertEqual(failpoints(Path(folder)), ["bridge.log.pushed", "logger.committed"])


if __name__ == "__main__":
    unittest.main()
