"""Volumes of pods that nobody writes to who mounts them."""

from __future__ import annotations

from collections.abc import Iterable

from couler_plugins.documents.mappings import Mapped, entries, under

READ_ONLY = frozenset({"configMap", "downwardAPI", "projected", "secret"})
"""Kinds of volumes that pods can only read (Kubernetes' core/v1, `VolumeSource`)."""


def read_only_volumes(volumes: Iterable[Mapped], pod: Mapped) -> dict[str, str]:
    """Return the volumes that all mounts in a pod only read, as `Material.workspaces` has them.

    Args:
        volumes: those that it may mount, the nearest of a name last.
        pod: what holds the mounts, anywhere in it.
    """
    plain = {str(item.get("name")): bool(READ_ONLY & item.keys()) for item in volumes}
    lists = [{"mounts": mounts} for mounts in under(pod, "volumeMounts")]
    mounts = [mount for one in lists for mount in entries(one, "mounts")]
    names = {str(mount.get("name")) for mount in mounts}
    written = {str(mount.get("name")) for mount in mounts if mount.get("readOnly") is not True}
    return dict.fromkeys(sorted(name for name in names if plain.get(name) or name not in written), "in")
