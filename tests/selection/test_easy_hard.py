"""Easy or hard against recomputed values, limits that are known exactly, brute force and simulation."""

import math

import numpy as np
import pytest
from scipy import integrate, optimize, special

from labutils.selection.easy_hard import (
    crossover,
    exchange_rate,
    fraction_needed,
    frontier,
    simulate,
    test_error,
)

# kept per parameter, fraction, prefer, probe angle, error: an independent solution of the published saddle point
PAIRS = [
    (1, 1, "random", 0, 0.2657),
    (3, 1, "random", 0, 0.1428),
    (3, 0.4, "hard", 0, 0.0667),
    (3, 0.2, "hard", 0, 0.0347),
    (0.5, 0.5, "hard", 0, 0.4057),
    (0.5, 0.5, "easy", 0, 0.2502),
    (2, 0.5, "easy", 0, 0.1173),
    (3, 0.4, "hard", 10, 0.0733),
    (3, 0.2, "hard", 20, 0.2610),
    (2, 0.5, "hard", 40, 0.2170),
]
EASY_OR_HARD = [("hard", 0), ("easy", 0), ("hard", 15), ("easy", 15), ("hard", 90), ("easy", 90)]


@pytest.mark.parametrize(("kept", "fraction", "prefer", "angle", "error"), PAIRS)
def test_ten_cases(kept, fraction, prefer, angle, error):
    assert test_error(kept / fraction, fraction, prefer=prefer, probe_angle=angle) == pytest.approx(
        error, abs=6e-5
    )


@pytest.mark.parametrize(
    ("fraction", "prefer", "errors"),
    [
        (1, "random", [0.2657, 0.1885, 0.1137, 0.0609, 0.0311]),
        (0.8, "hard", [0.3028, 0.1984, 0.1138, 0.0609, 0.0311]),
        (0.4, "hard", [0.4360, 0.3826, 0.2053, 0.0620, 0.0311]),
        (0.2, "hard", [0.4800, 0.4679, 0.4386, 0.2794, 0.0320]),
        (0.5, "easy", [0.2502, 0.1818, 0.1173, 0.0679, 0.0366]),
    ],
)
def test_tabulated_errors(fraction, prefer, errors):
    np.testing.assert_allclose(test_error([1, 2, 4, 8, 16], fraction, prefer=prefer), errors, atol=6e-5)


def _brute_error(kept, fraction, easy, angle):
    """The defining optimisation by general tools: the largest margin on the unit sphere, integrals by midpoints."""
    theta = math.radians(angle)
    edge = -special.ndtri(fraction / 2) if easy else special.ndtri((1 + fraction) / 2)
    side = edge + 0.04 * (np.arange(100) + 0.5) if easy else edge * (np.arange(25) + 0.5) / 25
    z, t = np.meshgrid(np.r_[-side, side], 0.04 * (np.arange(-150, 150) + 0.5))
    mine = z * math.cos(theta) + t * math.sin(theta) > 0
    z, t = z[mine], t[mine]
    weight = np.exp(-(z**2 + t**2) / 2)
    weight /= weight.sum()

    def excess(p, q, kappa):
        r = math.sqrt(1 - p * p - q * q)
        a = kappa - p * z - q * t
        below, density = special.ndtr(a / r), np.exp(-((a / r) ** 2) / 2) / math.sqrt(2 * math.pi)
        return kept * (weight * ((a * a + r * r) * below + a * r * density)).sum() - r * r

    def margin(v):
        p, q = v
        if p * p + q * q > 0.9999:
            return 10.0
        return -optimize.brentq(lambda kappa: excess(p, q, kappa), -12, 12, xtol=1e-9)

    start = 0.7 * np.array([math.cos(theta), math.sin(theta)])
    p, q = optimize.minimize(margin, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-7}).x
    return math.acos(p * math.cos(theta) + q * math.sin(theta)) / math.pi


@pytest.mark.parametrize(
    ("kept", "fraction", "prefer", "angle"), [(1.5, 0.6, "hard", 35), (0.8, 0.5, "easy", 35)]
)
def test_brute_force_on_a_grid_gives_the_same(kept, fraction, prefer, angle):
    brute = _brute_error(kept, fraction, prefer == "easy", angle)
    assert test_error(kept / fraction, fraction, prefer=prefer, probe_angle=angle) == pytest.approx(
        brute, rel=6e-3
    )


@pytest.mark.parametrize(("prefer", "angle"), EASY_OR_HARD)
def test_keeping_all_is_random(prefer, angle):
    alpha = [0.3, 2, 20]
    both = test_error(alpha, 1.0, prefer=prefer, probe_angle=angle), test_error(alpha, 1.0, prefer="random")
    np.testing.assert_allclose(*both, rtol=1e-9)
    nearly = test_error(alpha, 0.999999, prefer=prefer, probe_angle=angle)  # the other integral
    np.testing.assert_allclose(nearly, both[1], rtol=2e-4)


def test_random_depends_on_what_is_kept_only():
    assert test_error(4, 0.25, prefer="random") == pytest.approx(test_error(1, 1.0), rel=1e-9)


@pytest.mark.parametrize("prefer", ["hard", "easy"])
def test_a_small_probe_angle_is_the_limit_of_none(prefer):
    exact = test_error([1, 5, 25], 0.4, prefer=prefer)
    nearly = test_error([1, 5, 25], 0.4, prefer=prefer, probe_angle=0.02)
    np.testing.assert_allclose(nearly, exact, rtol=1e-4)


def test_error_times_alpha_ends_at_a_half():
    alpha = np.array([5, 20, 80])
    np.testing.assert_allclose(alpha * test_error(alpha, 1.0), [0.469, 0.498, 0.500], atol=6e-4)


def test_few_examples_leave_a_guess_known_in_closed_form():
    # P << n: the student is the sum of y x, along the teacher sqrt(alpha) E|T x| long for unit noise
    alpha = 1e-5
    expected = math.atan2(1, math.sqrt(alpha) * math.sqrt(2 / math.pi)) / math.pi
    assert test_error(alpha, 1.0) == pytest.approx(expected, abs=1e-6)
    edge = -special.ndtri(0.25)
    mean = integrate.quad(lambda z: z * math.exp(-z * z / 2) * math.sqrt(2 / math.pi) / 0.5, edge, 20)[0]
    expected = math.atan2(1, math.sqrt(alpha) * mean) / math.pi
    assert test_error(2 * alpha, 0.5, prefer="easy") == pytest.approx(expected, abs=1e-6)


def test_shapes_and_order_do_not_matter():
    alpha, fraction = np.array([[8.0], [1.0]]), np.array([0.2, 0.5, 0.9])
    found = test_error(alpha, fraction, probe_angle=25)
    assert found.shape == (2, 3)
    alone = [[test_error(a, f, probe_angle=25) for f in fraction] for a in alpha.ravel()]
    np.testing.assert_allclose(found, alone, rtol=1e-8)


def test_every_corner_has_an_error_between_right_and_guessing():
    for prefer, angle in EASY_OR_HARD:
        for fraction in (0.99, 0.5, 0.01):
            found = test_error(
                np.geomspace(0.01, 1000, 7) / fraction, fraction, prefer=prefer, probe_angle=angle
            )
            assert (np.diff(found) < 0).all()
            assert (found > 0).all()
            assert (found < 0.5).all()


def test_crossovers_with_easy():
    found = [crossover(fraction) for fraction in (0.8, 0.5, 0.2)]
    np.testing.assert_allclose(found, [9.67, 5.05, 10.34], atol=6e-3)
    assert test_error(5.0, 0.5) > test_error(5.0, 0.5, prefer="easy")
    assert test_error(5.1, 0.5) < test_error(5.1, 0.5, prefer="easy")


def test_hard_beats_random_above_covers_capacity():
    fraction = np.array([0.8, 0.5, 0.2, 0.1, 0.05, 0.02, 0.002])
    kept = fraction * [crossover(f, against="random") for f in fraction]
    np.testing.assert_allclose(kept[:6], [1.12, 1.45, 1.76, 1.87, 1.93, 1.97], atol=6e-3)
    assert kept[-1] == pytest.approx(2, abs=5e-3)


@pytest.mark.parametrize("prefer", ["hard", "easy"])
def test_a_probe_at_right_angles_to_the_teacher_is_a_random_draw(prefer):
    errors = test_error([1, 30], 0.2, prefer=prefer, probe_angle=90)
    np.testing.assert_allclose(errors, test_error([1, 30], 0.2, prefer="random"), rtol=1e-9)
    assert crossover(0.2, against="random", probe_angle=90) == math.inf


@pytest.mark.parametrize(
    ("alpha", "share", "needed"),
    [
        (4, 0.95, (0.45, 0.65, 0.18)),
        (8, 0.95, (0.25, 0.53, 0.16)),
        (16, 0.95, (0.125, 0.38, 0.11)),
        (8, 0.99, (0.31, 0.86, 0.45)),
    ],
)
def test_fraction_needed(alpha, share, needed):
    found = [fraction_needed(alpha, share, prefer=prefer) for prefer in ("hard", "random", "easy")]
    np.testing.assert_allclose(found, needed, atol=6e-3)
    for prefer, fraction in zip(("hard", "random", "easy"), found):
        reached = 1 - test_error(alpha, fraction, prefer=prefer)
        assert reached == pytest.approx(share * (1 - test_error(alpha, 1.0)), rel=1e-5)


@pytest.mark.parametrize("angle", [0, 20])
def test_frontier_is_the_best_of_a_fine_grid(angle):
    kept = np.array([1.5, 6.0])
    fraction, error = frontier(kept, probe_angle=angle, smallest=0.05)
    grid = np.geomspace(0.05, 1, 25)
    best = np.array([test_error(k / grid, grid, probe_angle=angle).min() for k in kept])
    assert ((fraction >= 0.05) & (fraction <= 1)).all()
    assert (error <= best * (1 + 1e-3)).all()


@pytest.mark.parametrize(("kept", "fraction", "prefer", "angle"), [PAIRS[i][:4] for i in (0, 4, 6, 8)])
def test_simulation_agrees(kept, fraction, prefer, angle):
    found = simulate(
        kept / fraction, fraction, prefer=prefer, probe_angle=angle, n_weights=100, n_seeds=20, seed=1
    )
    reach = 4 * found.std(ddof=1) / math.sqrt(20)
    error = test_error(kept / fraction, fraction, prefer=prefer, probe_angle=angle)
    assert reach < 0.2 * error
    assert found.mean() == pytest.approx(error, abs=reach)


@pytest.mark.parametrize(
    ("alpha", "fraction", "prefer", "angle"),
    [(4, 0.5, "hard", 20), (16, 0.5, "easy", 40), (3, 0.5, "random", 30)],
)
def test_simulation_agrees_where_the_labeller_is_off(alpha, fraction, prefer, angle):
    options = {"prefer": prefer, "probe_angle": angle, "judge": "probe"}
    found = simulate(alpha, fraction, n_weights=100, n_seeds=20, seed=2, **options)
    reach = 4 * found.std(ddof=1) / math.sqrt(20)
    assert found.mean() == pytest.approx(test_error(alpha, fraction, **options), abs=reach)


def test_the_judges_agree_where_the_labeller_is_right_and_random_examples_end_at_its_angle():
    both = [test_error([2, 9], 0.5, prefer="easy", judge=judge) for judge in ("teacher", "probe")]
    np.testing.assert_array_equal(*both)
    assert test_error(1e5, 1.0, probe_angle=18, judge="probe") == pytest.approx(0.1, abs=1e-5)
    overlap = math.cos(math.pi * test_error(3.0, 1.0)) * math.cos(
        math.radians(30)
    )  # nothing else is on its side
    assert test_error(3.0, 1.0, probe_angle=30, judge="probe") == pytest.approx(math.acos(overlap) / math.pi)


def test_exchange_rate():
    assert exchange_rate(3, 1.0) == pytest.approx(1, rel=1e-5)
    rate = exchange_rate(4, 0.5, prefer="easy")
    assert test_error(rate * 2, 1.0) == pytest.approx(test_error(4, 0.5, prefer="easy"), rel=1e-5)
    assert exchange_rate(50, 0.2) == pytest.approx(
        5, rel=2e-3
    )  # the hardest fifth teaches what all would have
    assert exchange_rate(8, 0.1) < 0.2  # 0.8 per parameter, learned by heart
    assert exchange_rate(100, 0.5, prefer="easy", probe_angle=5, judge="probe") == math.inf


def test_simulation_is_repeatable_and_leaves_the_global_generator_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, other = (simulate(2, 0.5, n_weights=20, n_seeds=3, seed=seed) for seed in (5, 6))
    assert np.array_equal(first, simulate(2, 0.5, n_weights=20, n_seeds=3, seed=5))
    assert not np.array_equal(first, other)
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: test_error(1, 0.5, prefer="hrad"), "Did you mean 'hard'"),
        (lambda: test_error(-1, 0.5), "alpha holds -1"),
        (lambda: test_error([1, math.nan], 0.5), "alpha holds nan"),
        (lambda: test_error(1, 0), "fraction holds 0"),
        (lambda: test_error(1, [0.5, 1.5]), "fraction holds 1.5"),
        (lambda: test_error(1, 0.5, probe_angle=91), "probe_angle is 91"),
        (lambda: test_error(1, 0.5, judge="labels"), "judge is 'labels'"),
        (lambda: exchange_rate(0, 0.5), "alpha holds 0"),
        (lambda: crossover(1), "fraction is 1"),
        (lambda: crossover(0.5, against="hard"), "against is 'hard'"),
        (lambda: fraction_needed(4, 1.2), "share is 1.2"),
        (lambda: frontier([0.0]), "kept holds 0"),
        (lambda: simulate(0.01, 0.5, n_weights=20), "leave no example"),
        (lambda: simulate(1, 0.5, n_weights=1), "n_weights is 1"),
        (lambda: simulate(1, 0.5, n_seeds=0), "n_seeds is 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_both_judges_at_once_are_the_two_one_by_one():
    alpha, fraction = np.array([2.0, 8.0, 30.0]), np.array([[0.3], [0.8]])
    for prefer in ("hard", "easy"):
        both = test_error(alpha, fraction, prefer=prefer, probe_angle=15, judge="both")
        each = [
            test_error(alpha, fraction, prefer=prefer, probe_angle=15, judge=j) for j in ("teacher", "probe")
        ]
        assert both.shape == (2, 2, 3) and np.array_equal(both, each)
