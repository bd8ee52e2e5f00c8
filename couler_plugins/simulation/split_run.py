"""How a split workflow runs: a part starts once all that it needs has ended as a whole, and a launch after that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from couler_plugins.documents.mappings import reached
from couler_plugins.runs.order import children_of, longest_path, topological_order
from couler_plugins.simulation.planned import Planned
from couler_plugins.simulation.schedule import Schedule, schedule

Path = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PartRun:
    """A part's times, in seconds from the start of the run.

    Attributes:
        name: of the part.
        steps: how many steps of the workflow's graph it has.
        needs: how many parts have steps that it waits for.
        start: when it is launched: all that it needs has ended then.
        end: when its last step has ended.
        critical_path: the longest path through its own steps.
        launch: between its start and its first step.
        barrier: between the end of the last step that it waits for, and that of the last part that it waits for.
        queue: by how much it takes longer than its critical path, as workers were busy.
        later: by how much its last step ends later than in the workflow as a whole; below 0 where it is earlier.
    """

    name: str
    steps: int
    needs: int
    start: float
    end: float
    critical_path: float
    launch: float
    barrier: float
    queue: float
    later: float


@dataclass(frozen=True, kw_only=True)
class SplitRun:
    """A run of all parts.

    Attributes:
        makespan: when the last part has ended; seconds.
        parts: in the order in which they start.
    """

    makespan: float
    parts: tuple[PartRun, ...]


def run_whole(tasks: Planned, workers: int | None) -> Schedule:
    """The run of a workflow as a whole, on so many workers (None: on as many as it wants)."""
    return schedule(tasks.seconds, tasks.parents, workers=workers, idle=tasks.junctions)


def run_split(tasks: Planned, paths: Mapping[str, Path], launch: float, workers: int | None) -> SplitRun:
    """The run of a workflow in parts, on workers that all parts share.

    A part holds no worker while it is launched; parts in a group start once the group was launched, and the group ends
    when the last of them has.

    Args:
        tasks: what is run.
        paths: the parts that a step is in, by its name, outermost first; steps that are in none run by themselves.
        launch: seconds that starting a part (or a group) takes.
        workers: how many tasks run at once; None for no limit.

    Raises:
        CycleError: parts wait for each other.
    """
    barriers = _Barriers(tasks, paths, launch)
    order = topological_order(barriers.parents)
    place = {task: number for number, task in enumerate(order)}
    times = schedule(
        [barriers.seconds[task] for task in order],
        [sorted(place[parent] for parent in barriers.parents[task]) for task in order],
        workers=workers,
        idle=[place[task] for task in barriers.idle],
    )
    starts = [times.starts[place[task]] for task in range(len(order))]
    ends = [times.ends[place[task]] for task in range(len(order))]
    whole = run_whole(tasks, workers).ends
    parts = [_part(tasks, barriers, path, starts, ends, whole) for path in dict.fromkeys(paths.values())]
    return SplitRun(makespan=times.makespan, parts=tuple(sorted(parts, key=lambda part: part.start)))


def _paths(tasks: Planned, paths: Mapping[str, Path]) -> list[Path]:
    """The parts that each task is in; a junction of the graph is in one where all before it and all after it are."""
    paths_of = [paths.get(step, ()) for step in tasks.steps]
    below = children_of(tasks.parents)
    before, after = list(paths_of), list(paths_of)
    numbers = range(len(paths_of))
    for order, links, paths_around in ((numbers, tasks.parents, before), (numbers[::-1], below, after)):
        for task in order:
            if task in tasks.junctions and not tasks.steps[task]:
                around = {paths_around[other] for other in links[task]}
                paths_around[task] = around.pop() if len(around) == 1 else ()
    return [path if path == other else () for path, other in zip(before, after, strict=True)]


class _Barriers:
    """Tasks with the barriers of parts between them: a launch before and an end after all that is in a part."""

    def __init__(self, tasks: Planned, paths: Mapping[str, Path], launch: float) -> None:
        self.paths = _paths(tasks, paths)
        self.seconds = list(tasks.seconds)
        self.parents: list[set[int]] = [set() for _ in tasks.steps]
        self.idle = set(tasks.junctions)
        self.launches: dict[Path, int] = {}
        self.ends: dict[Path, int] = {}
        self.members: dict[Path, list[int]] = {}
        opened = dict.fromkeys(path[:depth] for path in self.paths for depth in range(1, len(path) + 1))
        for path in sorted(opened, key=len):
            outer = [self.launches[path[:-1]]] if len(path) > 1 else []
            self.launches[path] = self._barrier(launch, outer)
            self.ends[path] = self._barrier(0.0, [self.launches[path]])
            if outer:
                self.parents[self.ends[path[:-1]]].add(self.ends[path])
        for task, path in enumerate(self.paths):
            if path:
                self.members.setdefault(path, []).append(task)
                self.parents[task].add(self.launches[path])
                self.parents[self.ends[path]].add(task)
        for task, above in enumerate(tasks.parents):
            for parent in above:
                before, after = self._meeting(parent, task)
                self.parents[after].add(before)

    def _barrier(self, seconds: float, parents: list[int]) -> int:
        self.seconds.append(seconds)
        self.parents.append(set(parents))
        self.idle.add(len(self.seconds) - 1)
        return len(self.seconds) - 1

    def _meeting(self, parent: int, task: int) -> tuple[int, int]:
        """What waits for what where a task waits for another: the largest that hold one and not the other."""
        above, below = self.paths[parent], self.paths[task]
        depth = 0
        while depth < min(len(above), len(below)) and above[depth] == below[depth]:
            depth += 1
        before = self.ends[above[: depth + 1]] if len(above) > depth else parent
        after = self.launches[below[: depth + 1]] if len(below) > depth else task
        return before, after


def _part(  # of the run's figures, those of one part
    tasks: Planned, barriers: _Barriers, path: Path, starts: list[float], ends: list[float], whole: Sequence[float]
) -> PartRun:
    members = barriers.members[path]
    own = set(members)
    outside = _behind_junctions(tasks, barriers, {parent for task in members for parent in tasks.parents[task]} - own)
    start, launched = starts[barriers.launches[path]], ends[barriers.launches[path]]
    end = ends[barriers.ends[path]]
    longest = longest_path(members, tasks.parents, tasks.seconds)
    return PartRun(
        name=path[-1],
        steps=len({tasks.steps[task] for task in members} - {""}),
        needs=len({barriers.paths[parent] for parent in outside} - {()}),
        start=start,
        end=end,
        critical_path=longest,
        launch=launched - start,
        barrier=start - max(ends[parent] for parent in outside) if outside else 0.0,
        queue=max(0.0, end - launched - longest),  # never below, but for rounding
        later=end - max(whole[task] for task in members),
    )


def _behind_junctions(tasks: Planned, barriers: _Barriers, outside: set[int]) -> set[int]:
    """The tasks, and instead of junctions that are in no part what these wait for."""

    def before(task: int) -> Iterable[int]:
        return tasks.parents[task] if task in tasks.junctions and not barriers.paths[task] else ()

    return {task for task in reached(outside, before) if not before(task)}
