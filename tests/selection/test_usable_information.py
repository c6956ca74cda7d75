import numpy as np
import pytest
from sklearn.metrics import log_loss

from labutils.networks import ridge
from labutils.selection import pruning
from labutils.selection import usable_information as usable


def clouds(n=600, apart=2.0, seed=0, d=4):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    return rng.normal(size=(n, d)) + apart * np.eye(3, d)[y], y


def bits_of_labels(x: np.ndarray, *, noise: float) -> float:
    """What the labels of rows x (N, d) tell of the weights of a linear model, in bits, as in `information_gain`."""
    x = np.asarray(x, float)
    small = x @ x.T if len(x) < x.shape[1] else x.T @ x
    return float(np.linalg.slogdet(np.eye(len(small)) + small / noise)[1] / np.log(4))


def test_bits_are_the_log_loss_without_features_less_that_with_them():
    (x, y), (t, z) = clouds(), clouds(seed=1)
    reader = usable.fit(x, y)
    p = 2 ** reader.log2_probabilities(t)
    without = log_loss(z, np.tile(reader.prior, (len(z), 1)))
    assert reader.bits(t, z).mean() == pytest.approx((without - log_loss(z, p)) / np.log(2))
    assert 0 < reader.bits(t, z).mean() < np.log2(3)


def test_sharpness_is_the_best_of_a_grid_on_left_out_scores():
    x, y = clouds()
    reader, scores = usable.fit(x, y), ridge.fit(x, y).left_out

    def loss(sharpness):
        e = np.exp(sharpness * (scores - scores.max(axis=1, keepdims=True)))
        return log_loss(y, e / e.sum(axis=1, keepdims=True))

    best = min(np.geomspace(1, 50, 200), key=loss)
    assert reader.sharpness == pytest.approx(best, rel=0.02)


def test_one_feature_of_two_equal_clouds_gives_the_bits_of_theory():
    """For y = +-1 and x ~ N(y m, 1) the best logit is linear in x, so that usable is mutual information: by integration."""
    rng, m = np.random.default_rng(0), 1.0
    y = rng.integers(2, size=40_000)
    x = rng.normal((2 * y - 1) * m)[:, None]
    g = np.linspace(-10, 10, 20_001)
    density = np.exp(-((g - m) ** 2) / 2) / np.sqrt(2 * np.pi)
    exact = 1 - (density * np.log2(1 + np.exp(-2 * m * g))).sum() * (g[1] - g[0])
    assert usable.pointwise(x, y).mean() == pytest.approx(exact, abs=0.01)


def test_labels_of_chance_tell_nothing_and_wrong_ones_have_the_fewest_bits():
    x, y = clouds(apart=4)
    rng = np.random.default_rng(1)
    assert usable.pointwise(x, rng.permutation(y)).mean() == pytest.approx(0, abs=0.03)
    noisy, wrong = y.copy(), rng.permutation(len(y))[:30]
    noisy[wrong] = (noisy[wrong] + 1) % 3
    bits = usable.pointwise(x, noisy)
    assert np.isin(np.argsort(bits)[:30], wrong).mean() > 0.9
    assert bits.max() <= np.log2(len(y) / np.bincount(noisy).min())


def test_folds_do_not_rank_rows_of_which_all_is_told():
    """There rows differ by less than shares of classes do from fold to fold: each is at the ceiling of its class."""
    x, y = clouds(apart=12)
    shares = (np.bincount(y) + 0.5) / (len(y) + 1.5)
    assert usable.pointwise(x, y, seed=3) == pytest.approx(-np.log2(shares[y]), abs=1e-6)


def test_turning_point_misplaces_the_fewest():
    rng = np.random.default_rng(0)
    bits = rng.normal(size=200)
    wrong = rng.random(200) < 1 / (1 + np.exp(6 * (bits - 0.4)))
    cut = usable.turning_point(bits, wrong)

    def misplaced(c):
        return (wrong & (bits > c)).sum() + (~wrong & (bits <= c)).sum()

    assert misplaced(cut) == min(misplaced(c) for c in np.linspace(-3, 3, 5000)) and abs(cut - 0.4) < 0.5
    assert usable.turning_point([0, 1, 2, 3], [True, True, False, False]) == 1.5
    assert np.isnan(usable.turning_point([0, 1], [False, False]))


def test_information_gain_is_the_greedy_choice_of_the_log_determinant():
    x, chosen = np.random.default_rng(0).normal(size=(30, 4)), []
    for _ in range(8):
        rest = [i for i in range(30) if i not in chosen]
        chosen.append(max(rest, key=lambda i: bits_of_labels(x[[*chosen, i]], noise=0.5)))
    assert usable.information_gain(x, 8, noise=0.5).tolist() == chosen
    one = bits_of_labels(x[:1], noise=0.5)
    assert one == pytest.approx(np.log2(1 + x[0] @ x[0] / 0.5) / 2)
    assert bits_of_labels(x[[0, 0]], noise=0.5) < 2 * one  # a copy tells less than the first
    assert sorted(usable.information_gain(x, 30, noise=1.0)) == list(range(30))


def test_gain_score_keeps_the_greedy_rows_of_every_class():
    x, y = clouds(n=90, d=3)
    score = usable.gain_score(x, y, n_axes=3)
    rows = pruning.select(score, 0.2, prefer="hard", labels=y)
    assert np.bincount(y[rows]) == pytest.approx(np.bincount(y) / 5, abs=1)
    noise, own = ridge.fit(x, y).penalty, np.flatnonzero(y == 1)
    want = own[usable.information_gain(x[own] - x.mean(axis=0), (y[rows] == 1).sum(), noise=noise)]
    assert set(rows[y[rows] == 1]) == set(want)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: usable.pointwise(np.ones((4, 1)), np.arange(4) % 2, folds=5), "folds is 5"),
        (lambda: usable.information_gain(np.ones((4, 1)), 5, noise=1), "k is 5"),
        (lambda: usable.information_gain(np.ones((4, 1)), 2, noise=0), "noise holds 0"),
        (lambda: usable.fit(np.full((4, 1), np.nan), np.arange(4) % 2), "x holds NaN"),
    ],
)
def test_says_what_is_wrong(call, says):
    with pytest.raises(ValueError, match=says):
        call()
