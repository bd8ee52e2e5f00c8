"""What Kubernetes takes: images, quantities, names and labels. All engines here run in it, or can.

Sources: the grammar of github.com/distribution/reference; apimachinery's `resource.Quantity`, and its
`validation.IsDNS1123Subdomain`, `IsValidLabelValue` and `IsConfigMapKey`; `IsStandardContainerResourceName`.
A text with an engine's own placeholder in it is that engine's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from couler_plugins.authoring.checks import checked_mapping, checked_text
from couler_plugins.authoring.quoting import shown
from couler_plugins.errors import InvalidInput

__all__ = ["checked_image", "checked_key", "checked_labels", "checked_object", "checked_quantity", "checked_resource"]

PLACEHOLDER = re.compile(r"\{\{|\$[({]")
HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
DOMAIN = rf"(?:{HOST}(?:\.{HOST})*|\[[A-Fa-f0-9:]+\])(?::\d+)?"
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
TAG, DIGEST = r"[\w][\w.-]{0,127}", r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
IMAGE = re.compile(rf"(?:{DOMAIN}/)?{COMPONENT}(?:/{COMPONENT})*(?::{TAG})?(?:@{DIGEST})?", re.ASCII)
QUANTITY = re.compile(r"\+?(?:\d+\.?\d*|\.\d+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?")
OBJECT = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
KEY = re.compile(r"[-._A-Za-z0-9]+")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
RESOURCE = re.compile(r"cpu|memory|ephemeral-storage|hugepages-\S+|[a-z0-9.-]+/[A-Za-z0-9._-]+")
LONGEST_OBJECT, LONGEST_LABEL, LONGEST_IMAGE = 253, 63, 4096


def checked_image(value: Any) -> str:
    """The image of a container.

    Raises:
        InvalidInput: no registry has one of that name.
    """
    hint = 'image="registry.example.com/team/name:tag", the name in lower case'
    text = checked_text(value, "the image", hint)
    if not PLACEHOLDER.search(text) and not (len(text) <= LONGEST_IMAGE and IMAGE.fullmatch(text)):
        raise InvalidInput(f"the image is {shown(text)}, which is not the name of an image", hint=hint)
    return text


def checked_quantity(value: Any, what: str) -> str:
    """An amount of a resource: a number, or a text such as `500m` and `2Gi`."""
    hint = "give a number, or a text such as 500m, 2Gi"
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = shown(value) if number else checked_text(value, what, hint)
    if not PLACEHOLDER.search(text) and not QUANTITY.fullmatch(text):
        raise InvalidInput(f"{what} is {shown(value)}, which is no amount", hint=hint)
    return text


def checked_resource(name: str) -> str:
    """The name of a resource that containers can ask for."""
    if not RESOURCE.fullmatch(name):
        hint = "there are cpu, memory, ephemeral-storage, and those of vendors, such as nvidia.com/gpu"
        raise InvalidInput(f"resources hold {shown(name)}, which is not a resource of a node", hint=hint)
    return name


def checked_object(value: Any, what: str, *, empty: bool = False) -> str:
    """The name of an object in the cluster."""
    hint = "objects of Kubernetes are called by small letters, digits, - and ."
    text = checked_text(value, what, hint, empty=empty)
    if text and not PLACEHOLDER.search(text) and not (len(text) <= LONGEST_OBJECT and OBJECT.fullmatch(text)):
        raise InvalidInput(f"{what} is {shown(text)}, which is not a valid name of an object", hint=hint)
    return text


def checked_key(value: Any, what: str) -> str:
    """A key of a Secret."""
    hint = "keys are made of letters, digits, -, _ and ."
    text = checked_text(value, what, hint)
    if not KEY.fullmatch(text):
        raise InvalidInput(f"{what} is {shown(text)}, which is no key", hint=hint)
    return text


def checked_labels(labels: Mapping[str, str] | None, what: str, hint: str) -> dict[str, str]:
    """Labels by name."""
    checked = checked_mapping(labels, what, hint)
    for key, value in checked.items():
        text = checked_text(value, f"{what} {shown(key)}", "give texts; numbers and truth values in quotes", empty=True)
        if not PLACEHOLDER.search(text) and not (len(text) <= LONGEST_LABEL and LABEL.fullmatch(text)):
            hint = f"at most {LONGEST_LABEL} letters, digits, -, _ and ."
            raise InvalidInput(f"{what} {shown(key)} is {shown(text)}, which is no value of a label", hint=hint)
        checked_text(key, f"a key of {what}", hint)
    return checked
