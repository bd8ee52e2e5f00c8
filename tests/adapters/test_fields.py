"""Every typed field of the IR: what is set there is there again after lowering and lifting, or lowering refuses."""

from __future__ import annotations

import pytest

from adapters.subjects import Subject, each_subject
from couler_plugins.ir import Node
from couler_plugins.testing.fields import FEATURES, carries_what_is_set
from support import first_of, own_files

pytestmark = pytest.mark.sampled

every_feature = pytest.mark.parametrize(
    ("node_type", "name"), [pytest.param(*feature, id=f"{feature[0].__name__}.{feature[1]}") for feature in FEATURES]
)
every_subject = pytest.mark.parametrize("subject", each_subject())


@every_subject
@every_feature
def test_the_table_names_every_field(subject: Subject, node_type: type[Node], name: str) -> None:
    assert f"{node_type.__name__}.{name}" in subject.support()


@every_subject
def test_the_table_names_nothing_twice_and_nothing_else(subject: Subject) -> None:
    named = [capability.feature for capability in subject.adapter.capabilities]
    assert sorted(named) == sorted(f"{node_type.__name__}.{name}" for node_type, name in FEATURES)


@pytest.mark.parametrize("whole", first_of([False, True]), ids=["own corpus", "all"])
@every_subject
@every_feature
def test_what_is_set_is_there_again(subject: Subject, node_type: type[Node], name: str, whole: bool) -> None:
    files = subject.files() if whole else own_files(subject.engine)
    carries_what_is_set(subject, node_type, name, tuple(files), every=1 if whole else 4)
