"""What owners waive by name, what that leaves, and what no waiver takes away."""

from __future__ import annotations

import pytest

from caching.toy import Toy, artifact, main, rules, verdicts
from couler_airflow.marks import ALLOWED
from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.caching.waivers import OF_PROGRAMS, WAIVERS, source_rule, waiver_of
from couler_plugins.cli.verdicts import RULE_WORDS
from couler_plugins.hookspecs.caching import Objection, Said
from couler_plugins.ir import Argument, Native, Operation, Port, Reference, replace
from ir.small import passing, step

ALL = ",".join(WAIVERS)
PROGRAM = "import random\ndate; curl x"
STRUCTURE = (
    *("recursion", "daemon", "kind", "handler", "role", "finally", "global-output", "cached-by-owner", "no-outputs"),
    *("no-inputs", "unknown-producer", "uncertain-producer", "own-place", "unversioned-input", "unknown-reference"),
    *("external", "dynamic", "composite", "argument", "outlets", "trigger", "never", "always", "workspace"),
)


def one(toy: Toy, *, assume_pure: bool = False) -> Verdict:
    return verdicts(main(step("a")), toy, assume_pure=assume_pure)["g/a"]


def against(verdict: Verdict) -> dict[str, str]:
    return {item.rule: item.remedy for item in verdict.objections}


@pytest.mark.parametrize("rule", sorted(RULE_WORDS))
def test_only_what_has_a_word_is_waived(rule: str) -> None:
    objections = {"op": Objection(rule, "it does that")}
    assert rule in against(one(Toy(objections=objections, itself=False)))
    waived = against(one(Toy(objections=objections, itself=False, allow={"op": ALL})))
    assert (rule not in waived) is (waiver_of(rule) is not None)
    word = waiver_of(rule)
    others = ",".join(item for item in WAIVERS if item != word)
    assert rule in against(one(Toy(objections=objections, itself=False, allow={"op": others})))


@pytest.mark.parametrize("rule", STRUCTURE)
def test_structure_is_not_waived(rule: str) -> None:
    assert waiver_of(rule) is None


def test_the_words_are_those_of_airflow_and_those_of_pods() -> None:
    assert (*OF_PROGRAMS, "configured", "secret", "volume") == ALLOWED
    assert {*OF_PROGRAMS, "secret", "configured", "run-context", "volume", "order"} == {*WAIVERS}


def test_a_declaration_of_the_thing_itself_beats_words_and_says_so_once_for_each_kind() -> None:
    verdict = one(Toy(programs={"op": PROGRAM}))
    assert verdict.objection is None
    assert [item.rule for item in verdict.warnings] == ["clock", "randomness", "network"]
    assert verdict.warnings[1].reason == "it contains 'random': if it is not seeded, the first result is kept"
    assert [item.seen for item in verdict.warnings] == ["date", "random", "curl"]


@pytest.mark.parametrize(
    ("toy", "assume_pure"),
    [
        (Toy(programs={"op": PROGRAM}, itself=False), False),
        (Toy(programs={"op": PROGRAM}, impure=["op"], around=[Said("the workflow", "pure")]), False),
        (Toy(programs={"op": PROGRAM}, impure=["op"]), True),
    ],
    ids=["broad", "around", "assumed"],
)
def test_a_broad_declaration_does_not(toy: Toy, assume_pure: bool) -> None:
    verdict = one(toy, assume_pure=assume_pure)
    wanted = "clock,network,random for op"
    assert against(verdict) == {"clock": wanted, "randomness": wanted, "network": wanted}
    assert not verdict.warnings
    by_name = one(replace_said(toy, "random,clock"), assume_pure=assume_pure)
    assert against(by_name) == {"network": wanted}
    assert not one(replace_said(toy, "random, clock ,network,"), assume_pure=assume_pure).objections


def replace_said(toy: Toy, allow: str) -> Toy:
    around = [*toy.around, Said("everywhere", allow=allow)]
    return Toy(programs=toy.programs, impure=toy.impure, itself=toy.itself, around=around)


def test_what_is_said_nearer_adds_to_what_is_said_around() -> None:
    toy = Toy(programs={"op": "date; curl x"}, itself=False, allow={"op": "clock"})
    assert against(one(toy)).keys() == {"network"}
    toy.around = [Said("the workflow", allow="network")]
    assert not one(toy).objections


def test_never_wins() -> None:
    assert one(Toy(said={"op": "never"}, allow={"op": ALL})).objections[0].rule == "never"
    assert one(Toy(allow={"op": ALL}, around=[Said("the workflow", "never")])).objections[0].rule == "never"


def test_a_waiver_declares_nothing() -> None:
    assert against(one(Toy(impure=["op"], allow={"op": ALL}))).keys() == {"not-declared"}


def test_a_word_that_there_is_not_is_no_silent_one() -> None:
    verdict = one(Toy(allow={"op": "clock,netwrok"}))
    assert verdict.objection is not None
    assert verdict.objection.rule == "unknown-waiver"
    assert "the test allows 'netwrok', which is none of clock, configured" in verdict.objection.reason
    assert verdict.objection.reason.endswith(" (did you mean 'network'?)")
    assert verdict.objection.remedy == 'couler.io/cache-allow: "clock,network", there instead'
    assert against(one(Toy(allow={"op": "recursion"}))).keys() == {"unknown-waiver"}


def test_keys_have_the_waived_words() -> None:
    def spec(allow: str) -> tuple[str, str]:
        found = verdicts(main(step("a"), step("b", "a")), Toy(allow={"op": allow}))
        facts, handed = found["g/a"].facts, found["g/b"].lineages
        assert facts is not None
        return facts.spec, repr(handed)

    assert spec("secret,volume") == spec(" volume, secret,")
    keys = [spec(allow) for allow in ("", "secret", "volume", "secret,volume")]
    assert len({key for key, _ in keys}) == len({handed for _, handed in keys}) == 4


def test_what_a_call_is_given_is_in_the_key_whatever_is_waived() -> None:
    name = Reference(to="run", name="workflow", path=("name",))
    given = step("b", call="use", arguments=passing(x=name))
    for allow in ("", "run-context"):
        verdict = verdicts(main(given), Toy(allow={"use": allow}))["g/b"]
        assert verdict.objection is not None
        assert (verdict.objection.rule, verdict.objection.remedy) == ("run-context", "")
        assert ("cannot be waived" in verdict.objection.reason) is bool(allow)


def test_so_is_the_default_of_an_input() -> None:
    port = Port(name="x", default=Reference(to="run", name="workflow", path=("name",)))
    operation = Operation(name="op", kind="container", inputs=(port,), outputs=main().operations[0].outputs)
    workflow = replace(main(step("a")), operations=(operation,))
    toy = Toy(objections={"op": Objection("run-context", "it reads workflow.name")}, allow={"op": ALL})
    assert rules(workflow, toy) == {"g/a": "run-context"}


def test_an_artifact_whose_place_needs_credentials() -> None:
    class Guarded(Toy):
        def place_objection(self, argument: Argument) -> Objection | None:
            return Objection("secret", "its place needs credentials")

    place = Argument(name="a", kind="artifact", value=Native.of({"fixed": "x"}))
    workflow = main(step("b", call="eat", arguments=(place,)))
    assert against(verdicts(workflow, Guarded())["g/b"]) == {"secret": "secret for eat"}
    assert not verdicts(workflow, Guarded(allow={"eat": "secret"}))["g/b"].objections


def test_what_comes_after_a_waived_step_has_a_key() -> None:
    toy = Toy(objections={"op": Objection("secret", "it reads a secret")})
    workflow = main(step("a"), step("b", "a", call="eat", arguments=(artifact("a", "a"),)), step("c", "b"))
    assert rules(workflow, toy)["g/b"] == "unknown-producer"
    toy.allow = {"op": "secret"}
    assert rules(workflow, toy) == {"g/a": "", "g/b": "", "g/c": ""}


def test_what_cannot_be_kept_is_no_less_so_for_a_waiver() -> None:
    toy = Toy(objections={"op": Objection("secret", "it reads a secret")}, allow={"op": "secret"})
    unkept = Objection("controller-rights", "nobody may write", "storage", "a right")
    verdict = Analysis(main(step("a")), toy, unkept=unkept).verdicts["g", "a"]
    assert against(verdict) == {"controller-rights": "a right"}


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("secretKeyRef", "secret"),
        ("secretRef", "secret"),
        ("configMapKeyRef", "configured"),
        ("configMapRef", "configured"),
        ("fieldRef", "run-context"),
        ("resourceFieldRef", "run-context"),
        ("fileKeyRef", "configured"),
    ],
)
def test_sources_of_variables(key: str, rule: str) -> None:
    assert source_rule(key) == rule
