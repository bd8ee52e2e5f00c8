"""Credentials are taken out of texts, and nothing else is."""

from __future__ import annotations

import itertools

import pytest

from couler_plugins.net.redacting import redact, redact_url

SECRETS = ("AKIAKEY", "s3cr/et+x", "pa@ss:w")


SHOWN = [
    "s3://AKIAKEY:s3cr/et+x@bucket/prefix",
    "postgresql://user:pa@ss:w@host/db",
    "s3://bucket/x?token=s3cr/et+x&region=eu",
    "{'key': 'AKIAKEY', 'secret': 's3cr/et+x'}",
    "connection failed: password=pa@ss:w host=db",
    "abfs://container@host/x?account_key=s3cr/et+x",
    "DefaultEndpointsProtocol=https;AccountName=me;AccountKey=s3cr/et+x;EndpointSuffix=host",
    "curl -H 'Authorization: Bearer s3cr/et+x'",
    "{'authorization': 'AKIAKEY'}",
    "the bearer s3cr/et+x1 has expired",
    "login --user me --password s3cr/et+x",
]


@pytest.mark.parametrize(("text", "around"), list(itertools.product(SHOWN, ["{}", "cannot open <{}>: refused"])))
def test_credentials_are_hidden(text: str, around: str) -> None:
    hidden = redact(around.format(text))
    assert not any(secret in hidden for secret in SECRETS)
    assert "***" in hidden


def test_what_is_no_credential_stays() -> None:
    for text in (
        "s3://bucket/a@b",
        "/data/cache",
        "the key k1 is missing",
        "memory://x",
        "NoCredentialsError: Unable to",
        "basic authentication failed: no bearer token",
    ):
        assert redact(text) == text
    assert redact("NoCredentialsError: Unable to locate") == "NoCredentialsError: Unable to locate"


@pytest.mark.parametrize("secret", ["s3cr et", "s3/cr?et", "s3#cr'et", "s3@cr:et", '"'])
def test_of_a_url_nothing_in_its_credentials_is_shown(secret: str) -> None:
    assert redact_url(f"s3://AKIAKEY:{secret}@bucket/x") == "s3://***@bucket/x"


def test_of_a_url_without_credentials_all_is_shown() -> None:
    for url in ("s3://bucket/a@b", "/data/a@b", "file:///data/x"):
        assert redact_url(url) == url
