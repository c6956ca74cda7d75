"""Scores from features alone: distance to a prototype (k-means) and to the k-th neighbour."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from labutils.checks import check_finite
from labutils.rows import kmeans, nearest, number_type


def prototype_distance(
    x: np.ndarray, clusters: int, seed: int = 0, *, labels: np.ndarray | None = None, passes: int = 3
) -> np.ndarray:
    """Euclidean distance of each row of x (N, d) to the nearest of `clusters` k-means centres: array (N,).

    The self-supervised score of Sorscher et al. 2022 (2206.14486), section 5, who take x from a network
    trained without labels; scale the rows to length 1 for their cosine distance. With `labels` (N,) every
    class has `clusters` centres of its own, and the distance is that to the nearest of the own class.
    x may be a mapped file larger than memory; `passes` as in `rows.kmeans`. Raises ValueError for NaN, and for more
    clusters than rows (of the smallest class).
    """
    if labels is None:
        return nearest(x, kmeans(x, clusters, seed=seed, passes=passes))[1]
    labels = np.asarray(labels)
    if labels.shape != (len(x),):
        raise ValueError(f"labels have shape {labels.shape}; allowed: ({len(x)},), one for each row of x")
    distance = np.empty(len(x), number_type(x))
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        if len(own) < clusters:
            raise ValueError(f"clusters is {clusters}; allowed: 1 to {len(own)}, the rows of class {label}")
        distance[own] = prototype_distance(x[own], clusters, seed, passes=passes)
    return distance


def neighbour_distance(x: np.ndarray, k: int = 10) -> np.ndarray:
    """Euclidean distance of each row of x (N, d) to its k-th nearest other row: array (N,).

    Large where data are sparse: minus the logarithm of the k-neighbour density estimate of Loftsgaarden &
    Quesenberry 1965, up to scale. Exact, by scikit-learn. Raises ValueError for NaN or infinity, or k outside
    1 .. N - 1.
    """
    x = np.asarray(x)
    if x.ndim != 2 or not 1 <= k < len(x):
        raise ValueError(f"k is {k}, x has shape {x.shape}; allowed: (N, d), k from 1 to N - 1")
    check_finite(x=x)
    x = np.subtract(x, x.mean(axis=0), dtype=number_type(x))  # near the origin products lose no digits
    return NearestNeighbors(n_neighbors=k).fit(x).kneighbors()[0][:, -1]  # each row's own is left out
