"""D2 pruning: difficulty and diversity balanced by messages between neighbours."""

import numpy as np
from sklearn.neighbors import kneighbors_graph

from labutils.checks import check_at_least, check_finite


def d2_pruning(
    x: np.ndarray,
    scores: np.ndarray,
    size: int,
    *,
    neighbours: int = 10,
    forward: float = 1.0,
    reverse: float = 1.0,
) -> np.ndarray:
    """Row numbers (size,) of x (N, d), in order of choice, by D2 pruning from difficulty `scores` (N,) >= 0.

    Every row is tied to its nearest `neighbours`, and to those it is a neighbour of, by exp(-gamma distance^2). First
    each takes up its neighbours' scores so weighted (gamma = `forward`); then the largest is chosen, again and again,
    and each time takes as much from its neighbours' scores (gamma = `reverse`). Maharana, Yadav & Bansal 2023
    (2310.07931). Distances are in units of their root mean square over the ties, which makes gamma a number without a
    unit; the larger, the less is passed. The lowest row wins a tie. Raises ValueError for scores below zero, NaN, shapes
    that disagree, a size outside 1 .. N.
    """
    x, scores = np.asarray(x), np.array(scores, float)
    check_at_least(1, neighbours=neighbours)
    check_at_least(0, forward=forward, reverse=reverse)
    if x.ndim != 2 or scores.shape != (len(x),) or not 1 <= size <= len(x):
        found = f"x has shape {x.shape}, scores {scores.shape}, size is {size}"
        raise ValueError(f"{found}; allowed: (N, d), (N,) and 1 to N")
    check_finite(x=x, scores=scores)
    if scores.min() < 0:
        raise ValueError(f"scores hold {scores.min():g}; allowed: from 0 on, such as ranks")
    if len(x) == 1:
        return np.array([0])
    graph = kneighbors_graph(x, min(neighbours, len(x) - 1), mode="distance")
    graph.data = np.maximum(graph.data, np.finfo(float).tiny)  # zeros would be dropped: copies stay tied
    graph = graph.maximum(graph.T).tocsr()
    graph.sort_indices()
    squares = graph.data**2
    squares /= squares.mean() or 1.0
    graph.data = np.exp(-forward * squares)
    left = scores + graph @ scores
    graph.data = np.exp(-reverse * squares)
    chosen = np.empty(size, int)
    for step in range(size):
        best = chosen[step] = left.argmax()
        tied = slice(graph.indptr[best], graph.indptr[best + 1])
        left[graph.indices[tied]] -= graph.data[tied] * left[best]
        left[best] = -np.inf
    return chosen
