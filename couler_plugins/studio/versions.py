"""Versions of files: as they are on disk, and as the actions of people leave them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from couler_plugins.documents import read
from couler_plugins.driver.rewrite import Session
from couler_plugins.driver.session import lift_each
from couler_plugins.editing.actions import Action
from couler_plugins.editing.apply import ActionError, apply_actions
from couler_plugins.errors import InvalidInput
from couler_plugins.inputs.sources import Input
from couler_plugins.plan import Plan
from couler_plugins.studio.files import OpenedFiles, digest_of, replace_input
from couler_plugins.studio.messages import Work
from couler_plugins.studio.workflows import refuse

MOST_TEXTS, MOST_PLANS = 200, 16  # remembered: texts between actions, and lifted files


class FileVersions:
    """Makes the version of a file that a request is about; what was made before is remembered.

    Args:
        files: the opened files.
        session: what works on them.
        read_only: whether nothing can be edited.
    """

    def __init__(self, files: OpenedFiles, session: Session, read_only: bool) -> None:
        self._files, self._session, self._read_only = files, session, read_only
        self._texts: OrderedDict[tuple[str, bytes], str] = OrderedDict()
        self._plans: OrderedDict[tuple[str, str], list[Plan]] = OrderedDict()

    def lift(self, item: Input) -> list[Plan]:
        """Return the plans of a file; programs are read anew, since they may say something else each time."""
        if item.file is None or item.file.format == "python":
            return lift_each([item], self._session, refuse)
        key = (item.name, digest_of(item.file.text))
        if key not in self._plans:
            self._plans[key] = lift_each([item], self._session, refuse)
            while len(self._plans) > MOST_PLANS:
                self._plans.popitem(last=False)
        return self._plans[key]

    def why_not(self, item: Input, plans: Sequence[Plan]) -> str:
        """Return why a file cannot be edited; empty where it can."""
        if self._read_only:
            return "the studio was started with --read-only"
        if item.file is not None and item.file.format == "python":
            return "a DAG file is a program: it is shown, and edited by its author"
        return "it has workflows of several engines" if len(plans) > 1 else "" if item.path else "it is no file"

    def edited(self, work: Work) -> tuple[Input, str, str]:
        """Return a file with the actions carried out, the digest of the base, and that of what is on disk.

        Raises:
            Conflict: the text that the work started from is not known any more.
            ActionError: an action is refused.
        """
        current = self._files.current(work.path)
        on_disk = digest_of(current.file.text) if current.file is not None else ""
        text, base = self._files.text(work.path, work.base)
        if work.actions and (reason := self.why_not(current, self.lift(current))):
            raise InvalidInput(f"it cannot be edited: {reason}", file=work.path)
        if not work.actions and current.file is not None and base == on_disk:
            return current, base, on_disk
        text = self._after(current.name, text, base, work.actions)
        return replace_input(current, read(text, current.name)), base, on_disk

    def _after(self, name: str, text: str, base: str, actions: Sequence[Action]) -> str:
        """The text after some actions; what was done before is remembered."""
        keys = [(base, msgspec.json.encode(actions[: number + 1])) for number in range(len(actions))]
        start = next((number for number in range(len(actions), 0, -1) if keys[number - 1] in self._texts), 0)
        if start:
            text = self._texts[keys[start - 1]]
        for number in range(start, len(actions)):
            try:
                text = apply_actions(name, text, [actions[number]], self._session)
            except ActionError as error:
                error.number = number
                raise
            self._texts[keys[number]] = text
            while len(self._texts) > MOST_TEXTS:
                self._texts.popitem(last=False)
        return text
