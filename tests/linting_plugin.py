"""An adapter with remarks, for the tests of linting: `kind: Strict`, else like a Toy. Install its source in a box."""

from __future__ import annotations

__all__ = ["LINTING_PLUGIN"]

LINTING_PLUGIN = """\
from couler_plugins import hookimpl
from couler_plugins.documents import Remark
from toy_plugin import ToyAdapter


class StrictAdapter(ToyAdapter):
    engine = "strict"
    kind = "Strict"

    def lint(self, bundle, options=None):
        claimed = [(number, document.data) for number, document in enumerate(bundle.documents) if self.claims(document)]
        names = {step["name"] for _, data in claimed for step in data["steps"]}
        for number, data in claimed:
            for index, step in enumerate(data["steps"]):
                if "run" not in step:
                    message, hint = f"{step['name']} runs nothing", "give it a command in `run`"
                    yield Remark(number, ("steps", index), "error", "no-command", message, hint)
                for position, name in enumerate(step.get("after", [])):
                    if name not in names:
                        path = ("steps", index, "after", position)
                        yield Remark(number, path, "warning", "no-step", f"there is no step {name}")


@hookimpl
def couler_adapters():
    return [StrictAdapter()]
"""
