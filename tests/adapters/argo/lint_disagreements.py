"""Where the lint says something else than Argo's own linter, and why. docs/lint-argo.md shows this table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from couler_plugins.documents import Remark
from oracles.argo_oracle import Verdict

__all__ = ["BEYOND", "DISAGREEMENTS", "MISSING", "RELEASE", "Disagreement", "errors", "is_outside", "refused"]

BEYOND = {"crd-limit", "crd-rule", "document-size"}
"""Codes of errors that Argo's validation leaves to the API server."""

MISSING = re.compile(r'workflow template "[^"]*" not found')


RELEASE = "4.0"
"""The release of Argo that the oracle is made of."""


def refused(verdict: Verdict) -> bool:
    """Whether Argo's linter refuses a document, which it decodes strictly."""
    return verdict.parse_error is not None or verdict.error is not None


def errors(remarks: Sequence[Remark], document: int = 0) -> list[Remark]:
    """The errors on a document that Argo should find as well."""
    own = (remark for remark in remarks if remark.document == document)
    return [remark for remark in own if remark.severity == "error" and remark.code not in BEYOND]


def is_outside(verdict: Verdict, remarks: Sequence[Remark], document: int = 0) -> bool:
    """Whether Argo refuses a document only for want of another, which the lint does not judge either."""
    noted = any(remark.code == "outside-bundle" and remark.document == document for remark in remarks)
    return noted and verdict.error is not None and MISSING.search(verdict.error) is not None


@dataclass(frozen=True)
class Disagreement:
    """One disagreement.

    Attributes:
        subject: what it is about.
        argo: what Argo's linter does.
        lint: what the lint says.
        reason: why it does not say the same.
        documents: manifests that show it; the first is the one that is judged.
        codes: what the lint says of that, as (severity, code).
    """

    subject: str
    argo: Literal["refuses", "accepts"]
    lint: str
    reason: str
    documents: tuple[str, ...]
    codes: tuple[tuple[str, str], ...] = ()


HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: a}\n"
CALLER = (
    HEAD + "spec: {entrypoint: m, templates: [{name: m, steps: [[{name: a, templateRef: {name: l, template: t}}]]}]}"
)
LIBRARY = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: l, namespace: elsewhere}
spec: {templates: [{name: t, suspend: {}}]}
"""

DISAGREEMENTS = (
    Disagreement(
        "A workflow template that is not among the files",
        "refuses",
        "a note (`outside-bundle`)",
        "it may well be in the cluster, so there is nothing to be said of the reference",
        (CALLER,),
        (("note", "outside-bundle"),),
    ),
    Disagreement(
        "An object that names no namespace",
        "refuses",
        "nothing: it sees the workflow templates of all namespaces",
        "it is created in whichever namespace the user says; Argo's linter takes that to be one of its own",
        (CALLER, LIBRARY),
    ),
    Disagreement(
        "A field that Argo does not have, inside the fields of a step",
        "accepts",
        "an error (`unknown-field`)",
        "the full CRDs, which Argo 4 installs, refuse it; where nobody does (in `inline`, and before Argo 4) it is a "
        "warning",
        (
            HEAD + "spec: {entrypoint: m, templates: [{name: m, steps: [[{name: a, template: t, "
            "continueOn: {fail: true}}]]}, {name: t, suspend: {}}]}",
        ),
        (("error", "unknown-field"),),
    ),
    Disagreement(
        "A `{{…}}` in a field that Argo does not have, in the arguments of a step",
        "accepts",
        "an error (`unresolved-reference`)",
        "Argo drops the field unseen, and the user should hear of it",
        (
            HEAD
            + "spec: {entrypoint: m, templates: [{name: m, steps: [[{name: a, template: t, arguments: {parameters: "
            "[{name: p, value: x, note: '{{inputs.parameters.p}}'}]}}]]}, {name: t, suspend: {}}]}",
        ),
        (("error", "unknown-field"), ("error", "unresolved-reference")),
    ),
    Disagreement(
        "A wrongly typed value in a part that the lint does not read",
        "refuses",
        "nothing",
        "the types of all fields are what Argo's schema is for",
        (
            HEAD + "spec: {entrypoint: m, templates: [{name: m, container: {image: a, resources: "
            "{requests: {cpu: much}}}}]}",
        ),
    ),
    Disagreement(
        "A name that is an expression",
        "refuses",
        "nothing",
        "Argo evaluates some expressions when it lints and takes what comes out; expressions are not evaluated here",
        (
            HEAD + "spec: {entrypoint: m, templates: [{name: m, dag: {tasks: [{name: '{{=item}}', template: t}]}}, "
            "{name: t, suspend: {}}]}",
        ),
    ),
    Disagreement(
        "A `{{` without its `}}`",
        "refuses",
        "a warning (`open-tag`)",
        "Argo accepts it where its own JSON has a `}}` somewhere behind, which nobody writes or sees",
        (
            HEAD + "spec: {entrypoint: m, templates: [{name: m, steps: [[{name: a, template: t, "
            "arguments: {parameters: [{name: p, value: '{{x'}]}, withParam: '[1]'}]]}, {name: t, suspend: {}}]}",
        ),
        (("warning", "open-tag"),),
    ),
    Disagreement(
        "What the CRDs of Argo 4 refuse",
        "accepts",
        "an error (`crd-limit`, `crd-rule`, `document-size`)",
        "Argo's linter does not look at them, and the API server of a default installation does",
        (
            HEAD + "spec: {entrypoint: m, templates: [{name: m, container: {image: a}, memoize: {key: k, cache: "
            "{configMap: {name: c}}}}]}",
        ),
        (("error", "crd-rule"),),
    ),
)
