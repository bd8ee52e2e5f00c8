"""The rules of CRDs: where they hold, what `self` is, and what is said of those that are broken."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from couler_plugins.documents import Remark
from couler_plugins.engine_kit.crd.fields import Schema
from couler_plugins.engine_kit.crd.rules import broken_rules
from couler_plugins.errors import InvalidInput, install_hint
from engine_kit.crd.small import codes, crd, custom, remarks, schemas_of

STRING: dict[str, Any] = {"type": "string"}
INTEGER: dict[str, Any] = {"type": "integer"}


def ruled(schema: dict[str, Any], *rules: str, **more: str) -> dict[str, Any]:
    return {**schema, "x-kubernetes-validations": [{"rule": rule, **more} for rule in rules]}


def found(schema: dict[str, Any], value: Any) -> list[Remark]:
    return remarks(custom({"a": value}), schemas_of(crd({"a": schema})))


def test_a_rule_is_looked_at_wherever_its_schema_holds() -> None:
    small = ruled(INTEGER, "self < 10")
    assert codes(found(small, 10)) == [("spec.a", "rule")]
    assert codes(found({"type": "array", "items": small}, [1, 20, 3, 40])) == [
        ("spec.a.1", "rule"),
        ("spec.a.3", "rule"),
    ]
    assert codes(found({"type": "object", "additionalProperties": small}, {"x": 20})) == [("spec.a.x", "rule")]
    open_object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"x": small}}
    assert codes(found(open_object, {"x": 20, "y": 20})) == [("spec.a.x", "rule")]


def test_several_rules_at_one_place() -> None:
    assert len(found(ruled(INTEGER, "self > 1", "self > 2", "self < 9"), 0)) == 2


def test_a_rule_about_the_whole_object() -> None:
    definition = crd({"a": INTEGER})
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema.update(ruled({}, "self.metadata.name.size() < 3 && self.kind == 'Thing'"))
    schemas = schemas_of(definition)
    assert remarks(custom({}), schemas) == []
    assert codes(remarks(custom({}, metadata={"name": "long"}), schemas)) == [("", "rule")]


def test_defaults_count_and_nulls_do_not() -> None:
    properties = {"x": {**INTEGER, "default": 1}, "y": INTEGER, "z": {**INTEGER, "nullable": True}}
    schema = ruled({"type": "object", "properties": properties}, "has(self.x) && !has(self.y) && !has(self.z)")
    assert found(schema, {"y": None, "z": None}) == []


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("a-b", "a__dash__b"),
        ("a.b", "a__dot__b"),
        ("a/b", "a__slash__b"),
        ("a__b", "a__underscores__b"),
        ("if", "__if__"),
    ],
)
def test_names_are_escaped(name: str, rule: str) -> None:
    schema = ruled({"type": "object", "properties": {name: INTEGER}}, f"self.{rule} == 1")
    assert found(schema, {name: 1}) == []
    assert codes(found(schema, {name: 2})) == [("spec.a", "rule")]


def test_keys_of_a_map_are_what_they_are() -> None:
    schema = ruled({"type": "object", "additionalProperties": INTEGER}, "self.all(key, key.startsWith('a-'))")
    assert found(schema, {"a-b": 1}) == []


@pytest.mark.parametrize(
    ("schema", "rule", "value"),
    [
        ({"type": "number"}, "self / 2.0 == 1.5", 3),
        ({**STRING, "format": "date-time"}, "self < timestamp('2024-01-02T00:00:00Z')", "2024-01-01T00:00:00Z"),
        ({"x-kubernetes-int-or-string": True}, "type(self) == string", "5%"),
        ({"x-kubernetes-int-or-string": True}, "type(self) == int && self > 4", 5),
    ],
)
def test_values_have_their_types(schema: dict[str, Any], rule: str, value: Any) -> None:
    assert found(ruled(schema, rule), value) == []


def test_the_message_is_the_schemas_own() -> None:
    (remark,) = found(ruled(INTEGER, "self < 10", message="it is large"), 10)
    assert (remark.severity, remark.message, remark.hint) == ("error", "it is large", "the rule is self < 10")
    (remark,) = found(ruled(INTEGER, "self < 10", message="no", messageExpression="string(self) + ' is large'"), 10)
    assert remark.message == "10 is large"
    (remark,) = found(ruled(INTEGER, "self < 10", message="it is large", messageExpression="self.none"), 10)
    assert remark.message == "it is large"
    (remark,) = found(ruled(INTEGER, "self < 10"), 10)
    assert remark.message == "a rule of the schema does not hold for 10"


def test_a_rule_may_name_the_field_that_is_to_blame() -> None:
    properties = {"b": INTEGER, "c-d": INTEGER}
    for field_path, place in ((".b", "spec.a.b"), ("['c-d']", "spec.a.c-d")):
        schema = ruled({"type": "object", "properties": properties}, "self.b < 3", fieldPath=field_path)
        assert codes(found(schema, {"b": 3})) == [(place, "rule")]


def test_rules_about_changes_are_left_out() -> None:
    assert found(ruled(INTEGER, "self == oldSelf", "oldSelf.hasValue() || self > 5"), 1) == []


def test_what_fails_in_an_api_server_is_an_error() -> None:
    (remark,) = found(ruled({"type": "object", "properties": {"b": INTEGER}}, "self.b > 1"), {})
    assert (remark.severity, remark.code) == ("error", "failed-rule")


@pytest.mark.parametrize("rule", ["self.isSorted()", "quantity(self) == quantity('1')", "self +", "self.?a.hasValue()"])
def test_what_only_an_api_server_can_work_out_is_a_note(rule: str) -> None:
    (remark,) = found(ruled(STRING, rule), "a")
    assert (remark.severity, remark.code) == ("note", "unchecked-rule")
    assert "kubectl" in remark.hint


def test_a_rule_that_a_misshapen_value_breaks_is_not_reported() -> None:
    schema = ruled({"type": "array", "items": {"type": "object", "properties": {"b": INTEGER}}}, "self.all(x, x.b > 1)")
    assert codes(found(schema, [3])) == [("spec.a.0", "wrong-type")]


def test_the_library_is_only_needed_for_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cel", None)
    assert found(INTEGER, 1) == []
    with pytest.raises(InvalidInput) as caught:
        list(broken_rules(Schema(rules=schema_rules("self == 12345")), 1))
    assert "common-expression-language" in caught.value.message
    assert caught.value.hint == install_hint("lint")
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    with pytest.raises(InvalidInput, match="jsonschema-rs"):
        found(INTEGER, 1)


def schema_rules(rule: str) -> Any:
    from couler_plugins.engine_kit.crd.fields import Rule

    return [Rule(rule=rule)]
