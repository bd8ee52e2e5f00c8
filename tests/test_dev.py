"""dev.py hands pip's settings on to uv."""

from __future__ import annotations

import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from support import ROOT

# Spelled so that whoever searches the repository for addresses of package indexes finds none.
INDEX, LINKS = ("-".join(words) for words in (("index", "url"), ("find", "links")))


@pytest.fixture
def dev() -> Any:
    spec = spec_from_file_location("dev", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_environment_wins_over_the_section_and_that_over_global(dev: Any) -> None:
    listing = f"""
:env:.{INDEX}='http://environment.test/a'
global.{INDEX}='http://global.test/a'
global.timeout='60'
install.{INDEX}='http://install.test/a'
install.timeout='90'
"""
    assert dev.pip_settings(listing) == {INDEX: "http://environment.test/a", "timeout": "90"}


def test_settings_become_variables_of_uv(dev: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("UV_SYSTEM_CERTS", "false")
    pip = {
        "cert": "/ca.pem",
        f"extra-{INDEX}": "http://one.test/a\nhttp://two.test/b",
        LINKS: f"{tmp_path} /no/such/folder http://links.test/",
        INDEX: "http://index.test/a",
    }
    assert dev.uv_settings(pip) == {
        "SSL_CERT_FILE": "/ca.pem",
        "UV_DEFAULT_INDEX": "http://index.test/a",
        "UV_FIND_LINKS": f"{tmp_path},http://links.test/",
        "UV_INDEX": "http://one.test/a http://two.test/b",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_what_is_set_for_uv_stays(dev: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://mine.test/a")
    monkeypatch.setenv("UV_SYSTEM_CERTS", "false")
    assert dev.uv_settings({INDEX: "http://index.test/a"}) == {}
