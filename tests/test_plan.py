"""Plans: what their methods change, and the decisions that they write."""

from __future__ import annotations

from couler_plugins import Text, lift, lower
from couler_plugins.plan import Plan

DAG = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
    - name: main
      dag:
        tasks:
          - {name: a, template: t}
          - {name: b, template: t}
          - {name: c, template: t, depends: a}
    - name: t
      container: {image: i}
"""


def moved(*steps: str) -> Plan:
    plan = lift(Text(DAG, "w.yaml"))
    return plan.move_steps("me", plan.workflows[0], "main", steps, "part", reason="to see")


def test_a_move_that_adds_waiting_says_for_whom() -> None:
    (decision,) = moved("a", "b").decisions
    assert decision.reason == "to see; as part ends as a whole, c may start later"
    assert dict(decision.figures) == {"steps moved": 2, "steps that may start later": 1}
    assert decision.affects == ("main/part", "main/a", "main/b", "part")


def test_a_move_that_adds_none_says_so() -> None:
    (decision,) = moved("a", "c").decisions
    assert decision.reason == "to see"
    assert dict(decision.figures)["steps that may start later"] == 0


def test_every_edit_of_a_move_has_its_decision() -> None:
    lowered = lower(moved("a", "b"))
    assert {traced.decision for traced in lowered.edits} == {0}
