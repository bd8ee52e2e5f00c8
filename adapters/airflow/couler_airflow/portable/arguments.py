"""What operators are given, as Python: values, XComs, and texts that Airflow renders."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from couler_airflow.portable.jinja import Translation, has_jinja
from couler_airflow.portable.legality import refuse
from couler_airflow.portable.programs import Program

NEWLINE = re.compile(r"\r\n|\r")


class Arguments:
    """Writes what a task is given.

    Args:
        program: what the task becomes.
        files: how the names of files end that Airflow reads a text from.
    """

    def __init__(self, program: Program, files: Collection[str] = ()) -> None:
        self._program = program
        self._task: str = program.task.task_id
        self._files = tuple(files)
        self._renders = 0

    def python(self, data: Any) -> str:
        """Return a value as Python.

        Raises:
            Unsupported: it is something that cannot be written down.
        """
        kind = type(data).__name__
        if kind == "LiteralValue":
            return repr(data.value)
        if kind == "PlainXComArg":
            return self._program.pull(data.operator.task_id, data.key)
        if isinstance(data, str):
            return self._text(data)
        if data is None or type(data) in (bool, int, float):
            return repr(data)
        if isinstance(data, Mapping):
            return "{" + ", ".join(f"{key!r}: {self.python(value)}" for key, value in data.items()) + "}"
        if isinstance(data, (list, tuple)):
            items = "".join(f"{self.python(item)}, " for item in data)
            return f"({items})" if isinstance(data, tuple) else f"[{items.removesuffix(', ')}]"
        raise refuse(
            "Step.arguments", self._task, f"is given a {kind}, which cannot be written down", "give it as text"
        )

    def _text(self, data: str) -> str:
        if self._files and data.endswith(self._files):
            raise refuse("Step.arguments", self._task, f"is given the file {data!r}, which Airflow reads", "put it in")
        text = NEWLINE.sub("\n", data).removesuffix("\n")
        if not has_jinja(text):
            return repr(text)
        program = self._program
        translation = Translation(self._task, program.task.dag.dag_id, program.use, program.pull, program.define)
        lines, expression = translation.expression(text)
        if not lines:
            return f"({expression})"
        self._renders += 1
        name = f"_render_{self._renders}"
        program.lines += [f"def {name}():", *(f"    {line}" for line in lines), f"    return {expression}"]
        return f"{name}()"
