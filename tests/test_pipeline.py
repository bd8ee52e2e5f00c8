from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from couler_plugins.api import lift
from couler_plugins.driver.context import RunContext
from couler_plugins.driver.pipeline import PipelineRun, parse_pipeline, print_optimizer, refuse_broken, run_pipeline
from couler_plugins.errors import InvalidInput, PluginFailure, Unsupported
from couler_plugins.hookspecs import Context
from couler_plugins.inputs.sources import Text
from couler_plugins.ir import Call, Workflow, replace
from couler_plugins.options.config import Config
from couler_plugins.options.fields import Size, build, options_of, parse, texts_of
from couler_plugins.options.grammar import Item, parse_items, print_items
from couler_plugins.plan import Decision, Plan
from couler_plugins.plugins import Plugins, load_plugins
from pluginbox import PluginBox
from toy_plugin import Hurry

TOY = """
kind: Toy
name: a
steps:
- {name: get, run: curl}
- {name: use, run: cat, after: [get], timeout: 5}
"""

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,9}", fullmatch=True)
items = st.builds(
    Item,
    names,
    st.dictionaries(names, st.lists(st.text(max_size=8), max_size=3).map(tuple), max_size=3).map(
        lambda options: tuple(options.items())
    ),
)


@given(st.lists(items, max_size=4))
@example([Item("a", (("x", ()), ("y", ("",)), ("z", ("", "|", '"', "'", "}", " "))))])
def test_what_is_printed_parses_to_the_same(pipeline: list[Item]) -> None:
    assert list(parse_items(print_items(pipeline), "the pipeline")) == pipeline


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ", []),
        ("dedupe", [Item("dedupe")]),
        ("a{}", [Item("a")]),
        (" a , b { x = 1 , y = u | v } ", [Item("a"), Item("b", (("x", ("1",)), ("y", ("u", "v"))))]),
        ('a{x=\'s3://b/c d\',y="q\\""}', [Item("a", (("x", ("s3://b/c d",)), ("y", ('q"',))))]),
        ("cache{policy=scr,capacity=30GB}", [Item("cache", (("policy", ("scr",)), ("capacity", ("30GB",))))]),
        ("a{x=}", [Item("a", (("x", ()),))]),
    ],
)
def test_the_grammar(text: str, expected: list[Item]) -> None:
    assert list(parse_items(text, "the pipeline")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", "column 3: expected a comma or the end"),
        ("a,,b", "column 3: expected a name"),
        ("a{x}", "column 4: expected '=' after 'x'"),
        ("a{x=1", "column 6: expected ',' or '}'"),
        ("a{x=1,}", "column 7: expected a name"),
        ("a{x=1,x=2}", "given twice"),
        ('a{x="b}', "column 5: the quote is not closed"),
        ("a{x=1|}", "column 7: expected a value"),
        ('a{x="\\q"}', "column 5: this is not a text as in JSON"),
        ("}", "column 1: expected a name"),
    ],
)
def test_what_breaks_the_grammar_is_shown_with_its_column(text: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_items(text, "the pipeline")
    assert expected in str(caught.value)


@dataclass(frozen=True)
class Everything:
    """All kinds of options."""

    name: ClassVar[str] = "everything"
    text: str = "t"
    max_steps: int = 3
    share: float = 0.5
    wanted: bool = False
    mode: Literal["fast", "safe"] = "safe"
    keep: tuple[str, ...] = ()
    seed: int | None = None
    capacity: Size = Size(1000)  # noqa: RUF009  (it is immutable)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        return plan


@dataclass(frozen=True)
class Needy:
    name: ClassVar[str] = "needy"
    where: str

    def __post_init__(self) -> None:
        if not self.where:
            raise ValueError("where is empty")

    def run(self, plan: Plan, ctx: Context) -> Plan:
        return plan


def built(text: str) -> Everything:
    (item,) = parse_items(text, "the pipeline")
    return build(Everything, item.options, "the optimizer 'everything'")


def test_options_are_converted_by_their_types() -> None:
    text = "everything{text=none,max-steps=-4,share=1e3,wanted=Yes,mode=fast,keep=a|b,seed=7,capacity=30GB}"
    expected = Everything("none", -4, 1000.0, True, "fast", ("a", "b"), 7, Size(30_000_000_000))
    assert built(text) == expected
    assert built("everything{seed=none,keep=}") == Everything()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("everything{max-step=4}", "has no option 'max-step'\n  hint: did you mean 'max-steps'? its options are text,"),
        (
            "everything{max-steps=four}",
            "'max-steps': 'four' is not a whole number\n  hint: write a whole number, such as 3",
        ),
        ("everything{share=x}", "'x' is not a number"),
        ("everything{wanted=maybe}", "'maybe' is neither true nor false"),
        ("everything{mode=fats}", "'fats' is not one of fast, safe; did you mean 'fast'?"),
        ("everything{mode=zzzzz}", "'zzzzz' is not one of fast, safe\n"),
        ("everything{text=a|b}", "expected one value, not 2"),
        ("everything{capacity=much}", "'much' is not a size such as"),
    ],
)
def test_an_option_that_does_not_fit_is_an_error_that_helps(text: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        built(text)
    assert "the optimizer 'everything'" in str(caught.value)
    assert expected in str(caught.value)


def test_an_option_can_be_needed_and_checked_by_its_class() -> None:
    with pytest.raises(InvalidInput, match="needs the option 'where'"):
        build(Needy, (), "the optimizer 'needy'")
    with pytest.raises(InvalidInput, match="the optimizer 'needy': where is empty"):
        build(Needy, (("where", ("",)),), "the optimizer 'needy'")


@given(
    st.builds(
        Everything,
        st.text(),
        st.integers(),
        st.floats(allow_nan=False),
        st.booleans(),
        st.sampled_from(["fast", "safe"]),
        st.lists(st.text()).map(tuple),
        st.none() | st.integers(),
        st.integers(0, 10**19).map(Size),
    )
)
def test_an_optimizer_prints_as_text_that_makes_it_again(optimizer: Everything) -> None:
    assert built(print_optimizer(optimizer)) == optimizer


def test_defaults_are_not_printed() -> None:
    assert print_optimizer(Everything()) == "everything"
    assert print_optimizer(Everything(max_steps=4)) == "everything{max-steps=4}"


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("7B", 7), ("1.5kB", 1500), ("64MiB", 64 * 1024**2), ("1GB", 10**9), ("1 TiB", 1024**4), ("2KB", 2000)],
)
def test_sizes(text: str, number: int) -> None:
    assert Size.parse(text) == number
    assert Size.parse(str(Size(number))) == number


@pytest.mark.parametrize("text", ["", "-1", "1XB", "GB", "1 000", "1e3", "MiB1"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        Size.parse(text)


def test_options_say_their_type_and_default() -> None:
    shown = {option.name: (option.type_text, option.default) for option in options_of(Everything).values()}
    assert shown["mode"] == ("fast|safe", ("safe",))
    assert shown["keep"] == ("str…", ())
    assert shown["seed"] == ("int or none", ("none",))
    assert shown["capacity"] == ("size", ("1000",))
    assert options_of(Needy)["where"].default is None
    assert parse(texts_of((1, 2)), tuple[int, ...]) == (1, 2)


def test_a_form_asks_for_options_by_their_type() -> None:
    forms = {option.name: (option.form_type, option.choices) for option in options_of(Everything).values()}
    assert forms["mode"] == ("text", ("fast", "safe"))
    assert forms["keep"] == ("list", ())
    assert forms["seed"] == ("text", ())  # it may be none, which is no number
    assert {forms[name][0] for name in forms} >= {"bool", "int", "float", "list", "text"}


def test_a_pipeline_names_its_optimizers(plugin_box: PluginBox) -> None:
    plugin_box.add_toy()
    plugins = plugin_box.load()
    assert parse_pipeline("hurry{seconds=5},hurry", plugins) == (Hurry(5), Hurry())
    assert parse_pipeline("", plugins) == ()


def broken(act: Callable[[Plan], Any]) -> Any:
    """An optimizer that does what it is told."""

    @dataclass(frozen=True)
    class Broken:
        name: ClassVar[str] = "broken"

        def run(self, plan: Plan, ctx: Context) -> Any:
            return act(plan)

    return Broken()


@pytest.fixture
def toys(plugin_box: PluginBox) -> Plugins:
    plugin_box.add_toy()
    return plugin_box.load()


def run(plan: Plan, plugins: Plugins, *optimizers: Any) -> PipelineRun:
    return run_pipeline(plan, optimizers, RunContext(plugins), plugins)


def changed(plan: Plan, *, optimizer: str = "broken", workflow: str = "a", action: str = "renamed") -> Plan:
    """The plan with its workflow renamed."""
    (old,) = plan.workflows
    decision = Decision(optimizer=optimizer, workflow=workflow, action=action, reason="why not")
    return plan.with_workflow(old, replace(old, name="b"), *([decision] if optimizer else []))


def lost(plan: Plan) -> Plan:
    return Plan(bundle=plan.bundle, originals=plan.originals, workflows=(), decisions=plan.decisions)


def cut(plan: Plan) -> Plan:
    (old,) = plan.workflows
    first, *rest = old.graphs[0].steps
    graph = replace(old.graphs[0], steps=(replace(first, call=Call(name="nothing")), *rest))
    decision = Decision(optimizer="broken", workflow="a", action="cut", reason="by mistake")
    return plan.with_workflow(old, replace(old, graphs=(graph,)), decision)


def with_originals(plan: Plan) -> Plan:
    return Plan(bundle=plan.bundle, originals=(*plan.originals, *plan.originals), workflows=plan.workflows)


def forgetful(plan: Plan) -> Plan:
    assert plan.decisions
    return Plan(bundle=plan.bundle, originals=plan.originals, workflows=plan.workflows)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda plan: 1 // 0, "raised ZeroDivisionError"),
        (lambda plan: sys.exit(0), "raised SystemExit: 0"),
        (lambda plan: None, "returned NoneType, not a Plan"),
        (lambda plan: changed(plan, optimizer=""), "changed a without a decision"),
        (lambda plan: changed(plan, workflow="c"), "changed a without a decision"),
        (lambda plan: changed(plan, action=""), "changed a without a decision"),
        (lambda plan: changed(plan, optimizer="dedupe"), "wrote a decision in the name of 'dedupe'"),
        (lost, "changed a without a decision"),
        (cut, "broke a: 'get' calls 'nothing', which a does not have"),
        (with_originals, "replaced the bundle or the originals"),
        (forgetful, "dropped or changed decisions taken before it"),
    ],
)
def test_a_pass_that_breaks_the_contract_is_named(
    toys: Plugins, act: Callable[[Plan], Any], expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    plan = lift(Text(TOY), plugins=toys)
    with caplog.at_level(logging.INFO), pytest.raises(PluginFailure) as caught:
        run(plan, toys, Hurry(), broken(act))
    assert str(caught.value).startswith("the optimizer 'broken' ")
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2
    assert ("Traceback" in caplog.text) == ("raised" in expected)


def test_what_a_pass_raises_on_purpose_keeps_its_kind_and_names_the_pass(toys: Plugins) -> None:
    def refuse(plan: Plan) -> Plan:
        raise Unsupported("'x' is taken", step="x", hint="choose another name")

    with pytest.raises(Unsupported, match="the optimizer 'broken': 'x' is taken\n  hint: choose") as caught:
        run(lift(Text(TOY), plugins=toys), toys, broken(refuse))
    assert caught.value.step == "x"


def test_a_workflow_with_problems_refuses_its_file_only(toys: Plugins) -> None:
    bad = TOY.replace("after: [get]", "after: [nobody]")
    plan = lift([Text(bad, "bad.yaml"), Text(TOY.replace("name: a", "name: b"), "good.yaml")], plugins=toys)
    refused: dict[int, Exception] = {}
    left = refuse_broken(plan, refused.__setitem__)
    assert [workflow.name for workflow in left.workflows] == ["b"]
    assert list(refused) == [0]
    error = refused[0]
    assert isinstance(error, InvalidInput)
    assert (error.file, error.line) == ("bad.yaml", 6)
    expected = "bad.yaml:6: a: 'use' needs 'nobody', which 'main' does not have\n  hint: correct the name"
    assert str(error) == expected


def test_a_broken_workflow_without_a_file_is_an_error_at_once(toys: Plugins) -> None:
    plan = lift(Text(TOY.replace("after: [get]", "after: [nobody]")), plugins=toys)
    (workflow,) = plan.workflows
    plan = Plan(bundle=plan.bundle, originals=(), workflows=(replace(workflow, source=None),))
    with pytest.raises(InvalidInput, match="needs 'nobody'"):
        refuse_broken(plan, lambda number, error: None)


OBSERVER = """
from couler_plugins import hookimpl
seen = []
@hookimpl
def couler_before_optimizer(name, plan):
    seen.append((name, len(plan.decisions)))
    return "nonsense"
@hookimpl
def couler_after_optimizer(name, before, after):
    raise RuntimeError("no metrics today")
"""


def test_an_observer_that_fails_is_a_warning(plugin_box: PluginBox, caplog: pytest.LogCaptureFixture) -> None:
    plugin_box.add_toy()
    plugin_box.add("watcher", OBSERVER)
    plugins = plugin_box.load()
    done = run(lift(Text(TOY), plugins=plugins), plugins, Hurry())
    assert len(done.plan.decisions) == 1
    assert "couler_after_optimizer in the plugin watcher failed: RuntimeError: no metrics today" in caplog.text


PROFILES = """
from couler_plugins import hookimpl
from couler_plugins.hookspecs import Profile
calls = []
@hookimpl
def couler_profiles(workflow):
    calls.append(workflow)
    return {result}
"""


def test_profiles_are_merged_and_failures_isolated(plugin_box: PluginBox, caplog: pytest.LogCaptureFixture) -> None:
    plugin_box.add_toy()
    plugin_box.add("a", PROFILES.format(result="{'main/get': Profile(seconds=1.0)}"))
    plugin_box.add("b", PROFILES.format(result="{'main/get': Profile(seconds=2.0, memory=3)}"))
    plugin_box.add("c", PROFILES.format(result="1 / 0"))
    plugin_box.add("d", PROFILES.format(result="{'main/get': 5}"))
    plugin_box.add("e", PROFILES.format(result="None"))
    plugins = plugin_box.load()
    (workflow,) = lift(Text(TOY), plugins=plugins).workflows
    context = RunContext(plugins)
    profile = context.profile(workflow, "main/get")
    assert (profile.seconds, profile.memory, profile.cpu) == (1.0, 3, None)
    assert context.profile(workflow, "main/use").seconds is None
    assert caplog.text.count("gives no profiles of a") == 2
    assert "ZeroDivisionError" in caplog.text
    assert "did not return a mapping" in caplog.text


def test_the_context_gives_adapters_and_reports_progress(toys: Plugins) -> None:
    said: list[str] = []
    context = RunContext(toys, said.append)
    assert context.adapter("toy").engine == "toy"
    with pytest.raises(InvalidInput, match="there is no adapter 'argo'"):
        context.adapter("argo")
    context.progress("half done")
    assert said == ["half done"]


@pytest.mark.parametrize("enabled", [True, False])
def test_passes_run_without_the_garbage_collector_and_leave_it_as_it_was(toys: Plugins, enabled: bool) -> None:
    plan = lift(Text(TOY), plugins=toys)
    during: list[bool] = []

    def look(plan: Plan) -> Plan:
        during.append(gc.isenabled())
        raise Unsupported("no")

    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(Unsupported):
            run(plan, toys, broken(look))
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()
    assert during == [False]


def test_a_workflow_that_is_equal_but_another_object_needs_no_decision(toys: Plugins) -> None:
    def copied(plan: Plan) -> Plan:
        (old,) = plan.workflows
        return plan.with_workflow(old, Workflow(**{name: getattr(old, name) for name in old.__struct_fields__}))

    run(lift(Text(TOY), plugins=toys), toys, broken(copied))


def test_the_default_pipeline_is_known() -> None:
    plugins = load_plugins(Config())
    assert [optimizer.name for optimizer in parse_pipeline(Config().pipeline, plugins)] == ["dedupe", "cache"]
