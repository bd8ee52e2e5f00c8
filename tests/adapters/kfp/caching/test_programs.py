"""What of a container is its author's program: KFP's SDK wraps lightweight components, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.kfp.caching.pipelines import lightweight
from couler_kfp.cache.programs import programs

SDK = [
    {"packages_to_install": ["pandas==2.2.0", "numpy"], "base_image": "python:3.11"},
    {"packages_to_install": ["pandas"], "pip_index_urls": ["https://example.com/wheels"], "base_image": "python:3.11"},
    {"packages_to_install": ["torch>=2"], "use_venv": True, "base_image": "registry.example.com:5000/curl/tool:1"},
    {"install_kfp_package": False, "base_image": "python:3.11"},
    {"base_image": "python:3.11"},
]


def container(**options: Any) -> dict[str, Any]:
    """The container of a component that the SDK makes."""
    pytest.importorskip("kfp", reason="needs kfp")
    from google.protobuf import json_format

    spec = json_format.MessageToDict(lightweight(**options).pipeline_spec)
    made: dict[str, Any] = spec["deploymentSpec"]["executors"]["exec-double"]["container"]
    return made


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")  # of kfp
@pytest.mark.parametrize(
    ("options", "loose"), list(zip(SDK, [("numpy",), ("pandas",), ("torch>=2",), (), ()], strict=True))
)
def test_of_a_lightweight_component_only_its_source_is_a_program(
    options: dict[str, Any], loose: tuple[str, ...]
) -> None:
    found = programs(container(**options))
    assert found.packages == loose
    whole = "\n".join(found.texts)
    assert "return 2 * number" in whole
    assert "pip" not in whole
    assert "mktemp" not in whole
    assert "https://" not in whole
    assert "curl" not in whole


@pytest.mark.parametrize(
    "command",
    [
        ["sh", "-c", "pip install pandas && run"],
        ["sh", "-c", 'PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install \'a\' && curl x && "$0" "$@"', "run"],
        ["sh", "-c", 'PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install "$(curl x)" && "$0" "$@"', "run"],
        ["sh", "-ec", "program_path=$(mktemp -d)\ncurl x", "source"],
    ],
)
def test_a_program_that_only_looks_like_the_sdks_is_its_authors(command: list[str]) -> None:
    assert command[2] in programs({"command": command}).texts


def test_arguments_variables_and_the_name_of_the_image_may_be_programs() -> None:
    held = {
        "image": "registry.example.com:5000/team/tool@sha256:0",
        "command": ["run"],
        "args": ["x", {"odd": 1}, ["y"]],
        "env": [{"name": "URL", "value": "z"}, "odd", {"name": "EMPTY"}],
    }
    assert programs(held).texts == ("run", "x", "y", "z", "tool")


@pytest.mark.parametrize(
    ("package", "loose"),
    [
        ("a==1.0", False),
        ("a[b]==1.0", False),
        ("a==1.*", True),
        ("a>=1", True),
        ("a", True),
        ("git+https://example.com/a@" + "0" * 40, True),
        ("a @ git+https://example.com/a@" + "0" * 40, False),
        ("a @ git+https://example.com/a@main", True),
    ],
)
def test_a_package_is_pinned_by_its_version_or_a_commit(package: str, loose: bool) -> None:
    install = f'PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet \'{package}\' && "$0" "$@"'
    assert programs({"command": ["sh", "-c", install, "run"]}).packages == ((package,) if loose else ())
