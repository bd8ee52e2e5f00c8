"""What the models share whose results are kept beside the engine's own records: one analysis says what may be."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from msgspec.structs import replace

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.calls import Place
from couler_plugins.caching.declarations import ALLOW, CACHE, VERSION, allow_text
from couler_plugins.caching.rows import RowsFromSettings
from couler_plugins.caching.settings import CacheSettings
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.caching.wrapping import Wrapper
from couler_plugins.hookspecs.caching import EngineCache, Knowledge, Objection
from couler_plugins.ir import Operation, Workflow

WRAPPING = frozenset({"via", *Wrapper.__struct_fields__}) - {"program"}
"""The options of an engine whose commands can be wrapped, by containers of our own."""


class AnalyzedCache(RowsFromSettings, EngineCache[Verdict, CacheSettings], Knowledge):
    """The cache of one workflow, whose calls are analysed once.

    Args:
        workflow: the workflow.
    """

    fingerprints: ClassVar[bool]
    """Whether all values that a call is given are in its key; see `Analysis`."""

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self._analyses: dict[tuple[bool, bool], Analysis] = {}

    @abstractmethod
    def how_to_annotate(self, operation: Operation, key: str, text: str) -> str:
        """Return what the owner would paste where, to annotate an operation."""

    def how_to_say(self, operation: Operation, key: str, text: str = "…") -> str:
        """Return what the owner would write where: in the row of the settings that names it, or as an annotation."""
        return self.declared.remedy(operation, key, text) or self.how_to_annotate(operation, key, text)

    def how_to_declare(self, operation: Operation) -> str:
        """Return the annotation that declares an operation pure."""
        return self.how_to_say(operation, CACHE, "pure")

    def how_to_allow(self, operation: Operation, words: Sequence[str]) -> str:
        """Return the annotation that waives what these words stand for."""
        return self.how_to_say(operation, ALLOW, allow_text(words))

    def how_to_version(self, operation: Operation) -> str:
        """Return the annotation that declares a version."""
        return self.how_to_say(operation, VERSION)

    @abstractmethod
    def with_record(self, workflow: Workflow, text: str | None) -> Workflow:
        """Return the workflow with the rows of the settings that its keys depend on; None takes them away."""

    def unkept(self, settings: CacheSettings) -> Objection | None:
        """Return why the engine's own cache keeps nothing, whatever the operation; None where it may."""
        return None

    def analysis(self, settings: CacheSettings, *, declared: bool = False, by_content: bool = False) -> Analysis:
        """Return the analysis of the bare workflow.

        Args:
            settings: what the user says.
            declared: whether all that owners could declare counts as declared, to tell what that would change.
            by_content: whether commands are wrapped that can be, so that keys cover the contents of their artifacts.
        """
        if (declared, by_content) not in self._analyses:
            self._analyses[declared, by_content] = Analysis(
                self.bare,
                self,
                assume_pure=settings.assume_pure,
                # Where values are all that counts, a circle is one of names only: a pipeline may be called as its task.
                circular=settings.circular and not self.fingerprints,
                fingerprints=self.fingerprints,
                declared=declared,
                unkept=self.unkept(settings),
                by_content=by_content,
                like=next(iter(self._analyses.values()), None),
            )
        return self._analyses[declared, by_content]

    def verdicts_of(self, analysis: Analysis) -> Mapping[Place, Verdict]:
        """Return what an analysis finds about each call."""
        return analysis.verdicts

    def looked_up(self, settings: CacheSettings, *, declared: bool = False) -> Mapping[Place, Verdict]:
        """Return what is found about each call; see `analysis`."""
        return self.verdicts_of(self.analysis(settings, declared=declared))

    def verdicts(self, settings: CacheSettings) -> Mapping[Place, Verdict]:
        """Return what is found about each call, whatever keeps the results."""
        return self.looked_up(settings)

    def declarable(self, verdicts: Mapping[Place, Verdict], settings: CacheSettings) -> Mapping[Place, Verdict]:
        """Return the verdicts if owners declared all that they could; as they are where nobody is told."""
        if not settings.ctx.explains:
            return verdicts
        verdicts_declared = self.looked_up(settings, declared=True)
        return {**verdicts, **self.admit(verdicts_declared, replace(settings, limit=None))}
