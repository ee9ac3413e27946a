"""Places the nodes of a graph without cycles, in ranks from top to bottom [1]_.

Ranks are lengths of longest paths; long edges get a bend in every rank that they cross; the order
in each rank is by barycenters; and the positions are the least squares of all edges under the
distances that the nodes must keep.

References
----------
.. [1] Sugiyama, K., Tagawa, S. and Toda, M. (1981): Methods for visual understanding of
       hierarchical system structures. IEEE Transactions on Systems, Man, and Cybernetics 11(2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Layout", "place"]

#: Distances between boxes side by side, between a box and an edge, and between ranks.
BOX_GAP, EDGE_GAP, RANK_GAP = 28.0, 18.0, 36.0
_SWEEPS = 24


@dataclass
class Layout:
    """Where everything is; the origin is on the upper left.

    Attributes
    ----------
    centers : list of (float, float)
        The center of each node.
    bands : list of (float, float)
        Top and bottom of the rank of each node.
    bends : dict
        For each edge, a pair of nodes, the points between its ends: ``(x, top, bottom)`` for every
        rank that it crosses.
    width, height : float
        The size of it all.
    """

    centers: list[tuple[float, float]]
    bands: list[tuple[float, float]]
    bends: dict[tuple[int, int], list[tuple[float, float, float]]]
    width: float
    height: float


@dataclass
class _Node:
    """A node, or the bend of an edge in a rank."""

    width: float
    height: float
    rank: int
    is_bend: bool = False
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    x: float = 0.0


def place(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Place nodes.

    Parameters
    ----------
    sizes : sequence of (float, float)
        Width and height of each node, in topological order.
    edges : sequence of (int, int)
        Pairs of nodes, from the lower number to the higher one.

    Returns
    -------
    Layout
        No two boxes overlap, and no edge crosses a box.

    Examples
    --------
    >>> from nncore.inspection.layout import place
    >>> layout = place([(100, 40), (60, 40)], [(0, 1)])
    >>> layout.centers, layout.width
    ([(50.0, 20.0), (50.0, 96.0)], 100.0)
    """
    edges = list(dict.fromkeys(edges))
    nodes = [
        _Node(width, height, rank)
        for (width, height), rank in zip(sizes, _ranks(len(sizes), edges), strict=True)
    ]
    chains = {edge: _chain(nodes, *edge) for edge in edges}
    ranks = _ordered(nodes)
    _spread(nodes, ranks)
    _straighten(nodes, ranks)
    left = min((node.x - node.width / 2 for node in nodes), default=0.0)
    for node in nodes:
        node.x -= left
    tops, top = [], 0.0
    heights = [max(nodes[i].height for i in rank) for rank in ranks]
    for height in heights:
        tops.append(top)
        top += height + RANK_GAP
    spans = [(top, top + height) for top, height in zip(tops, heights, strict=True)]
    bands = [spans[node.rank] for node in nodes]
    return Layout(
        [(node.x, sum(band) / 2) for node, band in zip(nodes[: len(sizes)], bands, strict=False)],
        bands[: len(sizes)],
        {edge: [(nodes[i].x, *bands[i]) for i in chain] for edge, chain in chains.items()},
        max((node.x + node.width / 2 for node in nodes), default=0.0),
        max(top - RANK_GAP, 0.0),
    )


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    ranks = [0] * count
    for start, end in sorted(edges, key=lambda edge: edge[1]):
        ranks[end] = max(ranks[end], ranks[start] + 1)
    # What nothing feeds into stands right above what it feeds.
    ends = {end for _, end in edges}
    for node in range(count):
        below = [ranks[end] for start, end in edges if start == node]
        if node not in ends and below:
            ranks[node] = min(below) - 1
    return ranks


def _chain(nodes: list[_Node], start: int, end: int) -> list[int]:
    """Connect two nodes, with a bend in each rank between them."""
    chain, last = [], start
    for rank in range(nodes[start].rank + 1, nodes[end].rank):
        nodes.append(_Node(0.0, 0.0, rank, is_bend=True))
        chain.append(len(nodes) - 1)
        nodes[last].below.append(chain[-1])
        nodes[chain[-1]].above.append(last)
        last = chain[-1]
    nodes[last].below.append(end)
    nodes[end].above.append(last)
    return chain


def _ordered(nodes: list[_Node]) -> list[list[int]]:
    """Order every rank so that few edges cross."""
    ranks: list[list[int]] = [[] for _ in range(max((n.rank for n in nodes), default=-1) + 1)]
    # Boxes before bends: an edge that passes by a branch runs to the right of it.
    for index, node in enumerate(nodes):
        ranks[node.rank].append(index)
    best, fewest = [rank[:] for rank in ranks], _crossings(nodes, ranks)
    for sweep in range(_SWEEPS):
        downward = sweep % 2 == 0
        for rank in ranks if downward else ranks[::-1]:
            places = {i: p for row in ranks for p, i in enumerate(row)}

            def barycenter(i: int, down: bool = downward, at: dict[int, int] = places) -> float:
                others = nodes[i].above if down else nodes[i].below
                return sum(at[o] for o in others) / len(others) if others else at[i]

            rank.sort(key=barycenter)
        found = _crossings(nodes, ranks)
        if found < fewest:
            best, fewest = [rank[:] for rank in ranks], found
    return best


def _crossings(nodes: list[_Node], ranks: list[list[int]]) -> int:
    places = {i: p for rank in ranks for p, i in enumerate(rank)}
    count = 0
    for rank in ranks:
        ends = [(places[i], places[j]) for i in rank for j in nodes[i].below]
        count += sum(
            (a - c) * (b - d) < 0 for n, (a, b) in enumerate(ends) for c, d in ends[n + 1 :]
        )
    return count


def _gap(left: _Node, right: _Node) -> float:
    gap = EDGE_GAP if left.is_bend or right.is_bend else BOX_GAP
    return left.width / 2 + gap + right.width / 2


def _spread(nodes: list[_Node], ranks: list[list[int]]) -> None:
    """Find positions in the ranks: near those of the neighbours, and far enough apart."""
    for rank in ranks:
        _settle(nodes, rank, [0.0] * len(rank), [1.0] * len(rank))
    for sweep in range(2 * _SWEEPS):
        downward = sweep % 2 == 0
        for rank in ranks if downward else ranks[::-1]:
            wanted, weights = [], []
            for i in rank:
                node = nodes[i]
                # The last sweeps look at both sides.
                others = node.above if downward else node.below
                others = node.above + node.below if sweep >= _SWEEPS else others
                # A long edge is straight before anything else.
                pull = [8.0 if node.is_bend and nodes[o].is_bend else 1.0 for o in others]
                total = sum(pull)
                target = sum(p * nodes[o].x for p, o in zip(pull, others, strict=True))
                wanted.append(target / total if total else node.x)
                weights.append(max(total, 0.5))
            _settle(nodes, rank, wanted, weights)


def _runs(nodes: list[_Node]) -> list[int]:
    """Find for each node the first of its run: nodes in a row that nothing joins or leaves."""
    first = list(range(len(nodes)))
    for i in sorted(first, key=lambda i: nodes[i].rank):
        if len(nodes[i].below) == 1 and len(nodes[nodes[i].below[0]].above) == 1:
            first[nodes[i].below[0]] = first[i]
    return first


def _straighten(nodes: list[_Node], ranks: list[list[int]]) -> None:
    """Give all nodes of a run the same position."""
    first = _runs(nodes)
    members: dict[int, list[int]] = {}
    for i, run in enumerate(first):
        members.setdefault(run, []).append(i)
    # How far each run must be from those on its left and on its right.
    left: dict[int, dict[int, float]] = {run: {} for run in members}
    right: dict[int, dict[int, float]] = {run: {} for run in members}
    for rank in ranks:
        for i, j in pairwise(rank):
            gap = max(_gap(nodes[i], nodes[j]), left[first[j]].get(first[i], 0.0))
            left[first[j]][first[i]] = right[first[i]][first[j]] = gap
    order = _from_left_to_right(left, right)
    if order is None:
        return
    x = {run: sum(nodes[i].x for i in own) / len(own) for run, own in members.items()}
    outside = {
        run: [first[o] for i in own for o in nodes[i].above + nodes[i].below if first[o] != run]
        for run, own in members.items()
    }
    for sweep in range(8 * _SWEEPS):
        if sweep:
            means = {run: sum(x[o] for o in its) / len(its) for run, its in outside.items() if its}
            x = {run: (x[run] + means.get(run, x[run])) / 2 for run in order}
        pushed, pulled = dict(x), dict(x)
        for run in order:
            pushed[run] = max([x[run], *(pushed[o] + gap for o, gap in left[run].items())])
        for run in reversed(order):
            pulled[run] = min([x[run], *(pulled[o] - gap for o, gap in right[run].items())])
        # Both keep all distances, and so does the mean of the two.
        x = {run: (pushed[run] + pulled[run]) / 2 for run in order}
    for i, run in enumerate(first):
        nodes[i].x = x[run]


def _from_left_to_right(
    left: dict[int, dict[int, float]], right: dict[int, dict[int, float]]
) -> list[int] | None:
    """Order the runs; None if two of them change sides."""
    waiting = {run: len(others) for run, others in left.items()}
    order = [run for run, count in waiting.items() if not count]
    for run in order:
        for other in right[run]:
            waiting[other] -= 1
            if not waiting[other]:
                order.append(other)
    return order if len(order) == len(left) else None


def _settle(nodes: list[_Node], rank: list[int], wanted: list[float], weights: list[float]) -> None:
    """Move the nodes of a rank as near to the wanted positions as their distances allow.

    With the distances taken off this is isotonic regression: neighbours that would be in the
    wrong order are pooled at their mean.
    """
    offsets = [0.0]
    for left, right in pairwise(rank):
        offsets.append(offsets[-1] + _gap(nodes[left], nodes[right]))
    pools: list[tuple[float, float, int]] = []
    for target, offset, weight in zip(wanted, offsets, weights, strict=False):
        mean, total, count = target - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, its_total, its_count = pools.pop()
            mean = (mean * total + other * its_total) / (total + its_total)
            total, count = total + its_total, count + its_count
        pools.append((mean, total, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    for i, mean, offset in zip(rank, means, offsets, strict=False):
        nodes[i].x = mean + offset
