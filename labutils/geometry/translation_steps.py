"""A translation without pairs, step by step: what chapter 10 lets the reader move through. The method is `translation`'s."""

import numpy as np

from labutils.checks import check_at_least
from labutils.geometry import translation as method

# Temperatures of the soft assignment, falling: as in `translation.translate`
FIRST, THEN = np.geomspace(0.15, 0.06, 6), np.geomspace(0.06, 0.03, 12)


def steps(
    x: np.ndarray, y: np.ndarray, *, clusters: int = 30, n_starts: int = 4, seed: int = 0
) -> list[list[tuple[str, method.Translation]]]:
    """The way of each of `n_starts` starts from x (n, d) to y (m, e): (what was done, the `Translation` so far).

    First the longest axes of both clouds on one another, nothing known yet; then k-means clusters matched; then the
    rotation sharpened while the temperature falls, and refined twice on more axes. `translate` does the same from more
    starts, keeps the best and swaps clusters in it, which is left out here. Scores are NaN. Raises ValueError as it does.
    """
    x, y = method._rows(x, "x", 16), method._rows(y, "y", 16)
    check_at_least(1, n_starts=n_starts, clusters=clusters)
    rng, spaces = np.random.default_rng(seed), (method._Space(x), method._Space(y))
    plain, coarse, *fine = (
        [s.on(*each) for s in spaces] for each in (method.PLAIN, method.COARSE, *method.FINE)
    )
    small, large = ([method._some(rng, view.points, size) for view in coarse] for size in method.SKETCHES)
    maps = method._starts(plain, coarse, [min(clusters, len(x) // 4, len(y) // 4)], n_starts, rng)
    level = np.broadcast_to(np.eye(*maps.shape[1:], dtype=maps.dtype), maps.shape)
    found = [("longest axes on one another", coarse, level), ("clusters matched", coarse, maps)]
    for points, temperatures in ((small, FIRST), (large, THEN)):
        for t in temperatures:
            maps, _ = method._settle(*points, maps, [t])
            found.append((f"sharpened at temperature {t:.2f}", coarse, maps))
    before = coarse
    for views in fine:
        maps = np.array([method._refine(before, views, one, rng)[1] for one in maps])
        found.append(("refined on more axes", views, maps))
        before = views
    nan = float("nan")
    return [
        [(name, method._translation(spaces, views, maps[i], nan, nan, 0)) for name, views, maps in found]
        for i in range(n_starts)
    ]
