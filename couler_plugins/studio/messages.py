"""What the studio's page and its server say to each other; `GET /api/schema` gives the JSON schema of all of it.

Every request that is about a file carries the whole work on it: `base`, the digest of the text on disk that the work
started from, and `actions`, in order. The server keeps nothing that a request does not say again: undo is to send one
action less, and a page that is opened again after a restart loses nothing.

    GET  /api/state                     State
    POST /api/view      Work            View       the workflow as it stands, positions included
    POST /api/step      StepRequest     StepForm   what can be edited of one step
    POST /api/optimize  Work            Optimized  before and after a pipeline
    POST /api/lint      Work            Linted     what the engine would refuse
    POST /api/diff      Work            Diff       what would be saved
    POST /api/save      Work            Saved      409 where the file changed on disk meanwhile
    POST /api/convert   ConvertRequest  Converted
    POST /api/generate  GenerateRequest Generated
    POST /api/runs      RunRequest      RunView
    GET  /api/runs/ID                   RunView
    GET  /api/runs/ID/log?step=NAME     Log
    POST /api/runs/ID/stop              RunView
    GET  /api/digest?path=PATH          Digest     what the page asks now and then

Errors are `Problem`, with status 400 (the request makes no sense), 401 (no token), 403 (a foreign origin or host, or a
path outside of the opened files), 404, 409 (the file changed on disk), 422 (the work is refused: an action, or what it
would write), 502 (an engine, a store or a model failed).
"""

from __future__ import annotations

from typing import Any, Literal

from couler_plugins.editing.actions import Action
from couler_plugins.studio.state_messages import Message, WorkflowName


class Work(Message, kw_only=True):
    """The work on one file.

    Attributes:
        path: the file.
        base: the digest of the text that the work started from; empty for what is on disk now.
        actions: what was done, in order.
        pipeline: the optimizers, as text: `dedupe,rightsize{margin=0.2}`; empty for none. `view` ignores it.
        workflow: the number of the workflow that is shown.
        open: the ids of nodes that are shown with their graph inside.
    """

    path: str
    base: str = ""
    actions: list[Action] = []
    pipeline: str = ""
    workflow: int = 0
    open: list[str] = []


class Node(Message, kw_only=True):
    """One box.

    Attributes:
        id: the steps' names from the entry down, joined by `/`; unique in a view, and stable as long as names are.
        graph, step: what actions name.
        label: what is written on it.
        kind: `step`, `graph` (it can be opened), `external` (another file has it), `handler`, `barrier` (a small
            circle: all before it end before any after it starts).
        detail: a second line, such as the image.
        parent: the id of the opened node that it is in; empty for none.
        x, y, width, height: in pixels; relative to the parent.
        status: `same`, `changed`, `added` or `removed`, beside the other version.
        inputs, outputs: names, for the handles that data is dragged between.
    """

    id: str
    graph: str
    step: str
    label: str
    kind: Literal["step", "graph", "external", "handler", "barrier"]
    detail: str = ""
    parent: str = ""
    x: float
    y: float
    width: float
    height: float
    status: Literal["same", "changed", "added", "removed"] = "same"
    inputs: list[str] = []
    outputs: list[str] = []


class Edge(Message, kw_only=True):
    """One arrow, from node to node; of kind `data`, `labels` says what is passed: `output → input`."""

    source: str
    target: str
    kind: Literal["order", "data"]
    labels: list[str] = []


class Picture(Message, kw_only=True):
    """The nodes and edges of one workflow; parents stand before what is in them."""

    nodes: list[Node]
    edges: list[Edge]
    width: float
    height: float


class Finding(Message, kw_only=True):
    """A finding of lint; `node` is the id of the node that it is about, empty for none."""

    severity: str
    message: str
    hint: str
    line: int
    node: str = ""
    code: str = ""


class Linted(Message, kw_only=True):
    """The findings of lint over a file as it stands."""

    findings: list[Finding]


class View(Message, kw_only=True):
    """A file as the actions leave it.

    Attributes:
        base: the digest of what the work started from.
        on_disk: the digest of what is on disk now; the file changed meanwhile where they differ.
        changed: whether the text differs from what is on disk.
        workflows: all workflows of the file.
        picture: the chosen one.
        graphs: the names of the graphs of the chosen one that steps can be added to.
    """

    base: str
    on_disk: str
    changed: bool
    workflows: list[WorkflowName]
    picture: Picture
    graphs: list[str]


class StepRequest(Work, kw_only=True):
    """Ask for the form of one step: `node` is its id in the view."""

    node: str


class FormField(Message, kw_only=True):
    """One field of a form.

    Attributes:
        field: one of `editing.actions.Field`, or `input` (then `name` is the input's).
        name: of the input; else empty.
        label: what people read.
        container: the container that it is of, where the step has several.
        type: how it is edited: `text`, `lines` (a list), `code`, `number`, `pairs`, `comparison`, `items`, `choice`,
            `value` (a constant or a reference).
        value: as in actions; a reference is `{"from": "step.output"}`.
        choices: for `choice`, and what references there are for `value`, `comparison` and `items`.
        editable: whether it can be; else `reason` says why not.
    """

    field: str
    name: str = ""
    label: str
    container: str = ""
    type: str
    value: Any = None
    choices: list[str] = []
    editable: bool = True
    reason: str = ""


class StepForm(Message, kw_only=True):
    """What there is to say about a step.

    Attributes:
        node: its id.
        title: its name.
        runs: what it runs, in a few words.
        shared: the other steps that run the same, which a change of what it runs changes too.
        waits_for: the steps that it waits for.
        fields: what the engine has for such a step; what the engine cannot have is left out.
        facts: what else is known, pairs of a label and a text.
        source: the lines of the file where the step stands, and where what it runs stands.
        can_delete, can_rename: empty, or why not.
    """

    node: str
    title: str
    runs: str
    shared: list[str] = []
    waits_for: list[str] = []
    fields: list[FormField]
    facts: list[tuple[str, str]] = []
    source: list[tuple[int, str]] = []
    can_delete: str = ""
    can_rename: str = ""


class DecisionView(Message, kw_only=True):
    """What an optimizer decided; `nodes` are the ids of the steps that it is about, empty `action` is a refusal."""

    optimizer: str
    subject: str
    action: str
    reason: str
    figures: list[tuple[str, str]] = []
    nodes: list[str] = []


class Optimized(Message, kw_only=True):
    """Before and after a pipeline.

    Attributes:
        before, after: pictures, with the status of each node; a step that is gone is `removed` in the first.
        decisions: in the order in which they were taken.
        costs: what a run costs and takes before and after, as rows of a table: a label, before, after.
        diff: the lines that the optimizers change, as a unified diff.
        others: other files that the pipeline would change too, and what it would add.
    """

    before: Picture
    after: Picture
    decisions: list[DecisionView]
    costs: list[tuple[str, str, str]] = []
    diff: str = ""
    others: list[str] = []


class Diff(Message, kw_only=True):
    """What would be saved: a unified diff against what is on disk, and how many lines come and go."""

    diff: str
    added: int
    removed: int
    on_disk: str


class Saved(Message, kw_only=True):
    """A file was saved: the digest of what is on disk now."""

    base: str


class Digest(Message, kw_only=True):
    """The digest of what is on disk; empty where there is no such file any more."""

    digest: str
