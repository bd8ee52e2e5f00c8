"""What names one version of data from outside: its key, and what people see of its URL."""

from __future__ import annotations

import hashlib

import pytest

from couler_plugins.caching.dataplane.datasets import Dataset, shown_url
from couler_plugins.errors import InvalidInput

SHA256 = hashlib.sha256(b"").hexdigest()


def test_the_key_is_that_of_the_version_and_not_of_who_may_read_it() -> None:
    def key(url: str = "s3://b/x", **more: str) -> str:
        return Dataset(url=url, **more).key

    assert (
        len({key(version="1"), key(version="2"), key(etag="1"), key("s3://b/y", version="1"), key(sha256=SHA256)}) == 5
    )
    assert key("https://h/x", sha256=SHA256) == key("s3://b/y", sha256=SHA256)
    assert key("https://u:p@h/x", version="1") == key("https://h/x", version="1")
    signed = "https://h/x?versionId=3&X-Amz-Signature=s&X-Amz-Credential=c"
    assert key(signed, version="1") == key("https://h/x?versionId=3", version="1")
    assert key("https://h/x?versionId=3", version="1") != key("https://h/x?versionId=4", version="1")
    assert key(etag='W/"1"') == key(etag="1")


AZURE = "sv=2024-11-04&ss=b&srt=sco&sr=b&sp=r&st=t&se=t&spr=https&sip=i&skoid=o&sktid=t&skt=t&ske=t&sks=b&skv=v&sig=s"


@pytest.mark.parametrize(
    ("content", "access"),
    [
        ("versionId=3", "X-Amz-Algorithm=a&X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Expires=9&X-Amz-Signature=s"),
        ("versionId=3", "AWSAccessKeyId=a&Expires=9&Signature=s"),
        ("part=7", "Expires=9&Signature=s&Key-Pair-Id=k"),
        ("part=7", "Policy=p&Signature=s&Key-Pair-Id=k&Hash-Algorithm=SHA256"),
        ("generation=3", "X-Goog-Algorithm=a&X-Goog-Credential=c&X-Goog-Signature=s&X-Goog-Expires=9"),
        ("generation=3", "GoogleAccessId=a&Expires=9&Signature=s"),
        ("versionid=3&snapshot=t", AZURE),
    ],
)
def test_who_may_read_is_no_part_of_the_key(content: str, access: str) -> None:
    bare = Dataset(url=f"https://h/x?{content}", version="1").key
    assert Dataset(url=f"https://h/x?{content}&{access}", version="1").key == bare
    assert Dataset(url=f"https://h/x?{access.replace('s&', 'other&')}&{content}", version="1").key == bare
    assert Dataset(url=f"https://h/x?{access}", version="1").key == Dataset(url="https://h/x", version="1").key
    assert Dataset(url=f"https://h/x?{content}4&{access}", version="1").key != bare


@pytest.mark.parametrize(
    "query", ["expires=2027", "policy=fair", "sr=b", "se=t&sp=r&sv=1", "signature=s", "x-amz-date=d"]
)
def test_what_looks_like_access_selects_content_where_nothing_is_signed(query: str) -> None:
    assert Dataset(url=f"https://h/x?{query}", version="1").key != Dataset(url="https://h/x", version="1").key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("abfss://sales@account.dfs.core.windows.net/x.csv", "abfss://hr@account.dfs.core.windows.net/x.csv"),
        ("github://org:one@main/x.csv", "github://org:two@main/x.csv"),
        ("git://one:main@x.csv", "git://two:main@x.csv"),
        ("https://h/x?name=M%FCller", "https://h/x?name=M%F6ller"),
        ("https://h/x?b", "https://h/x?b="),
        ("s3://b/x?x-amz-1", "s3://b/x"),
        ("s3://b/x#", "s3://b/x"),
        ("s3://b/x\ty", "s3://b/xy"),
        ("relative.csv", "/relative.csv"),
    ],
)
def test_what_is_not_at_the_same_place_has_another_key(one: str, other: str) -> None:
    assert Dataset(url=one, version="1").key != Dataset(url=other, version="1").key


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@h/x?token=secret#y", "https://h/x?…"),
        ("abfss://sales@account/x", "abfss://sales@account/x"),
        ("github://org:secret@main/x", "github://org:…@main/x"),
        ("http://[x", "http://[x"),
        ("s3://AKIA:se/cret@bucket/x", "s3://bucket/x"),
        ("a path", "a path"),
    ],
)
def test_people_see_where_it_is_and_no_secret(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"version": "1", "etag": "2"},
        {"sha256": "abc"},
        {"sha256": SHA256.upper()},
        {"version": "1", "url": ""},
        {"version": "1", "url": "zip://x::s3://b/y"},
    ],
)
def test_what_names_no_version_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        Dataset(**{"url": "s3://b/x", **wrong})
