"""A chain as a container set: what each container has, and who waits for whom."""

from __future__ import annotations

from typing import Any

from adapters.argo.fuse.chains import after, container, fused, script, template_of, workflow

VALUE = {"inputs": {"parameters": [{"name": "x"}]}}


def chain() -> Any:
    """Three steps of three images: two scripts, the second with an input of a name that the third one has as well."""
    document = workflow(
        [after("Get-it"), after("b", "Get-it", x="{{workflow.name}}"), after("c", "b", x="$(y)")],
        [
            script("Get-it", "echo $$ $(date)\n", env=None),
            script("b", "print('{{inputs.parameters.x}}')", "python3", **VALUE),
            container(
                "c",
                "echo",
                "{{inputs.parameters.x}}",
                **VALUE,
                outputs={"parameters": [{"name": "o", "valueFrom": {"path": "/tmp/o"}}]},
            ),
        ],
        {"r": "{{tasks.c.outputs.result}}", "o": "{{tasks.c.outputs.parameters.o}}"},
    )
    for number, item in enumerate(document["spec"]["templates"][1:]):
        item.pop("env", None)
        (item.get("script") or item.get("container"))["image"] = f"image:{number}"
    return document


def test_each_container_waits_for_the_one_before_it() -> None:
    document = fused(chain())
    template = template_of(document, "get-it-to-c")
    mount = [{"name": "couler-scripts", "mountPath": "/couler-scripts"}]
    first = {
        "name": "get-it",
        "image": "image:0",
        "command": ["sh"],
        "args": ["/couler-scripts/get-it"],
        "volumeMounts": mount,
    }
    second = {
        "name": "b",
        "image": "image:1",
        "command": ["python3"],
        "args": ["/couler-scripts/b"],
        "volumeMounts": mount,
    }
    third = {"name": "main", "image": "image:2", "command": ["echo", "{{inputs.parameters.c-x}}"]}
    containers = [first, {**second, "dependencies": ["get-it"]}, {**third, "dependencies": ["b"]}]
    assert template["containerSet"]["containers"] == containers
    assert template["metadata"]["annotations"] == {
        "couler.io/fused-steps": "Get-it,b,c",
        "couler.io/script-get-it": "echo $$ $(date)\n",
        "couler.io/script-b": "print('{{inputs.parameters.x}}')",
    }
    items = [
        {"path": name, "fieldRef": {"fieldPath": f"metadata.annotations['couler.io/script-{name}']"}}
        for name in ("get-it", "b")
    ]
    assert template["volumes"] == [{"name": "couler-scripts", "downwardAPI": {"defaultMode": 0o755, "items": items}}]
    assert template["outputs"]["parameters"] == [{"name": "o", "valueFrom": {"path": "/tmp/o"}}]


def test_what_others_read_is_of_the_last_container() -> None:
    main = template_of(fused(chain()), "main")
    tags = {item["name"]: item["valueFrom"]["parameter"] for item in main["outputs"]["parameters"]}
    assert tags == {
        "r": "{{tasks.Get-it-to-c.outputs.result}}",
        "o": "{{tasks.Get-it-to-c.outputs.parameters.o}}",
    }


def test_a_step_whose_result_is_read_is_the_last_of_its_pod() -> None:
    document = chain()
    document["spec"]["templates"][0]["outputs"]["parameters"][0]["valueFrom"]["parameter"] = (
        "{{tasks.b.outputs.result}}"
    )
    tasks = [item["name"] for item in template_of(fused(document), "main")["dag"]["tasks"]]
    assert tasks == ["Get-it-to-b", "c"]


def test_a_pod_does_not_ask_for_much_more_than_its_largest_container() -> None:
    document = chain()
    for item in document["spec"]["templates"][1:]:
        (item.get("script") or item.get("container"))["resources"] = {"requests": {"memory": "4Gi"}}
    tasks = [item["name"] for item in template_of(fused(document), "main")["dag"]["tasks"]]
    assert tasks == ["Get-it-to-b", "c"]
