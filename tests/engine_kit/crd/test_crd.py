"""Schemas of CRDs, as an API server applies them."""

from __future__ import annotations

from typing import Any

import pytest

from couler_plugins.engine_kit.crd import load_schemas
from couler_plugins.errors import InvalidInput
from couler_plugins.inputs.sources import Text
from engine_kit.crd.small import MEGABYTE, codes, crd, custom, remarks, schemas_of

STRING: dict[str, Any] = {"type": "string"}
INTEGER: dict[str, Any] = {"type": "integer"}
PROBLEMS: list[tuple[str, dict[str, Any], Any, str, str]] = [
    ("wrong-type", STRING, 3, "this has to be a text, but is 3", 'put it in quotes: "3"'),
    ("wrong-type", INTEGER, "3", 'this has to be an integer, but is the text "3"', "write it without quotes"),
    (
        "wrong-type",
        {"type": "boolean"},
        [],
        "this has to be true or false, but is a list",
        "change it, or leave it out",
    ),
    (
        "wrong-type",
        {"type": "array", "items": STRING},
        "a",
        'this has to be a list, but is the text "a"',
        "write it as an item of a list, after a dash",
    ),
    (
        "wrong-type",
        {"x-kubernetes-int-or-string": True, "anyOf": [INTEGER, STRING]},
        {"a": 1},
        "this has to be an integer or a text, but is a mapping",
        "change it, or leave it out",
    ),
    (
        "too-many-items",
        {"type": "array", "items": INTEGER, "maxItems": 200},
        list(range(1_201)),
        "this has 1,201 items, at most 200 allowed",
        "leave some out, or divide them",
    ),
    ("too-long", {**STRING, "maxLength": 2}, "äöü", "this has 3 characters, at most 2 allowed", "shorten it"),
    ("too-large", {**INTEGER, "maximum": 511}, 512, "this is 512, at most 511 allowed", "give a smaller number"),
    (
        "too-large",
        {**INTEGER, "format": "int32"},
        2**31,
        "this is 2147483648, at most 2,147,483,647 allowed",
        "give a smaller number",
    ),
    (
        "too-small",
        {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        0,
        "this is 0, more than 0 needed",
        "give a larger number",
    ),
    ("pattern", {**STRING, "pattern": "^[a-z]+$"}, "A", '"A" does not match the pattern ^[a-z]+$', "change it so"),
    ("enum", {**STRING, "enum": ["Always", "Never"]}, "always", '"always" is none of "Always", "Never"', "'Always'?"),
    ("enum", {**INTEGER, "enum": [1, 2]}, 3, "3 is none of 1, 2", "choose one of them"),
    ("format", {**STRING, "format": "date-time"}, "today", '"today" is no date-time', "write it as one"),
    ("multiple-of", {**INTEGER, "multipleOf": 5}, 7, "7 is no multiple of 5", "round it"),
    (
        "required",
        {"type": "object", "properties": {"a": STRING}, "required": ["a"]},
        {},
        "the field 'a' is missing",
        "add it",
    ),
    (
        "required",
        {
            "type": "object",
            "properties": {"a": STRING, "b": STRING},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        {},
        "one of the fields a, b has to be there",
        "add one",
    ),
    (
        "condition",
        {**INTEGER, "not": {"enum": [3]}},
        3,
        "3 does not meet a condition of the schema: not",
        "see the engine's own documentation",
    ),
]


@pytest.mark.parametrize(("code", "schema", "value", "message", "hint"), PROBLEMS)
def test_a_problem_is_said_in_words(code: str, schema: dict[str, Any], value: Any, message: str, hint: str) -> None:
    (remark,) = remarks(custom({"a": value}), schemas_of(crd({"a": schema})))
    assert (remark.severity, remark.code, remark.path) == ("error", code, ("spec", "a"))
    assert remark.message == message
    assert hint in remark.hint


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (INTEGER, 3.0),
        ({"type": "number"}, 3),
        ({"x-kubernetes-int-or-string": True}, "50%"),
        ({"x-kubernetes-preserve-unknown-fields": True}, [{"any": [1]}]),
        ({"type": "object", "additionalProperties": STRING}, {"any": "a"}),
        ({"type": "object", "additionalProperties": True}, {"any": 1}),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": STRING}}, {"b": 1}),
        ({**STRING, "nullable": True}, None),
        ({**STRING, "format": "nobody-knows"}, "a"),
        ({**STRING, "pattern": "(?i)^abc$"}, "ABC"),
        ({"type": "object", "properties": {"a": STRING}, "required": ["a"]}, None),
        (
            {"type": "object", "properties": {"a": {**STRING, "default": "x"}}, "required": ["a"]},
            {"a": None},
        ),
    ],
)
def test_what_an_api_server_takes_is_no_problem(schema: dict[str, Any], value: Any) -> None:
    assert remarks(custom({"a": value}), schemas_of(crd({"a": schema}))) == []


def test_nulls_count_as_nothing_but_not_in_lists() -> None:
    schemas = schemas_of(crd({"a": {"type": "array", "items": STRING}, "b": STRING}, required=["b"]))
    assert codes(remarks(custom({"a": [None], "b": None}), schemas)) == [
        ("spec", "required"),
        ("spec.a.0", "wrong-type"),
    ]


def test_an_unknown_field_is_named_with_the_nearest_known_one() -> None:
    inner = {"type": "object", "properties": {"image": STRING, "imagePullPolicy": STRING}}
    schemas = schemas_of(crd({"containers": {"type": "array", "items": inner}, "map": {"type": "object"}}))
    spec = {"containers": [{"Image": "x", "imagePulPolicy": "y", "zebra": 1}], "map": {"a": 1}}
    found = {remark.path[-1]: remark for remark in remarks(custom(spec), schemas)}
    assert {remark.code for remark in found.values()} == {"unknown-field"}
    assert found["Image"].path == ("spec", "containers", 0, "Image")
    assert found["Image"].message == "there is no field 'Image' here"
    assert {name: remark.hint for name, remark in found.items()} == {
        "Image": "did you mean 'image'?",
        "imagePulPolicy": "did you mean 'imagePullPolicy'?",
        "zebra": "the fields here are image, imagePullPolicy",
        "a": "leave it out",
    }


def test_what_keeps_unknown_fields_still_knows_its_own() -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": {"type": "object"}}}
    found = remarks(custom({"a": {"a": {"b": 1}, "c": {"d": 1}}}), schemas_of(crd({"a": schema})))
    assert codes(found) == [("spec.a.a.b", "unknown-field")]


def test_the_metadata_is_that_of_every_object() -> None:
    data = custom({}, metadata={"nam": "a", "annotations": {"n": 3}, "labels": {"l": "a b"}, "creationTimestamp": None})
    assert codes(remarks(data, schemas_of(crd({})))) == [
        ("metadata", "required"),
        ("metadata.annotations.n", "wrong-type"),
        ("metadata.labels.l", "pattern"),
        ("metadata.nam", "unknown-field"),
    ]


@pytest.mark.parametrize(
    ("metadata", "good"),
    [({"name": "a.b-c"}, True), ({"generateName": "a-"}, True), ({"name": "a-"}, False), ({"name": "A"}, False)],
)
def test_names_are_those_of_kubernetes(metadata: dict[str, str], good: bool) -> None:
    found = remarks(custom({}, metadata=metadata), schemas_of(crd({})))
    assert codes(found) == ([] if good else [("metadata.name", "name")])


def test_an_embedded_object_has_metadata_as_well() -> None:
    schema = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
    schemas = schemas_of(crd({"a": schema}))
    good = {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": "b"}}, "spec": {"any": 1}}
    assert remarks(custom({"a": good}), schemas) == []
    bad = {"kind": "", "metadata": {"labels": {"a": 1}}}
    assert codes(remarks(custom({"a": bad}), schemas)) == [
        ("spec.a", "required"),
        ("spec.a.kind", "too-short"),
        ("spec.a.metadata.labels.a", "wrong-type"),
    ]


def test_lists_may_be_sets_and_mappings() -> None:
    port = {"type": "object", "properties": {"port": INTEGER, "protocol": {**STRING, "default": "TCP"}}}
    keyed = {"type": "array", "items": port, "x-kubernetes-list-type": "map"}
    keyed["x-kubernetes-list-map-keys"] = ["port", "protocol"]
    unique = {"type": "array", "items": INTEGER, "x-kubernetes-list-type": "set"}
    ports = [{"port": 1}, {"port": 1, "protocol": "UDP"}, {"port": 1, "protocol": "TCP"}]
    found = remarks(custom({"a": ports, "b": [1, 2, 1]}), schemas_of(crd({"a": keyed, "b": unique})))
    assert codes(found) == [("spec.a.2", "duplicate"), ("spec.b.2", "duplicate")]
    assert [remark.message for remark in found] == [
        'the items 0 and 2 have the same port and protocol: 1, "TCP"',
        "the items 0 and 2 of this list are the same: 1",
    ]


def test_the_api_version_chooses_the_schema() -> None:
    definition = crd({"a": STRING})
    old = crd({"b": STRING})["spec"]["versions"][0]
    definition["spec"]["versions"] += [old | {"name": "v0"}, old | {"name": "v9", "served": False}]
    schemas = schemas_of(definition)
    assert remarks(custom({"b": "x"}, apiVersion="example.com/v0"), schemas) == []
    assert codes(remarks(custom({"b": "x"}), schemas)) == [("spec.b", "unknown-field")]
    for version in ("v9", "v3"):
        (remark,) = remarks(custom({"b": "x"}, apiVersion=f"example.com/{version}"), schemas)
        assert (remark.code, remark.path) == ("unknown-version", ("apiVersion",))
        assert (remark.message, remark.hint) == (f"Thing has no version {version!r}", "it is served as v1, v0")


def test_only_what_a_schema_covers_is_looked_at() -> None:
    schemas = schemas_of(crd({}))
    for data in (custom({"a": 1}, kind="Other"), custom({"a": 1}, apiVersion="other.com/v1"), None, [1], "a"):
        assert remarks(data, schemas) == []


def test_the_items_of_a_list_are_objects() -> None:
    data = {"apiVersion": "v1", "kind": "List", "items": [custom({}), None, custom({"a": 1})]}
    assert codes(remarks(data, schemas_of(crd({})))) == [("items.2.spec.a", "unknown-field")]


@pytest.mark.parametrize("metadata", [None, [], "a", {"name": None}, {"name": [1]}, {"labels": [None]}])
@pytest.mark.parametrize("spec", [None, [], [[None]], {"a": [None, {}, [[]]]}, "a", {"a": {"b": None}}])
def test_mangled_objects_are_never_more_than_remarked_on(spec: Any, metadata: Any) -> None:
    inner = {"type": "object", "properties": {"b": STRING}, "required": ["b"]}
    rules = [{"rule": "self.all(x, x.b.size() < 3)"}]
    listed = {"type": "array", "items": inner, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["b"]}
    remarks(custom(spec, metadata=metadata), schemas_of(crd({"a": listed | {"x-kubernetes-validations": rules}})))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: Other", "crd.yaml: there is no CustomResourceDefinition here"),
        ("[1, 2]", "crd.yaml: there is no CustomResourceDefinition here"),
        ("{", "crd.yaml:"),
        ("kind: CustomResourceDefinition", "crd.yaml:1: this CustomResourceDefinition has the apiVersion None"),
        (
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {group: a, names: []}",
            "crd.yaml:1: this is no CustomResourceDefinition: Expected `object`, got `array` - at `spec.names`",
        ),
    ],
)
def test_a_file_that_is_no_crd_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_schemas(Text(text, "crd.yaml"), MEGABYTE)
    assert str(caught.value).startswith(message)
    assert caught.value.hint


@pytest.mark.parametrize("schema", [{"type": "texts"}, {"pattern": "("}, {"properties": [1]}, {"maxItems": "3"}, [1]])
def test_a_schema_that_is_none_is_refused_when_it_is_needed(schema: Any) -> None:
    schemas = schemas_of(crd({"a": schema}))
    assert remarks(custom({}, kind="Other"), schemas) == []
    with pytest.raises(InvalidInput, match=r"crd\.yaml: the schema of Thing v1 cannot be used: "):
        remarks(custom({}), schemas)


def test_two_crds_of_one_kind_have_to_be_equal() -> None:
    assert schemas_of([crd({}), crd({})]).kinds
    with pytest.raises(InvalidInput, match=r"Thing v1 is defined in crd\.yaml as well, and differently"):
        schemas_of([crd({}), crd({"a": STRING})])
