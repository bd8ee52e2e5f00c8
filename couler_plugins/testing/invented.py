"""Values that fields are set to where the documents show no other one than the default."""

from __future__ import annotations

from typing import Any

from couler_plugins.ir import (
    Argument,
    Container,
    Directive,
    External,
    Graph,
    Handler,
    Literal,
    Loop,
    Native,
    Node,
    Operation,
    Output,
    Port,
    Region,
    Retry,
    Step,
    Workflow,
)

__all__ = ["INVENTED", "REFUSABLE"]

CACHE = Directive(kind="cache", options=(("config-map", "c"), ("key", "k"), ("max-age", "")))
INVENTED: dict[tuple[type[Node], str], tuple[Any, ...]] = {
    (Workflow, "namespace"): ("prod",),
    (Step, "retry"): (Retry(limit=Literal(value=2)),),
    (Step, "timeout"): (Literal(value="5m"),),
    (Step, "role"): ("setup",),
    (Step, "native_extra"): (Native.of({"x-new": [1]}),),
    (Step, "directives"): ((CACHE,),),
    (Operation, "directives"): ((CACHE,),),
    (Graph, "fail_fast"): (True, False),
    (Graph, "retry"): (Retry(limit=Literal(value=2)),),
    (Graph, "finalizers"): (("x",),),
    (Graph, "parallelism"): (Literal(value=3),),
    (Graph, "regions"): (Region(name="r", steps=()),),
    (Graph, "timeout"): (Literal(value="5m"),),
    (Graph, "locks"): (Native.of({"mutexes": [{"name": "m"}]}),),
    (Port, "optional"): (True,),
    (Port, "default"): (Literal(value="x"),),
    (Port, "path"): (Literal(value="x/y"),),
    (Port, "origin"): (Native.of({"s3": {"key": "k"}}),),
    (Output, "default"): (Literal(value="x"),),
    (Output, "path"): (Literal(value="x/y"),),
    (Container, "role"): ("init",),
    (Loop, "limit"): (Literal(value=2),),
    (Loop, "includes"): ((Native.of([1]),),),
    (Loop, "combine"): ("product", "zip"),
}
"""Values that every adapter is asked for."""

OTHER = Handler(step=Step(name="x", call=External(workflow="x", name="x")))
REFUSABLE: dict[tuple[type[Node], str], tuple[Any, ...]] = {
    (Workflow, "prefix"): ("x-",),
    (Workflow, "library"): ("cluster",),
    (Workflow, "parameters"): ((Port(name="x"),),),
    (Workflow, "handlers"): ((OTHER,),),
    (Graph, "inputs"): ((Port(name="x"),),),
    (Graph, "outputs"): ((Output(name="x"),),),
    (Graph, "memoized"): (Native.of({"x": 1}),),
    (Graph, "metrics"): (Native.of({"x": 1}),),
    (Graph, "inline"): (True,),
    (Graph, "stages"): ((("x",),),),
    (Graph, "targets"): (("x",),),
    (Graph, "native_extra"): (Native.of({"x": 1}),),
    (Operation, "inputs"): ((Port(name="x"),),),
    (Operation, "outputs"): ((Output(name="x"),),),
    (Operation, "retry"): (Retry(limit=Literal(value=1)),),
    (Operation, "timeout"): (Literal(value="1m"),),
    (Operation, "memoized"): (Native.of({"x": 1}),),
    (Operation, "locks"): (Native.of({"x": 1}),),
    (Operation, "metrics"): (Native.of({"x": 1}),),
    (Operation, "daemon"): (True,),
    (Operation, "native_extra"): (Native.of({"x": 1}),),
    (Step, "arguments"): ((Argument(name="x", value=Literal(value="x")),),),
    (Step, "condition"): (Literal(value="x"),),
    (Step, "loop"): (Loop(axes=()),),
    (Step, "tolerates"): (("failed",),),
    (Step, "handlers"): ((OTHER,),),
    (Container, "name"): ("x",),
    (Container, "command"): ((Literal(value="x"),),),
    (Container, "args"): ((Literal(value="x"),),),
    (Container, "script"): (Literal(value="x"),),
    (Container, "requests"): ((("cpu", Literal(value="2")),),),
    (Container, "limits"): ((("cpu", Literal(value="2")),),),
    (Container, "native_extra"): (Native.of({"x": 1}),),
    (Port, "kind"): ("artifact",),
    (Port, "value"): (Literal(value="x"),),
    (Port, "native_extra"): (Native.of({"x": 1}),),
    (Output, "kind"): ("artifact",),
    (Output, "value"): (Literal(value="x"),),
    (Output, "exported"): (Literal(value="x"),),
    (Output, "native_extra"): (Native.of({"x": 1}),),
    (Argument, "kind"): ("artifact",),
    (Retry, "limit"): (Literal(value=3),),
    (Retry, "native_extra"): (Native.of({"x": 1}),),
}
"""Values of fields that an adapter refuses: no document may show another one than the default."""
