"""The parts of a split while a search changes them: sizes, edges between parts and times are exact after every move."""

from __future__ import annotations

from collections.abc import Sequence

from couler_plugins.hookspecs.dag import Budget, Dag


class Parts:
    """A split that changes. Parts have ids, in no order; their places are the order in which labels count them.

    A part's bytes count pairs of a producer and a part that reads it, never edges, and follow every move.

    Attributes:
        part: of each step, the id of its part.
        members: of each part, its steps, in no order.
        order: the ids in use, by place: no edge goes to an earlier place.
        place: of each id, its place.
        into, out: of each part, the parts that it needs, and those that need it.
        links: edges between two parts, by `before * stride + after`.
        bytes, steps, pods: what each part takes.
        shared: of its bytes, those of the pieces that its steps share.
        cut: the number of edges between parts.
    """

    def __init__(self, dag: Dag, budget: Budget, labels: Sequence[int]) -> None:
        self.dag = dag
        self.limits = budget.limits
        self.stride = len(dag) + 1
        numbers = {label: number for number, label in enumerate(sorted(set(labels)))}
        self.part = [numbers[label] for label in labels]
        count = len(numbers)
        self.members: list[list[int]] = [[] for _ in range(count)]
        self.order = list(range(count))
        self.place = list(range(count))
        self.into: list[set[int]] = [set() for _ in range(count)]
        self.out: list[set[int]] = [set() for _ in range(count)]
        self.links: dict[int, int] = {}
        self.bytes = [dag.wrapper] * count
        self.steps = [0] * count
        self.pods = [0] * count
        self.cut = 0
        self._free: list[int] = []
        self._pairs: dict[int, int] = {}
        """How many children a step has in a part, by `step * stride + part`."""
        self._users: dict[int, int] = {}
        """How many steps in a part need a piece, by `piece * stride + part`."""
        self.shared = [0] * count
        self._readers = [0] * len(dag)
        """How many parts read each step, its own not counted."""
        self._slot = [0] * len(dag)
        """Where each step is among the members of its part."""
        self._count()

    def _count(self) -> None:
        dag, part, stride, pairs, readers, links = (
            self.dag, self.part, self.stride, self._pairs, self._readers, self.links,
        )  # fmt: skip
        for step, own in enumerate(part):
            self._slot[step] = len(self.members[own])
            self.members[own].append(step)
            self.bytes[own] += dag.bytes[step]
            self.steps[own] += dag.steps[step]
            self.pods[own] += dag.pods[step]
            if dag.shares[step]:
                self._use(step, own)
            for parent in dag.parents[step]:
                other = part[parent]
                pair = parent * stride + own
                count = pairs.get(pair, 0)
                pairs[pair] = count + 1
                if other != own:
                    self.cut += 1
                    link = other * stride + own
                    links[link] = links.get(link, 0) + 1
                    if not count:
                        self.bytes[own] += dag.imports[parent]
                        if not readers[parent]:
                            self.bytes[other] += dag.exports[parent]
                        readers[parent] += 1
        for link in links:
            before, after = divmod(link, stride)
            self.into[after].add(before)
            self.out[before].add(after)

    def __len__(self) -> int:
        return len(self.order)

    def labels(self) -> list[int]:
        """Of each step the place of its part: numbers from 0 on, without a gap."""
        return [self.place[part] for part in self.part]

    def fits(self, part: int) -> bool:
        """Whether a part is within the budget."""
        limit_bytes, limit_steps, limit_pods = self.limits
        return self.bytes[part] <= limit_bytes and self.steps[part] <= limit_steps and self.pods[part] <= limit_pods

    def add(self, place: int) -> int:
        """A new part without steps at a place; those from there on move one place up."""
        if self._free:
            part = self._free.pop()
        else:
            part = len(self.members)
            self.members.append([])
            self.into.append(set())
            self.out.append(set())
            for column, value in (
                (self.bytes, self.dag.wrapper),
                (self.steps, 0),
                (self.pods, 0),
                (self.place, 0),
                (self.shared, 0),
            ):
                column.append(value)
        self.order.insert(place, part)
        self._number()
        return part

    def drop(self, part: int) -> None:
        """Removes a part that has no steps."""
        self.order.remove(part)
        self._free.append(part)
        self._number()

    def reorder(self, order: list[int]) -> None:
        """Gives the parts another order; no edge may go to an earlier place."""
        self.order = order
        self._number()

    def _number(self) -> None:
        for place, part in enumerate(self.order):
            self.place[part] = place

    def move(self, step: int, to: int) -> None:
        """Moves a step to another part, whatever that does to order and budget. O(its edges)."""
        dag, part, stride, pairs, readers, size, links = (
            self.dag, self.part, self.stride, self._pairs, self._readers, self.bytes, self.links,
        )  # fmt: skip
        imports, exports = dag.imports, dag.exports
        at = part[step]
        part[step] = to
        self._resettle(step, at, to)
        for parent in dag.parents[step]:
            other = part[parent]
            pair = parent * stride + at
            remainder = pairs[pair] - 1
            if remainder:
                pairs[pair] = remainder
            else:
                del pairs[pair]
                if other != at:
                    size[at] -= imports[parent]
                    readers[parent] -= 1
                    if not readers[parent]:
                        size[other] -= exports[parent]
            pair += to - at
            count = pairs.get(pair, 0)
            pairs[pair] = count + 1
            if not count and other != to:
                size[to] += imports[parent]
                if not readers[parent]:
                    size[other] += exports[parent]
                readers[parent] += 1
            if other != at:
                self._unlink(links, other, at)
            if other != to:
                self._link(links, other, to)
        for child in dag.children[step]:
            other = part[child]
            if other != at:
                self._unlink(links, at, other)
            if other != to:
                self._link(links, to, other)
        if readers[step]:
            size[at] -= exports[step]
        pair = step * stride
        if pair + at in pairs:
            size[at] += imports[step]
            readers[step] += 1
        if pair + to in pairs:
            size[to] -= imports[step]
            readers[step] -= 1
        if readers[step]:
            size[to] += exports[step]
        size[at] -= dag.bytes[step]
        size[to] += dag.bytes[step]
        self.steps[at] -= dag.steps[step]
        self.steps[to] += dag.steps[step]
        self.pods[at] -= dag.pods[step]
        self.pods[to] += dag.pods[step]
        if dag.shares[step]:
            self._release(step, at)
            self._use(step, to)

    def _use(self, step: int, part: int) -> None:
        """Counts what a step shares with the others of a part that it has come to."""
        for piece in self.dag.shares[step]:
            key = piece * self.stride + part
            count = self._users.get(key, 0)
            self._users[key] = count + 1
            if not count:
                self.bytes[part] += self.dag.weights[piece]
                self.shared[part] += self.dag.weights[piece]

    def _release(self, step: int, part: int) -> None:
        """Counts no more what a step shared with the others of a part that it has left."""
        for piece in self.dag.shares[step]:
            key = piece * self.stride + part
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key]
                self.bytes[part] -= self.dag.weights[piece]
                self.shared[part] -= self.dag.weights[piece]

    def _resettle(self, step: int, at: int, to: int) -> None:
        """Takes a step from the members of a part, the last of which takes its slot, to those of another."""
        slot, members, joined = self._slot, self.members[at], self.members[to]
        last = members.pop()
        if last != step:
            members[slot[step]] = last
            slot[last] = slot[step]
        slot[step] = len(joined)
        joined.append(step)

    def _link(self, links: dict[int, int], before: int, after: int) -> None:
        self.cut += 1
        link = before * self.stride + after
        count = links.get(link, 0)
        links[link] = count + 1
        if not count:
            self.into[after].add(before)
            self.out[before].add(after)

    def _unlink(self, links: dict[int, int], before: int, after: int) -> None:
        self.cut -= 1
        link = before * self.stride + after
        count = links[link] - 1
        if count:
            links[link] = count
        else:
            del links[link]
            self.into[after].discard(before)
            self.out[before].discard(after)
