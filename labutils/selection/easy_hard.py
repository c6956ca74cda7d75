"""Easy or hard: the test error of a perceptron trained on the hardest, the easiest or random examples, exactly.

A teacher, a fixed direction T among n, labels standard normal inputs by the sign of T x. A probe, a direction at
some angle to T, ranks them by their distance from its own boundary; a part is kept, and the perceptron with the
largest margin on that part is the student (Sorscher et al. 2022, 2206.14486). Theory is for n -> infinity.
"""

import itertools
import math

import numpy as np
from scipy import optimize, special

from labutils.checks import check_at_least, check_choice, check_positive
from labutils.networks.max_margin import max_margin

PREFER = ("hard", "easy", "random")
JUDGES = ("teacher", "probe")
FAR = 8.5  # standard deviations beyond which a normal variable is left out of the integrals: 1e-17 of it
NODES = 40, 32  # of Gauss-Legendre in one and two dimensions: both resolve ten digits of the error
RULE = tuple(np.polynomial.legendre.leggauss(n) for n in NODES)


# --- Theory --------------------------------------------------------------------------------------------------
def test_error(
    alpha: float | np.ndarray,
    fraction: float | np.ndarray,
    *,
    prefer: str = "hard",
    probe_angle: float = 0.0,
    judge: str = "teacher",
) -> float | np.ndarray:
    """The share of new examples that the student gets wrong, 0 to 1, for a large number of parameters.

    `alpha`: examples per parameter before pruning; `fraction`: the share of them kept; numbers or arrays, broadcast
    against each other, and the result has their shape. `prefer` is hard (nearest to the probe's boundary), easy
    (farthest) or random, `probe_angle` the angle in degrees (0 to 90) between probe and teacher. With `judge` probe the
    truth of a new example is the probe's: the teacher is a labeller that is off by the angle (label quality: Dohmatob,
    Pezeshki and Askari-Hemmat 2026, 2511.03492, with another student). With both the result has these two in front.
    Equivalent to the saddle point of Sorscher et al. 2022, appendix A. Raises ValueError naming the argument.
    """
    check_choice("judge", judge, (*JUDGES, "both"))
    alpha, fraction = _checked(alpha, fraction, prefer, probe_angle)
    all_of, judges = np.broadcast(alpha, fraction), JUDGES if judge == "both" else (judge,)
    found, start, last = np.empty((len(judges), all_of.size)), None, None
    for i, (a, f) in enumerate(all_of):
        a, f = (a * f, 1.0) if prefer == "random" else (a, f)
        start = start if f == last else None  # neighbours in alpha lead to each other
        start, last = _solve(a * f, f, prefer == "easy", math.radians(probe_angle), start), f
        found[:, i] = [_angle(start[0], math.radians(probe_angle), each) for each in judges]
    found = found.reshape((2, *all_of.shape) if judge == "both" else all_of.shape)
    return found if found.ndim else float(found)


test_error.__test__ = False  # a formula, not a test to be collected


def _checked(alpha, fraction, prefer, probe_angle):
    check_choice("prefer", prefer, PREFER)
    alpha, fraction = check_positive(alpha=alpha, fraction=fraction)
    if fraction.size and fraction.max() > 1:
        raise ValueError(f"fraction holds {fraction.max():g}; allowed: shares above 0 and up to 1")
    if not 0 <= probe_angle <= 90:
        raise ValueError(f"probe_angle is {probe_angle!r}; allowed: 0 to 90 degrees")
    return alpha, fraction


def _angle(v, angle, judge):
    """The student's angle to the judge, over pi, from its overlaps v with the plane: see `_solve`."""
    teacher = np.array([math.cos(angle), math.sin(angle)])
    v = v if len(v) == 2 else v * teacher
    along = v[0] if judge == "probe" else v @ teacher
    return math.atan2(math.sqrt(1 + max(0.0, v @ v - along**2)), along) / math.pi


def _solve(alpha, fraction, easy, angle, start):
    """The student's overlaps v, and its margin, on alpha = kept examples per parameter: from which to go on.

    With the student's part outside the plane of teacher and probe scaled to length 1, its overlaps with the
    plane are v and its margin is k(v), the root of alpha E (k - v x - g)_+^2 = 1 (Gordon's inequality); k is
    concave, and the student maximises k / sqrt(1 + v^2): by Newton's method, in one or two unknowns.
    """
    flat = angle == 0 or fraction == 1  # then all that matters lies along the teacher
    teacher = np.ones(1) if flat else np.array([math.cos(angle), math.sin(angle)])
    v, k = (max(1.0, alpha) * teacher, None) if start is None else start
    while (here := _margin(v, k, alpha, fraction, easy, teacher))[0] <= 0:
        v = v + np.linalg.norm(v) * teacher  # far enough along the teacher every margin is positive
    for _ in range(200):
        k, slope, bend = here
        gradient = slope / k - v / (1 + v @ v)
        hessian = bend / k - np.outer(slope, slope) / k**2
        hessian += 2 * np.outer(v, v) / (1 + v @ v) ** 2 - np.eye(len(v)) / (1 + v @ v)
        values, axes = np.linalg.eigh(hessian)
        step = axes @ ((axes.T @ gradient) / np.abs(values))
        size = math.sqrt(1 + v @ v)
        step = step * min(1, size / 2 / np.linalg.norm(step)) if step.any() else step
        value, tiny = _gain(v, k), np.linalg.norm(step) < 1e-6 * size
        while True:
            there = _margin(v + step, k, alpha, fraction, easy, teacher)
            if tiny or _gain(v + step, there[0]) >= value + 1e-4 * gradient @ step:
                break
            step = step / 2
        v, here = v + step, there
        if tiny:
            break
    else:
        raise RuntimeError(f"no student found for {alpha:g} kept, fraction {fraction:g}: please report it")
    return v, here[0]


def _gain(v, k):
    return math.log(k) - math.log1p(v @ v) / 2 if k > 0 else -math.inf


def _margin(v, k, alpha, fraction, easy, teacher):
    """k(v), its gradient and its Hessian; `k` is a guess or None."""
    k = 1 / math.sqrt(alpha) + 4 * np.linalg.norm(v) if k is None else k
    for _ in range(100):
        weights, x = _kept(v, k, fraction, easy, teacher)
        a = k - x @ v
        below, density = special.ndtr(a), np.exp(-a * a / 2) / math.sqrt(2 * math.pi)
        second, first = weights @ ((a * a + 1) * below + a * density), 2 * weights * (a * below + density)
        if not alpha * second > 1e-10:  # the guess was too low to see anything
            k += 4 + abs(k)
            continue
        change = 2 * (second - math.sqrt(second / alpha)) / first.sum()  # Newton for sqrt(alpha E) = 1
        k -= change
        if abs(change) < 1e-11 * (1 + abs(k)):
            break
    else:
        raise RuntimeError(f"no margin found for {alpha:g} kept, fraction {fraction:g}: please report it")
    slope = first @ x / first.sum()
    off = slope - x
    return k, slope, -2 * (off * (weights * below)[:, None]).T @ off / first.sum()


def _kept(v, k, fraction, easy, teacher):
    """Nodes (M, 1 or 2) and weights (M,) for the kept examples of one class, where their margin v x < k + FAR.

    Axis 0 is the probe's, axis 1 at right angles to it towards the teacher.
    """
    edge = -special.ndtri(fraction / 2) if easy else special.ndtri((1 + fraction) / 2)
    ranges = [(edge, FAR + edge)] if easy else [(0.0, min(edge, FAR))]
    node, weight = RULE[0]
    if len(teacher) == 1:
        (low, high), reach = ranges[0], (k + FAR) / v[0] if v[0] > 0 else math.inf
        half = max(0.0, min(high, reach) - low) / 2
        z = low + half * (node + 1)
        return half * weight * np.exp(-z * z / 2) * (math.sqrt(2 / math.pi) / fraction), z[:, None]
    node, weight = RULE[1]
    ranges = [(-FAR - edge, -edge), (edge, FAR + edge)] if easy else [(-min(edge, FAR), min(edge, FAR))]
    cotangent = teacher[0] / teacher[1]
    tilt = v[0] - v[1] * cotangent  # how fast the smallest margin at z grows with z
    reach = [(k + FAR) / tilt if v[1] > 0 and tilt * side > 0 else side * math.inf for side in (-1, 1)]
    reach = max(-FAR / cotangent if cotangent > 0 else -math.inf, reach[0]), reach[1]
    blur = min(FAR / max(cotangent, 1e-300), FAR)  # where both classes occur
    far = (k + FAR * (1 + abs(v[1]))) / v[0] if v[0] > 0 else math.inf
    cuts = [
        np.unique(np.clip([low, 0, blur, far, high], max(low, reach[0]), max(low, min(high, reach[1]))))
        for low, high in ranges
    ]
    ends = np.array([pair for cut in cuts for pair in itertools.pairwise(cut)]).reshape(-1, 2)
    half = (ends[:, 1:] - ends[:, :1]) / 2
    z, wz = (ends[:, :1] + half * (node + 1)).ravel(), (half * weight).ravel()
    low = np.maximum(-FAR, -cotangent * z)
    high = np.minimum((k + FAR - v[0] * z) / v[1], FAR) if v[1] > 0 else np.full(len(z), FAR)
    half = np.maximum(high - low, 0)[:, None] / 2
    t = low[:, None] + half * (node + 1)
    density = np.exp(-(z[:, None] ** 2 + t * t) / 2) / (math.pi * fraction)
    return (wz[:, None] * half * weight * density).ravel(), np.column_stack(
        [np.repeat(z, len(node)), t.ravel()]
    )


# --- What follows from it ------------------------------------------------------------------------------------
def crossover(fraction: float, *, against: str = "easy", probe_angle: float = 0.0) -> float:
    """Examples per parameter, before pruning, above which keeping the hardest share `fraction` errs less.
    Less than keeping the easiest as many, or, with against="random", than a random draw of as many. Infinity
    where that does not happen below 1,000 kept per parameter (a bad probe). Raises ValueError naming the argument.
    """
    check_choice("against", against, ("easy", "random"))
    _checked(1.0, fraction, "hard", probe_angle)
    if fraction == 1:
        raise ValueError("fraction is 1; allowed: shares above 0 and below 1, or there is nothing to choose")

    def lead(log_alpha):
        alpha = math.exp(log_alpha)
        hard = test_error(alpha, fraction, prefer="hard", probe_angle=probe_angle)
        return math.log(hard / test_error(alpha, fraction, prefer=against, probe_angle=probe_angle))

    grid = np.log(np.geomspace(0.05, 1000, 14) / fraction)
    for low, high in itertools.pairwise(grid):
        if lead(high) < -1e-8:  # not a tie
            return math.exp(optimize.brentq(lead, low, high, xtol=1e-6))
    return math.inf


def exchange_rate(
    alpha: float, fraction: float, *, prefer: str = "hard", probe_angle: float = 0.0, judge: str = "teacher"
) -> float:
    """How many random examples each kept one is worth: as many as teach a student the same error, over those kept.
    Infinity where a million random ones per parameter do not. Raises ValueError naming the argument.
    """
    options = {"probe_angle": probe_angle, "judge": judge}
    goal = math.log(test_error(alpha, fraction, prefer=prefer, **options))

    def lead(log_kept):
        return math.log(test_error(math.exp(log_kept), 1.0, **options)) - goal

    if lead(most := math.log(1e6)) > 0:
        return math.inf
    return math.exp(optimize.brentq(lead, -16, most, xtol=1e-6)) / (alpha * fraction)


def fraction_needed(alpha: float, share: float, *, prefer: str = "hard", probe_angle: float = 0.0) -> float:
    """The smallest share of `alpha` examples per parameter that reaches `share` of the accuracy with all of them.

    Raises ValueError naming the argument.
    """
    _checked(alpha, 1.0, prefer, probe_angle)
    if not 0 < share <= 1:
        raise ValueError(f"share is {share!r}; allowed: above 0 and up to 1")
    goal = share * (1 - test_error(alpha, 1.0))

    def spare(log_fraction):
        fraction = min(1.0, math.exp(log_fraction))
        return 1 - test_error(alpha, fraction, prefer=prefer, probe_angle=probe_angle) - goal

    grid = np.log(np.geomspace(1e-3, 1, 14))
    for i, log_fraction in enumerate(grid):
        if spare(log_fraction) >= 0:
            return math.exp(
                optimize.brentq(spare, grid[i - 1], log_fraction, xtol=1e-6) if i else log_fraction
            )
    return 1.0


def frontier(
    kept: float | np.ndarray, *, prefer: str = "hard", probe_angle: float = 0.0, smallest: float = 0.01
) -> tuple[np.ndarray, np.ndarray]:
    """The best share to keep if `kept` examples per parameter are trained on: (fraction, error), each like `kept`.

    They are the hardest (or easiest) share `fraction` of kept / fraction examples, from `smallest` to 1. Sorscher et
    al. 2022 call the errors the Pareto frontier. Raises ValueError naming the argument.
    """
    (kept,) = check_positive(kept=kept)
    _checked(1.0, smallest, prefer, probe_angle)

    def error(log_fraction, size):
        fraction = min(1.0, math.exp(log_fraction))
        return math.log(test_error(size / fraction, fraction, prefer=prefer, probe_angle=probe_angle))

    fraction, grid = np.empty(kept.shape), np.log(np.geomspace(smallest, 1, 13))
    for i, size in enumerate(kept.flat):
        best = int(np.argmin([error(log_fraction, size) for log_fraction in grid]))
        near = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        inner = optimize.minimize_scalar(
            error, bounds=near, args=(size,), method="bounded", options={"xatol": 1e-3}
        )
        fraction.flat[i] = math.exp(inner.x if inner.fun < error(grid[best], size) else grid[best])
    return fraction, test_error(kept / fraction, fraction, prefer=prefer, probe_angle=probe_angle)


# --- Simulation ----------------------------------------------------------------------------------------------
def simulate(
    alpha: float,
    fraction: float,
    *,
    prefer: str = "hard",
    probe_angle: float = 0.0,
    judge: str = "teacher",
    n_weights: int = 200,
    n_seeds: int = 10,
    seed: int = 0,
) -> np.ndarray:
    """Test errors (n_seeds,) of students of `n_weights` parameters, each on round(alpha n_weights) examples of its own.

    Arguments as in `test_error`, numbers only. The error is that on all possible inputs: the angle to the judge
    over pi. Raises ValueError for fewer than one example kept.
    """
    check_choice("judge", judge, JUDGES)
    _checked(alpha, fraction, prefer, probe_angle)
    check_at_least(2, n_weights=n_weights)
    check_at_least(1, n_seeds=n_seeds)
    total = round(alpha * n_weights)
    size = round(fraction * total)
    if size < 1:
        found = f"alpha {alpha:g} and fraction {fraction:g} leave no example of {n_weights} parameters"
        raise ValueError(f"{found}; allowed: 1 or more")
    angle, errors = math.radians(probe_angle), np.empty(n_seeds)
    for i, rng in enumerate(np.random.default_rng(seed).spawn(n_seeds)):
        x = rng.standard_normal((total, n_weights))  # (P, n)
        if prefer != "random":  # the teacher is axis 0, and the draws are in no order
            distance = np.abs(x[:, 0] * math.cos(angle) + x[:, 1] * math.sin(angle))
            x = x[np.argsort(distance if prefer == "hard" else -distance)[:size]]
        w = max_margin(x[:size], np.sign(x[:size, 0]))
        along = w[0] if judge == "teacher" else w[0] * math.cos(angle) + w[1] * math.sin(angle)
        errors[i] = math.atan2(math.sqrt(max(0.0, w @ w - along**2)), along) / math.pi
    return errors
