"""The adapter keeps the laws of couler-plugins over the documents in `workflows/`; see docs/plugins/adapter.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from couler_github_actions import GithubActionsAdapter

from couler_plugins import convert, ir
from couler_plugins.plan import Plan
from couler_plugins.testing.laws import each_law
from couler_plugins.testing.subject import Subject

HERE = Path(__file__).parent
NAMES = {"env", "inputs", "jobs", "matrix", "outputs", "secrets", "services", "with"}
"""Mappings whose keys are names."""
COLOR = ir.EnvVar(name="COLOR", value=ir.Literal(value="never"))


@dataclass(frozen=True)
class NoColor:
    """Sets a variable for every step: what laws 5 and 6 are tried with."""

    name: ClassVar[str] = "no-color"

    def run(self, plan: Plan, ctx: object) -> Plan:
        return plan.map_operations(self.name, _without_color, action="set COLOR", reason="nobody looks at the log")


def _without_color(operation: ir.Operation) -> ir.Operation:
    bare = [item if COLOR in item.env else ir.replace(item, env=(*item.env, COLOR)) for item in operation.containers]
    return ir.replace(operation, containers=tuple(bare))


SUBJECT = Subject(
    adapter=GithubActionsAdapter(),
    folder=HERE / "workflows",
    pipeline=(NoColor(),),
    normal=lambda document: {"on" if key == "true" else key: content for key, content in document.items()},
    has_fields=lambda path: not path or path[-1] not in NAMES,
)


@each_law(SUBJECT)
def test_law(check: Any) -> None:
    check()


def test_a_workflow_of_tekton_is_written_anew() -> None:
    (file,) = convert(HERE / "foreign/tekton.yaml", "github-actions", plugins=SUBJECT.plugins()).files
    assert file.text == (HERE / "foreign/hello.yml").read_text()
