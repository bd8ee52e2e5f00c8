"""Images get the digests of their tags, so that a tag that moves changes neither a run nor a cached result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from couler_plugins.documents.mappings import by_key
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import Context
from couler_plugins.ir import Literal, Value, Workflow, calls_by_callee, is_image
from couler_plugins.net.redacting import redact
from couler_plugins.net.registries import DIGEST
from couler_plugins.plan import Decision, Plan

FORM = 'a file holds {"registry.example.com/name:tag": "sha256:…"}; `couler images` writes it'


@dataclass(frozen=True)
class Pin:
    """Add to the images of steps the digests that a file has for their tags.

    It asks no registry: `couler images` does, and writes the file. Left alone is an image that has a digest, one that
    the file does not name, and one that only the run knows.

    Attributes:
        map: the file: a JSON object with the digest (`sha256:…`) of each image, as the workflows spell it.
    """

    name: ClassVar[str] = "pin"
    before: ClassVar[tuple[str, ...]] = ("cache", "extract")

    map: str

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Adds the digests.

        Raises:
            InvalidInput: the file is not there, or is not of that form.
        """
        digests = read_digests(Path(self.map))
        for workflow in plan.workflows:
            images = _Images(self.map, digests)
            changed = ctx.adapter(workflow.engine).images(workflow, images.pinned)
            if decisions := list(images.decisions(workflow)):
                plan = plan.with_workflow(workflow, changed if images.tags else workflow, *decisions)
        return plan


def tag_of(image: Value) -> str:
    """Return the text of an image without a digest; empty for others, and where only the run knows it."""
    text = image.value if isinstance(image, Literal) else None
    return text if isinstance(text, str) and is_image(text) and "@" not in text else ""


def read_digests(file: Path) -> dict[str, str]:
    """Return the digests of images in a file.

    Raises:
        InvalidInput: it is not there, is no JSON, names an image twice, or holds something else.
    """
    try:
        data = json.loads(file.read_bytes(), object_pairs_hook=_distinct)
    except OSError as error:
        raise InvalidInput(f"it cannot be read: {error.strerror or error}", file=str(file), hint=FORM) from error
    except RecursionError as error:
        raise InvalidInput("it is nested too deeply", file=str(file), hint=FORM) from error
    except json.JSONDecodeError as error:
        raise InvalidInput(f"it is no JSON: {error.msg}", file=str(file), line=error.lineno, hint=FORM) from error
    except ValueError as error:
        raise InvalidInput(f"it is no JSON: {error}", file=str(file), hint=FORM) from error
    if not isinstance(data, dict):
        raise InvalidInput(f"it holds a {type(data).__name__}, and no digests by image", file=str(file), hint=FORM)
    for image, digest in data.items():
        if not tag_of(Literal(value=image)):
            raise InvalidInput(f"{redact(image)!r:.200} is no image with a tag", file=str(file), hint=FORM)
        if not isinstance(digest, str) or DIGEST.fullmatch(digest) is None:
            raise InvalidInput(f"{image!r:.200} has no digest of the form sha256:…", file=str(file), hint=FORM)
    return data


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    counts = Counter(name for name, _ in pairs)
    if twice := next((name for name, count in counts.items() if count > 1), None):
        raise ValueError(f"it names {redact(twice)!r:.200} twice")
    return dict(pairs)


class _Images:
    """Pins the images of one workflow.

    Attributes:
        tags: the images that were pinned, by operation.
        reasons: the operations with images that were not, by the reason.
    """

    def __init__(self, file: str, digests: Mapping[str, str]) -> None:
        self._file = file
        self._digests = digests
        self.tags: dict[str, dict[str, None]] = {}
        self.reasons: dict[str, dict[str, None]] = {}

    def pinned(self, operation: str, image: Value) -> Value:
        """Return an image with the digest of its tag; the image itself where it stays."""
        tag = tag_of(image)
        if tag not in self._digests:
            if reason := self._reason(image, tag):
                self.reasons.setdefault(reason, {})[operation] = None
            return image
        self.tags.setdefault(operation, {})[tag] = None
        return Literal(value=f"{tag}@{self._digests[tag]}")

    def _reason(self, image: Value, tag: str) -> str:
        """Return why an image stays as it is; empty where it has a digest."""
        if not isinstance(image, Literal):
            return "its image is only known at run time"
        if tag:
            file = self._file
            return f"{tag} is not in {file}: add its digest, or run `couler images -o {file}`"
        text = str(image.value)
        return "" if is_image(text) else f"{redact(text)!r:.200} is no name of an image"

    def decisions(self, workflow: Workflow) -> Iterator[Decision]:
        """Yield what was pinned in which operations, and what was not."""
        inline = {operation.name for operation in workflow.operations if operation.inline}
        calls = calls_by_callee(workflow)
        why = f"a tag may move; {self._file} has the digest"
        for tags, names in by_key((tuple(tags), name) for name, tags in self.tags.items()).items():
            labels = [site.label for name in names if name in inline for site in calls.get(name, ())]
            yield self._decision(workflow, [*names, *labels], f"pin {', '.join(tags)}", why)
        for reason, left_alone in self.reasons.items():
            yield self._decision(workflow, left_alone, "", reason)

    def _decision(self, workflow: Workflow, names: Iterable[str], action: str, reason: str) -> Decision:
        first, *others = names
        return Decision(
            optimizer=Pin.name,
            workflow=workflow.label,
            subject=first,
            action=action,
            reason=reason,
            affects=tuple(others),
        )
