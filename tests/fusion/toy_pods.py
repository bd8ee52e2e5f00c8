"""An engine whose pods run several operations one after another, for the tests of `fuse`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from couler_plugins.driver.pipeline import run_pipeline
from couler_plugins.engine_kit.wiring import wire
from couler_plugins.errors import Unsupported
from couler_plugins.fusion.optimizer import Fuse
from couler_plugins.hookspecs import Profile
from couler_plugins.hookspecs.fusing import FUSED_STEPS, Chain, Fused, Fusing, Member, Refusal
from couler_plugins.ir import (
    Graph,
    Homes,
    Literal,
    Native,
    Operation,
    Output,
    PodSizes,
    Workflow,
    replace,
)
from couler_plugins.ir.bundle import Bundle
from couler_plugins.ir.homes import UNDECLARED
from couler_plugins.options.config import Config
from couler_plugins.options.rows import Row
from couler_plugins.plan import Plan
from couler_plugins.plugins import load_plugins
from toy_plugin import ToyAdapter

__all__ = ["Asked", "Pods", "annotated", "fused", "row"]


def annotated(item: Operation, **annotations: str) -> Operation:
    """An operation with annotations; `_` stands for `-`."""
    texts = {f"couler.io/{name.replace('_', '-')}": text for name, text in annotations.items()}
    return replace(item, native_extra=Native.of(texts))


@dataclass
class Pods(ToyAdapter):
    """Runs any operations in one pod, but for what it is told to refuse."""

    engine: ClassVar[str] = "none"
    keeps_timeouts: bool = False
    links: Mapping[str, Refusal] = field(default_factory=dict)
    most: int = 100

    def homes(self) -> Homes:
        return UNDECLARED

    def fusing(self, workflow: Workflow, plan: Plan) -> Fusing | None:
        return self

    def pod_sizes(self, workflow: Workflow, operation: Operation | None) -> PodSizes:
        said = operation is not None and operation.native_extra
        return PodSizes(operation.name if operation else "", annotations=json.loads(str(said.parts[0])) if said else {})

    def refuse_member(self, graph: Graph, member: Member) -> Iterable[Refusal]:
        return [Refusal("kind", "it is a gate")] if member.operation.kind == "gate" else []

    def refuse_link(self, graph: Graph, members: Sequence[Member], following: Member) -> Iterable[Refusal]:
        return [refusal] if (refusal := self.links.get(following.step.name)) else []

    def fuse(self, chain: Chain) -> Fused:
        if len(chain.members) > self.most:
            raise Unsupported(f"a pod has at most {self.most} parts", engine="none")
        ports = wire(chain.members)
        outputs = sorted({(kind, name) for kind, name in ports.outputs.values()})
        names = ",".join(member.step.name for member in chain.members)
        pod = Operation(
            name=chain.name,
            kind="pod",
            inputs=ports.inputs,
            outputs=tuple(Output(name=name, kind=kind) for kind, name in outputs),  # type: ignore[arg-type]  # the kinds are plain texts here
            native_extra=Native.of({FUSED_STEPS: names}),
        )
        logs = ", ".join(f"{member.step.name} in container {number}" for number, member in enumerate(chain.members))
        return Fused(pod, ports.arguments, ports.outputs, "a row of containers", logs)

    def original(self, file: str, text: str) -> tuple[Any, ...]:
        return ({"file": file, "text": text},)


@dataclass
class Asked:
    """What `fuse` may ask for."""

    pods: Pods = field(default_factory=Pods)
    said: Sequence[Row] = ()
    guard: Sequence[Row] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    explains: bool = True

    def rows(self, optimizer: str) -> Sequence[Row]:
        return {"fuse": self.said, "guard": self.guard}.get(optimizer, ())

    def adapter(self, engine: str) -> Pods:
        return self.pods

    def profile(self, workflow: Workflow, step: str) -> Profile:
        return Profile(seconds=self.seconds.get(step))

    def progress(self, message: str) -> None:
        pass


def row(step: str, **content: Any) -> Row:
    """A row of the settings about a step."""
    return Row("couler.toml:3", {"step": (step,)}, content)


def fused(workflow: Workflow, asked: Asked | None = None, options: Fuse | None = None, bundle: Any = None) -> Plan:
    """The plan of a workflow after the pass, as the pipeline checks it; the pass finds nothing more to do in it."""
    asked, options = asked or Asked(), options or Fuse()
    plan = Plan(bundle=bundle or Bundle.of(()), originals=(workflow,), workflows=(workflow,), homes=asked.pods.homes())
    plugins = load_plugins(Config())
    after = run_pipeline(plan, [options], asked, plugins).plan  # type: ignore[arg-type]  # a context for one pass
    again = run_pipeline(after, [options], asked, plugins).plan  # type: ignore[arg-type]  # as before
    assert again.workflows == after.workflows
    return after


def seconds(number: float) -> Literal:
    """A timeout."""
    return Literal(value=number)
