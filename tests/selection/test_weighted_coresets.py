"""Weighted coresets: exact ones are exact, drawn ones right on average, both hold up where uniform sampling fails."""

import tracemalloc
from functools import partial

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from labutils import rows
from labutils.selection import weighted_coresets
from labutils.selection.coresets import Coreset

DRAWN = {
    "uniform": weighted_coresets.uniform,
    "lightweight": weighted_coresets.lightweight,
    "kmeans": partial(weighted_coresets.kmeans_coreset, clusters=4),
    "leverage": weighted_coresets.leverage,
}
WEIGHTED = {name: reduce for name, reduce in DRAWN.items() if name != "uniform"}
EXACT = {"mean": weighted_coresets.exact_mean, "squares": weighted_coresets.exact_squares}


def blobs(n, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, d)) + 6 * rng.standard_normal((5, d))[rng.integers(5, size=n)]).round(3)


def with_far_cluster(n=5000, far=10, seed=0):
    x = np.random.default_rng(seed).standard_normal((n, 2))
    x[:far] += 1000
    return x


def queries(name, d, seed=1, count=100, spread=10):
    shape = (count, d) if name == "squares" else (count, 1 if name == "mean" else 4, d)
    return spread * np.random.default_rng(seed).standard_normal(shape)


def cost_of(name):
    return (
        weighted_coresets.squares_cost if name in ("squares", "leverage") else weighted_coresets.kmeans_cost
    )


# --- costs -------------------------------------------------------------------------------------------------------
def test_costs_are_those_of_brute_force(monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", 300)
    x, w = blobs(777), np.random.default_rng(2).random(777)
    centres, directions = queries("kmeans", 3), queries("squares", 3)
    nearest = [cdist(x, c, "sqeuclidean").min(axis=1) for c in centres]
    assert weighted_coresets.kmeans_cost(x, centres, weights=w) == pytest.approx(
        np.array(nearest) @ w, rel=1e-12
    )
    squares = w @ (x @ directions.T) ** 2
    assert weighted_coresets.squares_cost(x, directions, weights=w) == pytest.approx(squares, rel=1e-12)


def test_distances_far_from_the_origin_are_not_lost_in_rounding():
    x = blobs(200)
    far = weighted_coresets.kmeans_cost(x + 1e6, queries("kmeans", 3) + 1e6)
    assert far == pytest.approx(weighted_coresets.kmeans_cost(x, queries("kmeans", 3)), rel=1e-6)


# --- exact -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("d", [1, 2, 5, 12])
@pytest.mark.parametrize("shift", [0, 1e4])
def test_exact_coresets_are_exact_and_as_small_as_the_theorem_says(name, d, shift):
    x = np.random.default_rng(d).standard_normal((3000, d)) * np.geomspace(1, 100, d) + shift
    coreset = EXACT[name](x)
    assert len(coreset.indices) <= (d + 2 if name == "mean" else d * (d + 1) / 2 + 1)
    assert len(np.unique(coreset.indices)) == len(coreset.indices)
    assert (coreset.weights > 0).all() and coreset.weights.sum() == pytest.approx(3000, rel=1e-12)
    ask = queries(name, d) if name == "squares" else queries(name, d) + shift
    ratio = weighted_coresets.cost_ratio(x, coreset, ask, cost=cost_of(name))
    assert abs(ratio - 1).max() < 1e-10


@pytest.mark.parametrize("name", EXACT)
def test_exact_coresets_of_degenerate_data(name):
    line = np.outer(np.arange(500.0), [1, 2, -1])
    few, same = blobs(3), np.ones((300, 2))
    for x in (line, few, same, same * 0, np.eye(4)[np.arange(400) % 4]):
        coreset = EXACT[name](x)
        ask, all_rows = queries(name, x.shape[1]), np.ones(len(x))
        ours, full = (
            cost_of(name)(rows, ask, weights=w)
            for rows, w in ((x[coreset.indices], coreset.weights), (x, all_rows))
        )
        assert ours == pytest.approx(full, rel=1e-10, abs=1e-10)
        assert coreset.weights.sum() == pytest.approx(len(x), rel=1e-12)


@pytest.mark.parametrize("name", EXACT)
def test_weights_count_as_repeated_rows(name):
    x, times = blobs(400), np.random.default_rng(3).integers(0, 4, 400)
    coreset = EXACT[name](x, weights=times)
    ask, ours = queries(name, 3), (x[coreset.indices], coreset.weights)
    assert (times[coreset.indices] > 0).all() and coreset.weights.sum() == pytest.approx(
        times.sum(), rel=1e-12
    )
    full = cost_of(name)(np.repeat(x, times, axis=0), ask)
    assert cost_of(name)(ours[0], ask, weights=ours[1]) == pytest.approx(full, rel=1e-10)


def test_a_regression_on_the_exact_coreset_finds_the_same_coefficients():
    x = blobs(5000, 6)
    y = x @ np.arange(6) + np.random.default_rng(4).standard_normal(5000)
    coreset = weighted_coresets.exact_squares(np.column_stack([x, y]))
    rows, root = coreset.indices, np.sqrt(coreset.weights)
    ours = np.linalg.lstsq(x[rows] * root[:, None], y[rows] * root, rcond=None)[0]
    assert ours == pytest.approx(np.linalg.lstsq(x, y, rcond=None)[0], rel=1e-9)


# --- drawn -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", DRAWN)
def test_costs_and_weights_are_right_on_average(name):
    x = blobs(300)
    ask = queries(name if name != "leverage" else "squares", 3, count=3)
    full, draws = cost_of(name)(x, ask), []
    for seed in range(400):
        c = DRAWN[name](x, size=30, seed=seed)
        assert len(c.indices) <= 30 and (c.weights > 0).all()
        draws.append([*cost_of(name)(x[c.indices], ask, weights=c.weights) / full, c.weights.sum() / 300])
    draws = np.array(draws)
    error = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    assert (abs(draws.mean(axis=0) - 1) < 4 * error + 1e-12).all()
    assert (draws.std(axis=0)[:3] > 0.01).all()  # else the test above would say nothing


def test_lightweight_draws_with_the_probabilities_of_the_paper():
    x = blobs(50)
    distance = ((x - x.mean(axis=0)) ** 2).sum(axis=1)
    q = 1 / 100 + distance / distance.sum() / 2
    picks = [weighted_coresets.lightweight(x, 1, seed=seed) for seed in range(3000)]
    rows = np.concatenate([c.indices for c in picks])
    assert np.concatenate([c.weights for c in picks]) == pytest.approx(1 / q[rows], rel=1e-12)
    assert stats.chisquare(np.bincount(rows, minlength=50), 3000 * q).pvalue > 1e-3


def test_sampling_probabilities_of_the_kmeans_coreset_cover_every_sensitivity():
    x = with_far_cluster(60, 2)
    shares = [cdist(x, c, "sqeuclidean").min(axis=1) for c in queries("kmeans", 2, count=4000, spread=700)]
    shares += [cdist(x, x[list(pair)], "sqeuclidean").min(axis=1) for pair in np.ndindex(60, 60)]
    most = np.max([share / share.sum() for share in shares], axis=0)  # a lower bound of the sensitivity
    for seed in range(60):  # 1 / weight is the probability of the draw; the shares sum to 1 + clusters
        c = weighted_coresets.kmeans_coreset(x, 2, 1, seed=seed)
        assert 3 / c.weights[0] >= most[c.indices[0]] / 8


@pytest.mark.parametrize("weighted", [False, True])
def test_leverage_is_the_diagonal_of_the_hat_matrix(weighted, monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", 200)
    rng = np.random.default_rng(5)
    x, w = rng.standard_normal((333, 4)) * [1, 1e-6, 1e3, 1], rng.random(333) if weighted else np.ones(333)
    z = x * np.sqrt(w)[:, None]
    scores = weighted_coresets.leverage_scores(x, weights=w)
    scaled = z / np.linalg.norm(z, axis=0)
    assert scores == pytest.approx(np.diag(scaled @ np.linalg.pinv(scaled)), rel=1e-9)
    assert scores.sum() == pytest.approx(4, rel=1e-12)


def test_leverage_sums_to_the_rank_and_finds_the_one_row_that_matters():
    x = np.random.default_rng(6).standard_normal((1000, 3)) @ np.random.default_rng(7).standard_normal((3, 5))
    x = np.column_stack([x, np.zeros(1000)])
    x[17, 5] = 1e-3
    scores = weighted_coresets.leverage_scores(x)
    assert scores.sum() == pytest.approx(4, rel=1e-9) and scores[17] == pytest.approx(1, rel=1e-9)


def test_a_far_cluster_is_missed_by_uniform_draws_as_often_as_it_should_and_never_by_the_others():
    x, far, size = with_far_cluster(), 10, 200
    ask = np.array([[[0.0, 0.0]], [[1.0, -2.0]]])
    for name in ("lightweight", "kmeans"):
        for seed in range(30):
            coreset = DRAWN[name](x, size=size, seed=seed)
            assert (coreset.indices < far).any(), name
            assert abs(weighted_coresets.cost_ratio(x, coreset, ask) - 1).max() < 0.5
    missed = sum((weighted_coresets.uniform(x, size, seed=s).indices >= far).all() for s in range(500))
    share = stats.hypergeom.pmf(0, len(x), far, size)
    assert stats.binomtest(missed, 500, share).pvalue > 1e-3


@pytest.mark.parametrize("name", ["lightweight", "kmeans", "leverage"])
def test_weights_given_are_the_same_as_rows_repeated(name):
    x, times = blobs(40), np.random.default_rng(8).integers(0, 5, 40)
    ask = queries(name if name != "leverage" else "squares", 3, count=2)
    full = cost_of(name)(np.repeat(x, times, axis=0), ask)
    draws = []
    for seed in range(300):
        c = WEIGHTED[name](x, size=20, seed=seed, weights=times)
        assert (times[c.indices] > 0).all()
        draws.append(cost_of(name)(x[c.indices], ask, weights=c.weights) / full)
    assert (abs(np.mean(draws, axis=0) - 1) < 4 * np.std(draws, axis=0, ddof=1) / np.sqrt(300)).all()


def test_more_clusters_than_different_rows():
    x = np.repeat(blobs(3), 50, axis=0)
    coreset = weighted_coresets.kmeans_coreset(x, 8, 40)
    assert np.isfinite(coreset.weights).all() and len(np.unique(x[coreset.indices], axis=0)) == 3


@pytest.mark.parametrize("name", DRAWN)
def test_seeds_fix_everything_and_the_global_state_is_left_alone(name):
    x, before = blobs(200), np.random.get_state()[1].copy()  # noqa: NPY002
    a, b, c = (DRAWN[name](x, size=20, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(a.indices, b.indices) and np.array_equal(a.weights, b.weights)
    assert not np.array_equal(a.indices, c.indices)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


# --- streams and files -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("blocks", [1, 2, 5, 8, 13])
def test_exact_coresets_stay_exact_over_a_stream(blocks):
    x = blobs(130 * blocks)
    points, coreset = weighted_coresets.merge_and_reduce(
        np.split(x, blocks), lambda p, weights, seed: weighted_coresets.exact_mean(p, weights=weights)
    )
    assert len(points) <= 5 and np.array_equal(points, x[coreset.indices])
    ask = queries("mean", 3)
    ours = weighted_coresets.kmeans_cost(points, ask, weights=coreset.weights)
    assert ours == pytest.approx(weighted_coresets.kmeans_cost(x, ask), rel=1e-10)


@pytest.mark.parametrize("blocks", [1, 3, 8, 100])
def test_a_stream_is_reduced_a_logarithmic_number_of_times(blocks):
    depth = np.zeros(blocks)  # how often the row of each block was reduced
    held = most = 0

    def reduce(points, weights, seed):
        nonlocal held, most
        depth[points[:, 0].astype(int)] += 1
        held += 1 if len(points) == 1 else -1
        most = max(most, held)
        return Coreset(np.arange(len(points)), weights)

    weighted_coresets.merge_and_reduce((np.full((1, 1), i) for i in range(blocks)), reduce)
    assert depth.max() <= 2 + np.log2(blocks) and most <= 2 + np.log2(blocks)


@pytest.mark.parametrize("name", ["lightweight", "kmeans"])
def test_streamed_draws_are_right_on_average(name):
    x, ask = blobs(1000), queries("kmeans", 3, count=2)
    full, draws = weighted_coresets.kmeans_cost(x, ask), []
    for seed in range(100):
        points, c = weighted_coresets.merge_and_reduce(
            np.split(x, 5), partial(DRAWN[name], size=150), size=150, seed=seed
        )
        draws.append(weighted_coresets.kmeans_cost(points, ask, weights=c.weights) / full)
    assert (abs(np.mean(draws, axis=0) - 1) < 4 * np.std(draws, axis=0, ddof=1) / 10).all()


@pytest.mark.parametrize("name", [*DRAWN, *EXACT])
def test_files_give_what_arrays_give_in_little_memory(name, tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", 2**13)
    monkeypatch.setattr(weighted_coresets, "GROUP", 2**13)
    x = blobs(200_000, 4).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    function = partial(DRAWN[name], size=50) if name in DRAWN else EXACT[name]
    expected = function(x)
    tracemalloc.start()
    found = function(mapped)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(found.indices, expected.indices) and np.array_equal(found.weights, expected.weights)
    assert peak < 60 * len(x)  # bytes: a few numbers for each row, whatever its length


# --- bad input ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", DRAWN)
def test_bad_input_is_named(name):
    function, x = DRAWN[name], blobs(50)
    for size in (0, 51, 2.5, True):
        with pytest.raises(ValueError, match="size is"):
            function(x, size=size)
    for wrong in (x[0], x[:0], np.array([["a"]])):
        with pytest.raises(ValueError, match="x has shape"):
            function(wrong, size=1)
    if name != "uniform":  # which looks at no row
        spoiled = x.copy()
        spoiled[7, 1] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            function(spoiled, size=5)
        for weights in (np.ones(3), -np.ones(50), np.zeros(50)):
            with pytest.raises(ValueError, match="weights"):
                function(x, size=5, weights=weights)


def test_questions_of_a_wrong_shape_or_without_numbers_are_named():
    x = blobs(50)
    for wrong in (np.zeros((2, 4, 2)), np.zeros((2, 4, 1)), np.zeros((2, 3)), np.zeros((2, 0, 3))):
        with pytest.raises(ValueError, match="each set of centres has shape"):
            weighted_coresets.kmeans_cost(x, wrong)
    for wrong in (np.zeros((2, 2)), np.zeros(3), np.zeros((0, 3)), np.zeros((1, 2, 3))):
        with pytest.raises(ValueError, match="queries has shape"):
            weighted_coresets.squares_cost(x, wrong)
    with pytest.raises(ValueError, match="centres holds NaN"):
        weighted_coresets.kmeans_cost(x, np.full((1, 2, 3), np.nan))
    with pytest.raises(ValueError, match="queries holds NaN"):
        weighted_coresets.squares_cost(x, np.full((1, 3), np.inf))


def test_other_bad_input_is_named():
    with pytest.raises(ValueError, match="clusters is 0"):
        weighted_coresets.kmeans_coreset(blobs(50), 0, 5)
    with pytest.raises(ValueError, match="stream is empty"):
        weighted_coresets.merge_and_reduce([], weighted_coresets.exact_mean)
    for function in EXACT.values():
        with pytest.raises(ValueError, match="NaN"):
            function(np.full((30, 2), np.nan))
