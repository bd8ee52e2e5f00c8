"""A chain as one script: each step is a process of its own in one container, and hands on values and files there.

Argo completes texts before a pod starts. A value that one step of the pod makes for another is therefore a mark in the
text, which the launcher replaces by the value, as it is. Outputs are moved away when their step has ended.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from functools import partial

from couler_argo.documents import rest_of
from couler_argo.fuse.parts import Kept, Part, Piece, Text, fallback_of, pieces_of, value_of, variables_of
from couler_argo.fuse.python_launcher import python_command, python_program
from couler_argo.fuse.rules import (
    main_container,
    place_of,
    pod_settings,
)
from couler_argo.fuse.script_rules import is_shared, launcher_of, place_read
from couler_argo.fuse.settling import is_text, own_value
from couler_argo.fuse.shell import shell_program
from couler_argo.ports import LOCATIONS
from couler_argo.references import native
from couler_plugins.engine_kit.wiring import largest_amounts, wire
from couler_plugins.hookspecs.fusing import FUSED_STEPS, Chain, Fused, Place
from couler_plugins.ir import (
    EnvVar,
    Literal,
    Operation,
    Output,
    Reference,
    Template,
    Value,
    map_references,
    references,
    replace,
    take_name,
)

STAGING = "/argo/staging"
"""The folder of the script in its container, which Argo makes for each pod with one."""
RESULT = "result"


class _Making:
    """Makes one script of a chain."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self.wiring = wire(chain.members)
        self.shares = is_shared([main_container(member) for member in chain.members])
        self._numbers = {member.step.name: number for number, member in enumerate(chain.members, 1)}
        self._read = self._paths("inputs")
        self._left = self._paths("outputs")
        inner = self.wiring.inner.items()
        self.aliases = {
            (member.step.name, output.kind, output.name): place_read(value)
            for member in chain.members
            for output in member.operation.outputs
            if isinstance(text := own_value(output), Reference)
            and isinstance(value := self.wiring.inner.get((member.step.name, text.kind, text.name)), Reference)
        }
        self._handed = {place: self._handed_text(value) for place, value in inner if place[1] == "parameter"}
        self._read_inside = {place_read(item) for item in references((*self.wiring.inner.values(),))}
        self._exported = {
            (member.step.name, self._left[place])
            for member in chain.members
            for output in member.operation.outputs
            if (place := (member.step.name, output.kind, output.name)) in self._left
            and self._is_exported(place, output)
        } | {(step, RESULT) for step, kind, _ in chain.read if kind == RESULT}

    def _is_exported(self, place: Place, output: Output) -> bool:
        """Whether Argo gets an output: all but artifacts that only steps of the pod read."""
        is_placed = bool(rest_of(output).keys() & {*LOCATIONS}) or output.exported is not None
        inside = output.kind == "artifact" and place in self._read_inside
        return is_placed or place in self._chain.read or not inside

    def _paths(self, side: str) -> dict[Place, str]:
        """Where the steps have their inputs, or their outputs."""
        return {
            (member.step.name, port.kind, port.name): path
            for member in self._chain.members
            for port in getattr(member.operation, side)
            if (path := place_of(port)) is not None
        }

    def _file(self, place: Place) -> str:
        """Where what a step hands on is kept: relative to the script's folder, unless Argo takes it from there."""
        step, kind, _ = place
        path = RESULT if kind == RESULT else self._left[place]
        paths = list(dict.fromkeys(path for (name, *_), path in self._left.items() if name == step))
        own = RESULT if kind == RESULT else f"{paths.index(path) + 1}/{posixpath.basename(path)}"
        file = f"couler-{self._numbers[step]}/{own}"
        return f"{STAGING}/{file}" if (step, path) in self._exported else file

    @staticmethod
    def _mark(place: Place) -> str:
        return f"@couler{{{'.'.join(place)}}}"

    def _handed_text(self, value: Value) -> Text:
        """What stands for a value of which a part is made in the pod."""
        marks: dict[str, None] = {}
        pieces: list[Piece] = []
        for piece in pieces_of(value):
            if isinstance(piece, Reference) and piece.step in self._numbers:
                pieces.append(mark := self._mark(place_read(piece)))
                marks[mark] = None
            else:
                pieces.append(piece)
        return Text(tuple(pieces), tuple(marks))

    def _text(self, value: Value, step: str) -> Text:
        """A text of a step."""
        pieces: list[Piece] = []
        marks: dict[str, None] = {}
        for piece in pieces_of(value):
            place = (step, getattr(piece, "kind", ""), getattr(piece, "name", ""))
            if isinstance(piece, str):
                pieces.append(piece)
            elif isinstance(piece, Reference) and piece.path == ("path",):
                pieces.append((self._read if piece.to == "input" else self._left)[place])
            elif isinstance(piece, Reference) and piece.to == "input" and place in self._handed:
                pieces += self._handed[place].pieces
                marks |= dict.fromkeys(self._handed[place].marks)
            else:
                pieces.append(map_references(piece, lambda item: self._renamed(item, step)))
        return Text(tuple(pieces), tuple(marks))

    def _renamed(self, reference: Reference, step: str) -> Reference:
        name = self.wiring.names.get((step, reference.kind, reference.name), reference.name)
        is_own = reference.to == "input" and name != reference.name
        return replace(reference, name=name, native="") if is_own else reference

    def part(self, number: int) -> Part:
        """What runs for one of the steps."""
        step, operation, _ = member = self._chain.members[number]
        main, is_last = main_container(member), number == len(self._chain.members) - 1
        result, last = (step.name, RESULT, RESULT), self._chain.members[-1].step.name
        own = [] if self.shares else [item for item in main.env if is_text(item.value)]
        variables = (Template(parts=(f"{item.name}=", *pieces_of(item.value))) for item in own)
        words = tuple(self._text(word, step.name) for word in (*variables, *main.command, *main.args))
        source = None if main.script is None else self._text(main.script, step.name)
        marks = dict.fromkeys(mark for text in (*words, source) if text is not None for mark in text.marks)
        files = {self._mark(place): self._file(place) for place in self._read_inside if place[0] in self._numbers}
        is_kept = not is_last and (result in self._read_inside or result in self._chain.read)
        place = tuple(
            (self._file(place_read(value)), self._read[place])
            for place, value in self.wiring.inner.items()
            if place[:2] == (step.name, "artifact") and isinstance(value, Reference)
        )
        return Part(
            step=step.name,
            words=words,
            source=source,
            variables=None if self.shares else len(own),
            marks={mark: files[mark] for mark in marks},
            place=place,
            keep=() if is_last else tuple(self._kept(step.name, operation)),
            remove=() if is_last else tuple(path for _, path in place),
            printed=self._file(result) if is_kept else "",
            quiet=not is_last and (last, RESULT, RESULT) in self._chain.read,
        )

    def _kept(self, step: str, operation: Operation) -> Iterator[Kept]:
        by_path: dict[str, list[Output]] = {}
        for output in operation.outputs:
            if (place := (step, output.kind, output.name)) in self._left:
                by_path.setdefault(self._left[place], []).append(output)
        for path, outputs in by_path.items():
            texts = [fallback_of(item.default.value) for item in outputs if isinstance(item.default, Literal)]
            required = any(item.default is None and not rest_of(item).get("optional") for item in outputs)
            folder = posixpath.dirname(self._file((step, outputs[0].kind, outputs[0].name)))
            yield Kept(path, folder, texts[0] if texts else None, required)

    def outputs(self) -> Iterator[tuple[Place, Output]]:
        """The outputs of all steps but artifacts that only steps of the pod read, and values that others stand for."""
        last = self._chain.members[-1].step
        used = {name for kind, name in self.wiring.outputs.values() if kind == "parameter"}
        for step, operation, _ in self._chain.members:
            for output in operation.outputs:
                place = (step.name, output.kind, output.name)
                _, name = self.wiring.outputs[place]
                if place in self.aliases:
                    continue
                if step is last or place not in self._left:
                    yield place, replace(map_references(output, partial(self._renamed, step=step.name)), name=name)
                elif output.kind == "parameter":
                    yield place, replace(output, name=name, value=native({"path": self._file(place)}))
                elif self._is_exported(place, output):
                    yield place, replace(output, name=name, path=Literal(value=self._file(place)))
            result = (step.name, RESULT, RESULT)
            if step is not last and result in self._chain.read:
                name = take_name(f"{step.name}-result", used)
                yield result, Output(name=name, value=native({"path": self._file(result)}))


def one_script(chain: Chain, others: Iterable[str]) -> Fused:
    """Return a chain as one script.

    Args:
        chain: the steps; `script_refusals` has nothing against them.
        others: as in `launcher_of`.
    """
    mains = [main_container(member) for member in chain.members]
    launcher = launcher_of(mains, others)
    assert launcher is not None, "a chain without one was refused"
    making = _Making(chain)
    parts = [making.part(number) for number in range(len(chain.members))]
    variables = variables_of(parts)
    program = (shell_program if launcher.is_shell else python_program)(parts, variables)
    texts = (EnvVar(name=name, value=value_of(text.pieces)) for text, name in variables.items())
    words = (launcher.word,) if launcher.is_shell else python_command(launcher.word)
    exports = list(making.outputs())
    steps = [member.step.name for member in chain.members]
    container = replace(
        mains[0],
        name="",
        env=(*texts, *(item for item in mains[0].env if making.shares or not is_text(item.value))),
        command=tuple(Literal(value=word) for word in words),
        args=(),
        script=Literal(value=program),
        requests=largest_amounts(mains, "requests"),
        limits=largest_amounts(mains, "limits"),
    )
    operation = Operation(
        name=chain.name,
        kind="script",
        inputs=making.wiring.inputs,
        outputs=tuple(sorted((output for _, output in exports), key=lambda output: output.kind == "artifact")),
        containers=(container,),
        native_extra=native(pod_settings(chain.members[0].operation, {FUSED_STEPS: ",".join(steps)})),
    )
    outputs: dict[Place, tuple[str, str]] = {place: (output.kind, output.name) for place, output in exports}
    outputs |= {place: outputs[other] for place, other in making.aliases.items()}
    result = (steps[-1], RESULT, RESULT)
    logs = "each behind a line `couler: step NAME` in the log of their pod"
    return Fused(operation, making.wiring.arguments, {**outputs, result: (RESULT, RESULT)}, "one script", logs)
