"""What Argo's oracle is asked, and what it answers; see `argo_oracle`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from couler_plugins.documents import read

__all__ = ["Applied", "Call", "Case", "Key", "Retried", "Retry", "Run", "Verdict", "data"]


@dataclass(frozen=True)
class Verdict:
    """What Argo says of one document.

    Attributes:
        kind: the document's kind.
        skipped: whether Argo's linter has nothing to say of such documents.
        parse_error: why the document cannot be read, or only by someone less strict (an unknown field).
        error: what is wrong with what it says; where `parse_error` is only about strictness, this is what would be said
            without that.
    """

    kind: str
    skipped: bool
    parse_error: str | None
    error: str | None

    @property
    def accepted(self) -> bool:
        """Whether `argo lint --offline` has no complaint."""
        return self.parse_error is None and self.error is None

    @property
    def complaint(self) -> str | None:
        return self.error or self.parse_error


@dataclass(frozen=True)
class Run:
    """One run of a template, of which Argo is asked what it makes of `memoize.key`.

    Attributes:
        template: its name.
        arguments: the values of its parameters; one that is missing has its default.
        artifacts: the names of the artifacts that are passed.
        workflow_parameters: values of the workflow's parameters, instead of the document's.
        globals: other variables (`workflow.name`), instead of what the document and made-up values say.
        locals: variables of the node (`pod.name`, `node.name`, `tasks.name`), instead of made-up values.
        document: the number of the document, among those of the call, that has the template.
    """

    template: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    artifacts: Sequence[str] = ()
    workflow_parameters: Mapping[str, str] = field(default_factory=dict)
    globals: Mapping[str, str] = field(default_factory=dict)
    locals: Mapping[str, str] = field(default_factory=dict)
    document: int = 0


@dataclass(frozen=True)
class Key:
    """What Argo makes of a `memoize.key`.

    Attributes:
        key: the key after substitution; None where that failed.
        config_map: the name of the ConfigMap after substitution; empty where that failed.
        accepted: whether Argo's cache accepts such a key.
        storable: whether it can be a key of a ConfigMap as well, which may not have more than 253 characters.
        refusal: why the cache does not accept it.
        error: why there is no key.
    """

    key: str | None
    config_map: str
    accepted: bool
    storable: bool
    refusal: str | None
    error: str | None


@dataclass(frozen=True)
class Applied:
    """What Argo makes of the manifest of a resource template that applies a workflow.

    Attributes:
        applied: the manifest after substitution, as `kubectl` gets it; None where that failed.
        passed: by the name of each task of that workflow's entry, its arguments as they are passed.
        error: why one of them is missing.
    """

    applied: Any
    passed: Any
    error: str | None


@dataclass(frozen=True)
class Retry:
    """What a template says of its attempts, and what Argo knows when one of them has failed.

    Attributes:
        expression: of the retry strategy; empty for none.
        scope: the variables of that.
        patch: the `podSpecPatch` of the template.
        params: the variables of that.
    """

    expression: str
    scope: Mapping[str, str]
    patch: str
    params: Mapping[str, str]


@dataclass(frozen=True)
class Retried:
    """What Argo makes of it.

    Attributes:
        again: whether the expression holds.
        patch: the patch of the next attempt.
        error: why one of them is missing.
    """

    again: bool
    patch: str
    error: str | None


@dataclass(frozen=True)
class Call:
    """What is given to the linter at once: the documents see each other.

    Attributes:
        documents: what Argo reads.
        runs: of which the keys are asked for.
        applies: runs of resource templates, of which it is asked what they apply.
        lint: as `argo lint` does; else a workflow has to be ready to run (have values for its parameters).
        submit: as when a document is submitted.
    """

    documents: Sequence[Any]
    runs: Sequence[Run] = ()
    applies: Sequence[Run] = ()
    lint: bool = True
    submit: bool = False


@dataclass(frozen=True)
class Case:
    """A case from Argo's own tests.

    Attributes:
        name: the test and what it validates there.
        kind: the kind of document that the test takes it for, whatever the document says.
        yaml: the document.
        beside: documents that are there as well, that it may refer to.
        lint: see `Call`.
        submit: see `Call`.
        expect: "ok" or "error".
        message: what the error holds, where the test says so.
        exact: whether that is all of the error.
    """

    name: str
    kind: str
    yaml: str
    beside: tuple[str, ...]
    lint: bool
    submit: bool
    expect: str
    message: str | None
    exact: bool

    def call(self, *, lint: bool | None = None) -> Call:
        """What to ask, the case's own document first; with the test's options, or as `argo lint` does."""
        kinds = [self.kind, *("WorkflowTemplate" for _ in self.beside)]
        texts = [self.yaml, *self.beside]
        documents = [{**data(text), "kind": kind} for kind, text in zip(kinds, texts, strict=True)]
        return Call(documents, lint=self.lint if lint is None else lint, submit=self.submit)


def data(text: str) -> Any:
    """The only document of a text."""
    (document,) = read(text, "<case>").documents
    return document.data
