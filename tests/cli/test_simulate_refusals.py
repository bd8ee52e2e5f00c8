"""Traces, options and policies that make no sense are refused in a few lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.simulations import CHAIN, QUICK, Couler, trace
from pluginbox import PluginBox


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (trace("t", CHAIN)[:200], "bad.json"),
        (trace("t", {"a": ["b"], "b": ["a"]}), "is its own ancestor"),
        (trace("t", CHAIN, **dict.fromkeys(CHAIN, 0.0)), "all times are 0"),
        (trace("t", {"a": ["gone"]}), "'gone', a parent of 'a', is not in the trace"),
        (trace("t", CHAIN, load=-1.0), "runtimeInSeconds of 'load' is -1"),
        (trace("t", CHAIN, load=float("nan")), "bad.json"),
        (trace("t", {}), "the trace has no tasks"),
        ("{}", "this is neither a past run"),
        ("", "bad.json: this is empty"),
        ("\n# nothing\n", "bad.json: this is empty"),
    ],
)
def test_bad_traces_are_a_clear_error(simulate: Couler, content: str, message: str) -> None:
    Path("bad.json").write_text(content)
    result = simulate("bad.json", *QUICK)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert "bad.json" in result.stderr
    assert "hint: " in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("figures", "name"), [({"train": 1e308}, "churn"), ({}, "\ud800"), ({}, "two\nlines"), ({}, "\x1b[31mred")]
)
def test_traces_that_no_machine_wrote_are_refused(simulate: Couler, figures: dict[str, float], name: str) -> None:
    Path("odd.json").write_text(trace(name, CHAIN, **figures))
    result = simulate("odd.json", *QUICK)
    assert result.exit_code == 2
    assert "odd.json" in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--policy", "lur"), "did you mean 'lru'?"),
        (("--policy", "lru{size=3}"), "has no option 'size'"),
        (("--capacity", "much"), "'much' is not a size such as 1000, 30GB or 64MiB, nor a share such as 10%"),
        (("--edits", "unifrom"), "did you mean 'uniform'?"),
        (("--edits", "uniform{sice=2}"), "did you mean 'size'?"),
        (("--edits", "uniform,walk"), "there are no edits 'uniform,walk'"),
        (("--edits", "uniform{size=2},walk"), "names several kinds of edits"),
        (("--price-compute", "1"), "Give both"),
        (("--bandwidth", "0"), "--bandwidth"),
        (("--plot", "x.pdf"), "'x.pdf' names neither an .svg nor a .png"),
        (("--plot", ""), "give --plot a name such as saved.svg"),
        (("--runs", "0"), "--runs"),
    ],
)
def test_wrong_usage(simulate: Couler, options: tuple[str, ...], message: str) -> None:
    result = simulate("trace.json", *options)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--capacity", "9" * 400 + "%"),
        ("--capacity", "9" * 400 + ".5GB"),
        ("--bandwidth", "9" * 400),
        ("--latency", "nan"),
        ("--latency", "inf"),
        ("--latency", "1e308"),
        ("--price-compute", "nan", "--price-storage", "1"),
        ("--months", "inf"),
        ("--edits", "/dev/zero", "--max-bytes", "1MB"),
        ("--edits", "hot-spot{stay=0}"),
        ("--edits", "deepening{stay=0}"),
        ("--edits", "uniform{size=-1}"),
        ("--edits", "walk{jump=nan}"),
        ("--policy", "paper{beta=nan}"),
        ("--policy", "paper{rho=-5}"),
        ("--policy", "paper-literal{unit=0}"),
    ],
    ids=" ".join,
)
def test_numbers_that_mean_nothing_are_refused(simulate: Couler, arguments: tuple[str, ...]) -> None:
    result = simulate("trace.json", *QUICK, *arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert len(result.stderr) < 700


def test_a_broken_policy_is_named(simulate: Couler, plugin_box: PluginBox) -> None:
    plugin_box.add(
        "greedy",
        """
        from dataclasses import dataclass
        from couler_plugins import hookimpl
        from couler_plugins.hookspecs import CachePolicy

        @dataclass(frozen=True)
        class Greedy(CachePolicy):
            name = "greedy"

            def keep(self, candidates, capacity, history):
                return {one.key for one in candidates}

        @hookimpl
        def couler_cache_policies():
            return [Greedy]
        """,
    )
    result = simulate("trace.json", *QUICK, "--policy", "greedy", "--capacity", "1MB")
    assert result.exit_code == 1
    assert "the policy 'greedy' kept 5,000,000 bytes of at most 1,000,000" in result.stderr
