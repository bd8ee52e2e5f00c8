"""Random Argo manifests: everything that the corpus has, in combinations that it does not have."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["documents"]

Mapping = dict[str, Any]
Draw = st.DrawFn
Earlier = list[tuple[str, Mapping | None, bool]]
"""The steps that have ended: their name, what they call, and whether they loop."""

NAMES = ("a", "b", "A", "a-b", "x1", "step", "inputs", "true", "c-2", "outputs")
"""Names of steps; some are words that mean something elsewhere (none begins with a digit, which `depends` forbids)."""

ODD = (
    "",
    " ",
    "yes",
    "NO",
    "on",
    "null",
    "~",
    "0755",
    "1e3",
    "0x1F",
    "1_000",
    ".5",
    "12:30:45",
    "2026-11-24",
    "=",
    "<<",
    "- x",
    "a: b",
    "a #b",
    "#",
    "'",
    '"',
    '"quoted"',
    "it's",
    "back\\slash",
    "tab\tin",
    "two\nlines\n",
    "trailing \n\n",
    "naïve ☃ 𝒳",
    "a {{ b",
    "}} c",
    "{ {x}}",
    "{{unknown}}",
    "{{ workflow.name }}",
    "{{=1 + 1}}",
    "{{='}'}}",
    "%d",
    "\u2028",
    "{{workflow.labels.a-b}}",
    "&anchor",
    "*alias",
    "!tag",
    "|",
    ">",
    "? x",
    "@at",
    "`tick`",
    "\u00a0",
    "{{}}",
)
SCALARS = st.one_of(st.sampled_from(ODD), st.text(max_size=12).filter(lambda text: text.isprintable()))
ARGUMENTS = st.one_of(SCALARS, st.sampled_from((0, -7, 3.5, True, False)))
OUTCOMES = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned")
UNKNOWN = st.sampled_from((None, 1, "", "{{workflow.uid}}", [], {}, [{"a": "{{inputs.parameters.p}}"}], {"b": [1.5]}))
LOOPS: tuple[Mapping, ...] = (
    {"withItems": [1, "a", True, {"k": "v"}]},
    {"withItems": ["{{workflow.name}}"]},
    {"withParam": "[1, 2]"},
    {"withParam": "{{inputs.parameters.p}}"},
    {"withSequence": {"count": "3"}},
    {"withSequence": {"start": 1, "end": "{{inputs.parameters.p}}", "format": "%02d"}},
)
LEAVES: tuple[Mapping, ...] = (
    {"container": {"image": "i:{{inputs.parameters.p}}", "command": ["c"], "args": ["{{inputs.parameters.p}}", "yes"]}},
    {"container": {"image": "i", "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"x": 1}}]}},
    {"container": {"image": "i", "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {}}}},
    {
        "script": {
            "image": "i",
            "command": ["sh"],
            "source": "echo {{=inputs.parameters.p + 'x'}}\n# {{inputs.parameters['p']}}\n",
        }
    },
    {"suspend": {}},
    {"resource": {"action": "create", "manifest": "kind: Pod\nname: {{inputs.parameters.p}}\n"}},
    {"http": {"url": "http://x/{{inputs.parameters.p}}", "successCondition": "response.statusCode == 200"}},
    {
        "container": {"image": "i"},
        "sidecars": [{"name": "s", "image": "j"}],
        "initContainers": [{"name": "n", "image": "k"}],
    },
    {
        "container": {"image": "i"},
        "memoize": {"key": "{{inputs.parameters.p}}", "maxAge": "1h", "cache": {"configMap": {"name": "c"}}},
    },
    {
        "container": {"image": "i"},
        "retryStrategy": {"limit": "2", "expression": "lastRetry.exitCode != '1'"},
        "timeout": "5m",
    },
    {
        "container": {"image": "i"},
        "synchronization": {"mutexes": [{"name": "m-{{inputs.parameters.p}}"}]},
        "daemon": True,
    },
)
PARAMETER = {"name": "o", "valueFrom": {"path": "/tmp/o"}}
ARTIFACT = {"name": "a", "path": "/tmp/a"}


@st.composite
def documents(draw: Draw) -> list[Any]:
    """The documents of one file."""
    items = [draw(_object(number)) for number in range(draw(st.integers(1, 2)))]
    if len(items) > 1 and draw(st.booleans()):
        return [{"apiVersion": "v1", "kind": "List", "items": items}]
    return items


@st.composite
def _object(draw: Draw, number: int) -> Mapping:
    kind = draw(
        st.sampled_from(("Workflow", "Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"))
    )
    leaves = [draw(_leaf(f"leaf-{index}", index > 0)) for index in range(draw(st.integers(1, 3)))]
    graphs: list[Mapping] = []
    for index in range(draw(st.integers(1, 2))):
        graphs.append(draw(_graph(f"graph-{index}", [*leaves, *graphs])))
    spec: Mapping = {
        "entrypoint": graphs[-1]["name"],
        "arguments": {"parameters": [{"name": "p", "value": draw(ARGUMENTS)}]},
        "templates": draw(st.permutations([*leaves, *graphs])),
    }
    if draw(st.booleans()):
        spec["onExit"] = leaves[0]["name"]
    if draw(st.booleans()):
        arguments = {"parameters": [{"name": "p", "value": "{{workflow.status}}"}]}
        spec["hooks"] = {
            "failed": {
                "expression": 'workflow.status == "Failed"',
                "template": leaves[0]["name"],
                "arguments": arguments,
            }
        }
    spec.update(draw(_unknown()))
    if kind == "CronWorkflow":
        spec = {"schedules": ["* * * * *"], "workflowSpec": spec}
    name = {"name": f"w{number}"} if kind != "Workflow" or draw(st.booleans()) else {"generateName": "w-"}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": {**name, **draw(_unknown())}, "spec": spec}


@st.composite
def _unknown(draw: Draw) -> Mapping:
    return {"x-unknown": draw(UNKNOWN)} if draw(st.integers(0, 5)) == 0 else {}


def _inputs(artifact: bool) -> Mapping:
    ports: Mapping = {"parameters": [{"name": "p"}, {"name": "q", "default": "0755"}]}
    return {**ports, "artifacts": [{"name": "a", "path": "/tmp/in"}]} if artifact else ports


@st.composite
def _leaf(draw: Draw, name: str, artifact: bool) -> Mapping:
    leaf: Mapping = {"name": name, "inputs": _inputs(artifact and draw(st.booleans())), **draw(st.sampled_from(LEAVES))}
    if "suspend" not in leaf:
        leaf["outputs"] = {"parameters": [PARAMETER], **({"artifacts": [ARTIFACT]} if draw(st.booleans()) else {})}
    return {**leaf, **draw(_unknown())}


@st.composite
def _graph(draw: Draw, name: str, callees: list[Mapping]) -> Mapping:
    root = draw(st.sampled_from(("tasks", "tasks", "steps")))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
    listed = draw(st.booleans())
    sites: list[Mapping] = []
    before: Earlier = []
    groups: list[list[Mapping]] = []
    for site_name in names:
        if root == "steps" and (not groups or draw(st.booleans())):
            groups.append([])
            before = [(site["name"], callee, loop) for site, callee, loop in _ended(sites, callees)]
        earlier = before if root == "steps" else [(s["name"], c, loop) for s, c, loop in _ended(sites, callees)]
        site = draw(_site(site_name, root, earlier, callees, listed))
        sites.append(site)
        if root == "steps":
            groups[-1].append(site)
    graph: Mapping = {"name": name, "inputs": _inputs(artifact=False)}
    if root == "tasks":
        graph["dag"] = {"tasks": sites}
        if draw(st.booleans()):
            graph["dag"]["failFast"] = False
        if draw(st.integers(0, 9)) == 0:
            graph["dag"]["target"] = names[-1]
    else:
        graph["steps"] = groups
    found = [
        (site["name"], callee)
        for site, callee, loop in _ended(sites, callees)
        if _port(callee, "parameters") and not loop
    ]
    if found:
        step, callee = draw(st.sampled_from(found))
        source = draw(st.sampled_from(_sources(root, step, callee)))
        key = {"parameter": source} if source.startswith("{{") else {"expression": source}
        graph["outputs"] = {"parameters": [{"name": "o", "valueFrom": key}]}
    return {**graph, **draw(_unknown())}


def _ended(sites: list[Mapping], callees: list[Mapping]) -> list[tuple[Mapping, Mapping | None, bool]]:
    by_name = {callee["name"]: callee for callee in callees}
    return [
        (site, site.get("inline") or by_name.get(site.get("template", "")), any(key.startswith("with") for key in site))
        for site in sites
    ]


def _port(callee: Mapping | None, plural: str) -> str:
    ports = ((callee or {}).get("outputs") or {}).get(plural) or []
    return str(ports[0]["name"]) if ports else ""


def _sources(root: str, step: str, callee: Mapping | None) -> list[str]:
    """How an output parameter of a step can be written."""
    port = _port(callee, "parameters")
    return [
        f"{{{{{root}.{step}.outputs.parameters.{port}}}}}",
        f"{{{{ {root}.{step}.outputs.parameters.{port} }}}}",
        f"{root}['{step}'].outputs.parameters.{port}",
        f'{root}["{step}"].outputs.parameters["{port}"] ?? "tasks.x.y"',
        f"{root}['{step}'].status == 'Succeeded' ? {root}['{step}'].outputs.parameters['{port}'] : 'none'",
    ]


@st.composite
def _site(
    draw: Draw,
    name: str,
    root: str,
    earlier: Earlier,
    callees: list[Mapping],
    listed: bool,
) -> Mapping:
    site: Mapping = {"name": name}
    callee: Mapping | None = draw(st.sampled_from(callees))
    way = draw(st.integers(0, 9))
    if way == 0:
        site["templateRef"] = {
            "name": "elsewhere",
            "template": "t",
            **({"clusterScope": True} if draw(st.booleans()) else {}),
        }
        callee = None
    elif way == 1:
        site["inline"] = {"container": {"image": "{{inputs.parameters.p}}", "args": [draw(SCALARS)]}}
        if earlier and root == "steps":
            site["inline"]["container"]["args"].append(f"{{{{{root}.{earlier[0][0]}.status}}}}")
        callee = site["inline"]
    else:
        site["template"] = (callee or {})["name"]
    site.update(draw(st.sampled_from(({}, {}, {}, *LOOPS))))
    looped = any(key.startswith("with") for key in site)
    waits: dict[str, None] = {}
    inputs = (callee or {}).get("inputs") or {}
    parameters = [
        {"name": port["name"], "value": draw(_value(root, earlier, looped, waits))}
        for port in inputs.get("parameters") or []
        if "default" not in port or draw(st.booleans())
    ]
    artifacts = [
        {"name": port["name"], **draw(_content(root, earlier, waits))} for port in inputs.get("artifacts") or []
    ]
    arguments = {key: items for key, items in (("parameters", parameters), ("artifacts", artifacts)) if items}
    if arguments:
        site["arguments"] = arguments
    if draw(st.integers(0, 3)) == 0:
        site["when"] = draw(_condition(root, earlier, waits))
    if draw(st.integers(0, 4)) == 0 and callees:
        hook: Mapping = {
            "template": callees[0]["name"],
            "arguments": {"parameters": [{"name": "p", "value": f"{{{{{root}.{name}.status}}}}"}]},
        }
        site["hooks"] = {"running": {"expression": f'{root}["{name}"].status == "Running"', **hook}, "exit": hook}
    if (listed or root == "steps") and draw(st.integers(0, 3)) == 0:
        site["continueOn"] = {"failed": True}
    if root == "tasks":
        site.update(draw(_needs([step for step, _, _ in earlier], list(waits), listed)))
    return {**site, **draw(_unknown())}


@st.composite
def _content(draw: Draw, root: str, earlier: Earlier, waits: dict[str, None]) -> Mapping:
    makers = [step for step, maker, loop in earlier if _port(maker, "artifacts") and not loop]
    if not makers or draw(st.booleans()):
        return {"raw": {"data": draw(SCALARS)}}
    step = draw(st.sampled_from(makers))
    waits[step] = None
    return {"from": f"{{{{{root}.{step}.outputs.artifacts.a}}}}"}


@st.composite
def _value(draw: Draw, root: str, earlier: Earlier, looped: bool, waits: dict[str, None]) -> Any:
    makers = [(step, maker) for step, maker, loop in earlier if _port(maker, "parameters") and not loop]
    way = draw(st.integers(0, 6))
    if makers and way < 4:
        step, maker = draw(st.sampled_from(makers))
        waits[step] = None
        source = draw(st.sampled_from(_sources(root, step, maker)))
        text = source if source.startswith("{{") else f"{{{{={source}}}}}"
        return draw(st.sampled_from((text, f"before {text} after", f"{text}{text}")))
    if way == 4:
        return draw(st.sampled_from(("{{inputs.parameters.p}}", "{{=inputs.parameters['p'] + inputs.parameters.q}}")))
    if way == 5 and looped:
        return draw(st.sampled_from(("{{item}}", "{{=item}}")))
    return draw(ARGUMENTS)


@st.composite
def _condition(draw: Draw, root: str, earlier: Earlier, waits: dict[str, None]) -> str:
    if not earlier or draw(st.booleans()):
        return "{{inputs.parameters.p}} == yes"
    step = draw(st.sampled_from(earlier))[0]
    waits[step] = None
    return draw(
        st.sampled_from((f"{{{{{root}.{step}.status}}}} == Succeeded", f"{{{{={root}['{step}'].status == 'Failed'}}}}"))
    )


@st.composite
def _needs(draw: Draw, earlier: list[str], waits: list[str], listed: bool) -> Mapping:
    others = draw(st.lists(st.sampled_from(earlier), max_size=3, unique=True)) if earlier else []
    names = list(dict.fromkeys([*waits, *others]))
    if not names:
        return {}
    if listed:
        return {"dependencies": names}
    terms = [*waits, *(draw(_term(name)) for name in others)]
    text = terms[0]
    for term in terms[1:]:
        text = (
            f"{text} && {term}"
            if term in waits or draw(st.booleans())
            else f"({text}) && ({term} || {names[0]}.Failed)"
        )
    return {"depends": text}


@st.composite
def _term(draw: Draw, name: str) -> str:
    outcome = draw(st.sampled_from(OUTCOMES))
    forms = (
        name,
        f"{name}.{outcome}",
        f"!{name}.{outcome}",
        f"({name} || {name}.Failed)",
        f"!( {name} )",
        f"({name}.Succeeded||{name}.Omitted)",
    )
    return draw(st.sampled_from(forms))
