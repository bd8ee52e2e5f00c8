"""Volumes that nobody writes to who mounts them."""

from __future__ import annotations

from typing import Any

from couler_plugins.engine_kit.volumes import read_only_volumes


def test_a_volume_is_read_only_by_its_kind_or_by_all_of_its_mounts() -> None:
    volumes: list[dict[str, Any]] = [
        {"name": "settings", "configMap": {"name": "c"}},
        {"name": "claim"},
        {"name": ["odd"]},
    ]
    mounts: list[dict[str, Any]] = [
        {"name": "settings"},
        {"name": "claim", "readOnly": True},
        {"name": ["odd"]},
        {"readOnly": True},
    ]
    pod = {"container": {"volumeMounts": mounts}}
    assert read_only_volumes(volumes, pod) == {"None": "in", "claim": "in", "settings": "in"}
    mounts.append({"name": "claim"})
    assert read_only_volumes(volumes, pod) == {"None": "in", "settings": "in"}
