"""Coresets: every fast path equals its textbook loop, the guarantees hold against brute force, errors name the cause."""

import itertools
import tracemalloc

import numpy as np
import pytest

from labutils import rows
from labutils.selection import coresets, facility_location

SELECTORS = {
    "k_center": coresets.k_center,
    "herding": coresets.herding,
    "graph_cut": coresets.graph_cut,
    "cosine": coresets.facility_location,
    "distance": lambda x, size: coresets.facility_location(x, size, similarity="distance"),
}


def data(kind, seed, n=300):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 5)) + 2 * rng.standard_normal((6, 5))[rng.integers(6, size=n)]
    if kind == "duplicates":  # whole numbers: exact ties, and each row several times
        x = np.round(x[rng.integers(n // 4, size=n)])
    return np.ones((n, 5)) if kind == "one point" else x


def similarities(x, kind="cosine"):
    """All pairs, from the definition."""
    if kind == "distance":
        reach = 2 * np.linalg.norm(x - x.mean(axis=0), axis=1).max()
        return reach - np.sqrt(((x[:, None] - x) ** 2).sum(axis=2))
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    u = np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)
    return (1 + u @ u.T) / 2


def covered(s, chosen):
    return s[:, list(chosen)].max(axis=1).sum()


def cut(s, chosen, representation=2):
    chosen = list(chosen)
    return representation * s[:, chosen].sum() - s[np.ix_(chosen, chosen)].sum()


def radius(x, chosen):
    return np.sqrt(((x[:, None] - x[list(chosen)]) ** 2).sum(axis=2).min(axis=1).max())


def first_best(values, chosen, tie):
    values = values.copy()
    values[chosen] = -np.inf
    return int((values >= values.max() - tie).argmax())


def plain(name, x, size, start=None):
    """The textbook loops, with all pairs in memory; equal values go to the lowest row."""
    chosen, n = [], len(x)
    s = (
        None
        if name == "herding"
        else similarities(x, "distance" if name in ("k_center", "distance") else "cosine")
    )
    if name == "k_center":
        squares = ((x[:, None] - x) ** 2).sum(axis=2)
        chosen.append(int(start))
    scale = None
    while len(chosen) < size:
        if name == "k_center":
            values = squares[:, chosen].min(axis=1)
            scale = scale or squares[start].max()
        elif name == "herding":
            y = x - x.mean(axis=0)
            values = -((y[chosen].sum(axis=0) + y) ** 2).sum(axis=1)
            scale = scale or (y * y).sum(axis=1).max()
        elif name == "graph_cut":
            values = 2 * s.sum(axis=1) - np.diag(s) - 2 * s[:, chosen].sum(axis=1)
            scale = scale or values.max()
        else:
            best = s[:, chosen].max(axis=1, initial=0)
            values = np.maximum(s - best[:, None], 0).sum(axis=0)
            scale = scale or values.max()
        chosen.append(first_best(values, chosen, 1e-12 * scale))
    assert len(set(chosen)) == size <= n
    return chosen


@pytest.fixture(params=["as shipped", "small pools", "early lists", "no store"])
def path(request, monkeypatch):
    """The same functions with limits at which small data take the ways that large data take."""
    if request.param == "small pools":
        monkeypatch.setattr(coresets, "POOL", 7)
        monkeypatch.setattr(coresets, "WIDE", 20)
        monkeypatch.setattr(rows, "BLOCK", 640)
    if request.param in ("early lists", "no store"):
        monkeypatch.setattr(facility_location, "STORED", 0)
    if request.param == "early lists":
        monkeypatch.setattr(facility_location, "SHARE", 0.6)


# --- fast is plain -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["clusters", "duplicates"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SELECTORS)
def test_every_choice_is_the_textbook_loops(name, seed, kind, path):
    x = data(kind, seed)
    for size in (1, 60):
        chosen = SELECTORS[name](x, size)
        assert chosen.tolist() == plain(name, x, size, chosen[0])


@pytest.mark.parametrize("kind", ["clusters", "duplicates", "one point"])
@pytest.mark.parametrize("name", SELECTORS)
def test_all_rows_can_be_chosen_each_once(name, kind, path):
    x = data(kind, 0, n=60)
    assert sorted(SELECTORS[name](x, 60)) == list(range(60))


@pytest.mark.parametrize("name", SELECTORS)
def test_the_unit_and_the_number_type_do_not_matter(name):
    x = data("clusters", 1).astype(np.float32)
    expected = SELECTORS[name](x.astype(float), 40)
    np.testing.assert_array_equal(SELECTORS[name](x, 40), expected)
    np.testing.assert_array_equal(SELECTORS[name](x.astype(float) * 2.0**70, 40), expected)


def test_a_far_off_mean_costs_k_center_no_digits():
    x = data("clusters", 0)
    np.testing.assert_array_equal(coresets.k_center(x + 1e7, 60), coresets.k_center(x, 60))


def test_herding_decides_in_64_bits_what_32_leave_open():
    x = 1e4 + 1e-3 * data("clusters", 0, n=2000)
    assert coresets.herding(x, 50).tolist() == plain("herding", x, 50)


@pytest.mark.parametrize("similarity", coresets.SIMILARITIES)
def test_32_bit_products_cost_no_similarity(similarity, monkeypatch):
    x = data("clusters", 3, n=800)
    s = similarities(x, similarity)
    monkeypatch.setattr(facility_location, "SINGLE", 10)
    monkeypatch.setattr(facility_location, "STORED", 0)
    chosen = coresets.facility_location(x, 90, similarity=similarity)
    assert covered(s, chosen) == pytest.approx(covered(s, plain(similarity, x, 90)), rel=1e-5)


def test_a_sample_of_the_rows_covers_nearly_as_well():
    x = data("clusters", 0, n=3000)
    s = similarities(x)
    everything = coresets.facility_location(x, 20)
    np.testing.assert_array_equal(coresets.facility_location(x, 20, sample=3000), everything)
    sampled = coresets.facility_location(x, 20, sample=600, seed=1)
    assert covered(s, sampled) > 0.995 * covered(s, everything)


def test_memory_grows_as_the_rows_not_as_the_pairs():
    x = np.random.default_rng(0).standard_normal((12_000, 16)).astype(np.float32)
    for select, limit in ((coresets.k_center, 30e6), (coresets.graph_cut, 10e6), (coresets.herding, 5e6)):
        tracemalloc.start()
        select(x, 100)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < limit < 12_000**2  # bytes: less than one for each pair


# --- guarantees ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(8))
def test_k_center_is_within_twice_the_best_radius(seed):
    x = data("clusters", seed, n=14)
    best = min(radius(x, c) for c in itertools.combinations(range(14), 3))
    assert best <= radius(x, coresets.k_center(x, 3, seed=seed)) <= 2 * best
    assert len({int(coresets.k_center(x, 1, seed=s)[0]) for s in range(20)}) > 1  # the seed draws the first


@pytest.mark.parametrize("name", ["cosine", "distance", "graph_cut"])
@pytest.mark.parametrize("seed", range(5))
def test_greedy_reaches_its_share_of_the_best(name, seed):
    x = data("clusters", seed, n=14)
    s, value = similarities(x, name), cut if name == "graph_cut" else covered
    if name != "distance":
        s = similarities(x)
    best = max(value(s, c) for c in itertools.combinations(range(14), 4))
    greedy = value(s, SELECTORS[name](x, 4))
    assert (1 - 1 / np.e) * best <= greedy <= best * (1 + 1e-12)


def test_graph_cut_spreads_out_as_representation_falls():
    x = data("clusters", 0)
    s = similarities(x)
    crowded, spread = (coresets.graph_cut(x, 10, representation=c) for c in (50, 0.0))
    inner = [s[np.ix_(c, c)].sum() for c in (crowded, spread)]
    assert inner[1] < inner[0]


def test_herding_falls_as_one_over_m_and_random_as_its_root():
    x = np.random.default_rng(0).standard_normal((20_000, 4))
    windows = 2 ** np.arange(3, 11)
    order = coresets.herding(x, 2 * windows[-1], repeat=True)
    random = np.random.default_rng(1).integers(len(x), size=(100, 2 * windows[-1]))
    slopes = []
    for drawn in (order[None], random):
        m = np.arange(1, drawn.shape[1] + 1)
        errors = np.linalg.norm((x[drawn] - x.mean(axis=0)).cumsum(axis=1), axis=2) / m
        errors = [np.sqrt((errors[:, w : 2 * w] ** 2).mean()) for w in windows]
        slopes.append(np.polyfit(np.log(windows), np.log(errors), 1)[0])
    assert slopes == pytest.approx([-1, -0.5], abs=0.05)
    once = x[coresets.herding(x, 2000)] - x.mean(axis=0)  # as rows run out the fall slows, below the bound
    assert np.linalg.norm(once.cumsum(axis=0), axis=1).max() < np.linalg.norm(x, axis=1).max()


# --- CRAIG ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(4))
def test_craig_weights_count_the_nearest_in_each_class(seed):
    g = data("clusters", seed)
    labels = np.array([3, 3, 3, 0, 0, 7])[np.random.default_rng(seed).integers(6, size=len(g))]
    core = coresets.craig(g, 40, labels=labels)
    assert len(set(core.indices)) == 40
    assert core.weights.sum() == len(g)
    for c in (0, 3, 7):
        rows, own = np.flatnonzero(labels == c), np.flatnonzero(labels[core.indices] == c)
        assert len(own) == pytest.approx(40 * len(rows) / len(g), abs=1)
        assert core.indices[own].tolist() == rows[plain("distance", g[rows], len(own))].tolist()
        gaps = np.linalg.norm(g[rows][:, None] - g[core.indices[own]], axis=2)
        assert core.weights[own].tolist() == np.bincount(gaps.argmin(axis=1), minlength=len(own)).tolist()


def test_craig_matches_the_gradient_within_its_bound_and_better_than_chance():
    g, rng = data("clusters", 0), np.random.default_rng(0)
    core = coresets.craig(g, 30)

    def nearest(chosen):
        gaps = np.linalg.norm(g[:, None] - g[chosen], axis=2)
        weights = np.bincount(gaps.argmin(axis=1), minlength=len(chosen))
        return np.linalg.norm(g.sum(axis=0) - weights @ g[chosen]), gaps.min(axis=1).sum()

    error, bound = nearest(core.indices)
    assert np.linalg.norm(g.sum(axis=0) - core.weights @ g[core.indices]) == pytest.approx(error)
    assert error <= bound
    assert bound < min(nearest(rng.choice(len(g), 30, replace=False))[1] for _ in range(50))


def test_craig_without_labels_is_facility_location_on_distances():
    g = data("clusters", 2)
    np.testing.assert_array_equal(coresets.craig(g, 25).indices, SELECTORS["distance"](g, 25))


def test_small_classes_keep_a_place():
    labels = np.array([0] * 295 + [1] * 3 + [2] * 2)
    core = coresets.craig(data("clusters", 0), 12, labels=labels)
    assert np.bincount(labels[core.indices]).tolist() == [10, 1, 1]
    assert np.bincount(labels[core.indices], core.weights).tolist() == [295, 3, 2]
    everything = coresets.craig(data("clusters", 0), 300, labels=labels)
    assert everything.weights.tolist() == [1] * 300


# --- bad input -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("select", [*SELECTORS.values(), coresets.craig])
def test_bad_rows_and_sizes_are_named(select):
    x = data("clusters", 0, n=20)
    for size in (0, 21, 2.0, True):
        with pytest.raises(ValueError, match=f"size is {size!r}; allowed: a whole number from 1 to 20"):
            select(x, size)
    for bad in (np.nan, np.inf, -np.inf):
        spoiled = x.copy()
        spoiled[4, 1] = bad
        with pytest.raises(ValueError, match="NaN or infinity in row 4"):
            select(spoiled, 3)
    for shape in ((20,), (0, 3), (20, 0)):
        with pytest.raises(ValueError, match="has shape"):
            select(np.zeros(shape), 1)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(20, int), "holds the class 0 only"),
        (np.arange(20) - 1, "labels holds -1; allowed: whole numbers from 0"),
        (np.arange(20) / 2, "labels is float64"),
        (np.arange(19), r"of shape \(19,\)"),
        (np.arange(20), "size is 5; allowed: at least one for each of the 20 classes"),
    ],
)
def test_bad_labels_are_named(labels, message):
    with pytest.raises(ValueError, match=message):
        coresets.craig(data("clusters", 0, n=20), 5, labels=labels)


def test_bad_options_are_named():
    x = data("clusters", 0, n=20)
    with pytest.raises(ValueError, match="Did you mean 'cosine'"):
        coresets.facility_location(x, 3, similarity="cosin")
    with pytest.raises(ValueError, match="sample is 21"):
        coresets.facility_location(x, 3, sample=21)
    with pytest.raises(ValueError, match="representation is -1"):
        coresets.graph_cut(x, 3, representation=-1)


def test_the_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    coresets.k_center(data("clusters", 0), 3, seed=1)
    coresets.facility_location(data("clusters", 0), 3, sample=50, seed=1)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_kmeans_medoids_are_rows_of_every_cluster_nearest_to_its_mean():
    rng = np.random.default_rng(3)
    centres = 50 * rng.standard_normal((6, 3))
    x = np.repeat(centres, 20, axis=0) + rng.standard_normal((120, 3))
    chosen = coresets.kmeans_medoids(x, 6, seed=1)
    assert sorted(chosen // 20) == list(range(6))
    for row in chosen:
        cluster = x[row // 20 * 20 : row // 20 * 20 + 20]
        assert row % 20 == np.linalg.norm(cluster - cluster.mean(axis=0), axis=1).argmin()


def test_kmeans_medoids_of_few_different_rows_are_still_as_many_as_asked():
    x = np.repeat(np.eye(3), 4, axis=0)
    chosen = coresets.kmeans_medoids(x, 7)
    assert len(set(chosen)) == 7
    assert len(np.unique(x[chosen], axis=0)) == 3
    with pytest.raises(ValueError, match="size is 13"):
        coresets.kmeans_medoids(x, 13)
