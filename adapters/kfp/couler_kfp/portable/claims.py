"""Claims that KFP's driver makes and removes by itself, as resources that another engine makes and removes.

Source: `backend/src/v2/driver/k8s.go` (createPVC: what it takes for granted).
"""

from __future__ import annotations

from collections.abc import Mapping

from couler_kfp.portable.types import refuse
from couler_plugins.ir import Native, Operation, Output, Port, Reference, replace

STUBS = {"argostub/createpvc": "create", "argostub/deletepvc": "delete"}
"""Images that no container is started of: KFP's driver does something in their place."""
REFUSED = ("annotations", "data_source", "volume_name")


def stub_of(operation: Operation) -> str:
    """Return what KFP's driver does in place of an operation: `create` or `delete` a claim; empty for any other."""
    images = [str(getattr(item.image, "value", "")) for item in operation.containers]
    return STUBS.get(images[0], "") if images else ""


def claiming(operation: Operation, presence: Mapping[str, bool | None], ports: tuple[Port, ...]) -> Operation:
    """Return a component that makes or removes a claim, as a resource.

    Args:
        operation: the component.
        presence: which inputs its callers pass.
        ports: its inputs, without types.

    Raises:
        Unsupported: the claim is more than its modes, its size, its class and its name.
    """
    bare = replace(operation, containers=(), kind="resource", inline=False, memoized=None)
    if stub_of(operation) == "delete":
        text = Native(parts=('{"resource":{"action":"delete","flags":["pvc","', _input("pvc_name"), '"]}}'))
        return replace(bare, inputs=tuple(port for port in ports if port.name == "pvc_name"), native_extra=text)
    for name in REFUSED:
        if presence.get(name):
            raise refuse("Operation.kind", operation.name, f"makes a claim with {name}", "make the claim beforehand")
    named = "pvc_name" if presence.get("pvc_name") else "pvc_name_suffix" if presence.get("pvc_name_suffix") else ""
    kept = ["access_modes", "size", *filter(None, [named])]
    if presence.get("storage_class_name"):
        kept.append("storage_class_name")
    before, behind = ("name: ", "") if named == "pvc_name" else ("generateName: claim", "-")
    head: list[str | Reference] = [
        "apiVersion: v1\\nkind: PersistentVolumeClaim\\nmetadata:\\n  ",
        before,
        *map(_input, filter(None, [named])),
    ]
    modes: list[str | Reference] = [f"{behind}\\nspec:\\n  accessModes: ", _input("access_modes")]
    size: list[str | Reference] = ["\\n  resources: {requests: {storage: ", _input("size"), "}}\\n  storageClassName: "]
    kind: list[str | Reference] = [_input("storage_class_name") if "storage_class_name" in kept else "standard"]
    parts: list[str | Reference] = [
        '{"resource":{"action":"create","manifest":"',
        *head,
        *modes,
        *size,
        *kind,
        '\\n"}}',
    ]
    return replace(
        bare,
        inputs=tuple(port for port in ports if port.name in kept),
        outputs=(Output(name="name", value=Native.of({"jsonPath": "{.metadata.name}"})),),
        native_extra=Native(parts=tuple(parts)),
    )


def _input(name: str) -> Reference:
    return Reference(to="input", kind="parameter", name=name)
