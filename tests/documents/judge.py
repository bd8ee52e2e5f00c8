"""Judges of couler_plugins.documents that share no code with it: they only know the meaning of edits and of YAML."""

from __future__ import annotations

import copy
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from yaml._yaml import CParser
from yaml.tokens import ScalarToken, StreamEndToken

from support import corpus_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from couler_plugins.documents import Edit


def corpus() -> list[Path]:
    """The Argo manifests, but for those that may be written anew as a whole: in flow style, and with anchors."""
    return [path for path in corpus_paths("argo") if path.name not in ("anchors.yaml", "flow-style.yaml")]


def _unshared(data: Any) -> Any:
    """A copy in which nothing is in two places, as what an anchor and its aliases stand for is."""
    if isinstance(data, dict):
        return {key: _unshared(content) for key, content in data.items()}
    return [_unshared(item) for item in data] if isinstance(data, list) else data


def apply(old: Any, edits: Sequence[Edit]) -> Any:
    """Carries out edits on data, by the definition of their paths."""
    box = {"root": _unshared(old)}
    for edit in edits:
        if edit.op == "replace":
            assert edit.before is not None
            holder, key = _holder(box, edit.before)
            assert exactly(holder[key], edit.old)
            holder[key] = copy.deepcopy(edit.new)
    removed = [edit.before for edit in edits if edit.op == "remove" and edit.before is not None]
    for path in sorted(removed, key=_order, reverse=True):
        holder, key = _holder(box, path)
        del holder[key]
    added = [(edit.after, edit.new) for edit in edits if edit.op == "add" and edit.after is not None]
    for path, value in sorted(added, key=lambda pair: _order(pair[0])):
        holder, key = _holder(box, path)
        if isinstance(holder, list):
            assert key <= len(holder)
            holder.insert(key, copy.deepcopy(value))
        else:
            assert key not in holder
            holder[key] = copy.deepcopy(value)
    return box["root"]


def _order(path: Iterable[Any]) -> list[tuple[int, str]]:
    return [(key, "") if isinstance(key, int) else (-1, key) for key in path]


def _holder(box: Any, path: Sequence[Any]) -> tuple[Any, Any]:
    holder, key = box, "root"
    for step in path:
        holder, key = holder[key], step
    return holder, key


def exactly(left: Any, right: Any) -> bool:
    """Whether two trees are equal with their types; the order of keys does not matter."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(exactly(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(exactly, left, right))
    return bool(left == right) and str(left) == str(right)


def comments(text: str) -> Counter[str]:
    """All comments of a YAML text: what stands between libyaml's tokens and begins with #."""
    found: Counter[str] = Counter()
    body = text.removeprefix("\ufeff")
    parser = CParser(body)
    at = 0
    while True:
        token: Any = parser.get_token()
        gap = body[at : token.start_mark.index]
        if type(token) is ScalarToken and token.style in ("|", ">"):
            gap += body[token.start_mark.index :].split("\n", 1)[0].lstrip("|>+-0123456789")
        found.update(line.strip() for line in re.findall("#[^\n]*", gap))
        at = token.end_mark.index
        if type(token) is StreamEndToken:
            return found
