"""Random features: the loss of linear ones in theory and sampled, and of ReLU ones on real data, beside its limits."""

import numpy as np
from scipy import linalg

from labutils.checks import check_positive
from labutils.laws import kernel_regression


def loss(
    examples: np.ndarray, features: np.ndarray, exponent: float, *, modes: int | None = None
) -> np.ndarray:
    """Mean squared error of least squares on linear random features, teacher and student; an array.

    `examples` D and `features` P of any shapes that broadcast, either of them possibly infinite; the data have the
    spectrum i^-(1 + exponent) in `modes` directions (None: infinitely many), the teacher weighs all of them alike.
    With m the smaller and M the larger of the two the mean is L(m) (M - 1) / (M - m - 1), L the loss for M
    infinite, whichever of them M is; it diverges at M = m + 1. The factor is exact, the trace of an inverse
    Wishart matrix; L is `kernel_regression.kernel_learning_curve`. Setting: Bahri et al. 2024, linear random features.
    """
    examples, features = np.broadcast_arrays(np.asarray(examples, float), np.asarray(features, float))
    less, more = np.minimum(examples, features), np.maximum(examples, features)
    sizes, where = np.unique(less, return_inverse=True)
    limit = kernel_regression.kernel_learning_curve(sizes, exponent, modes=modes)[where].reshape(less.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(more > less + 1, 1 + less / (more - less - 1), np.inf)
    return limit * factor


def sampled(
    examples: np.ndarray,
    features: np.ndarray,
    exponent: float,
    *,
    modes: int,
    n_seeds: int,
    seed: int | list[int] = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The same loss sampled, and the exact limit of the very same draw: two arrays (n_seeds, T).

    One of `examples` and `features` is a number, the other (T,) larger numbers. The limit is that of infinitely
    many of the latter with the same projection (or the same examples), so that subtracting it leaves the excess
    without the luck that both share. Averages over teachers and test points are exact. Raises ValueError unless
    one of them exceeds the other throughout.
    """
    examples, features = np.atleast_1d(examples), np.atleast_1d(features)
    swap = examples.size == 1 and features.size > 1
    few, many = (examples, features) if swap else (features, examples)
    if few.size != 1 or many.min() <= few[0] + 1 or few[0] > modes:
        raise ValueError(
            f"examples {examples}, features {features}; allowed: one number, and numbers more than 1 above it"
        )
    rng, root = np.random.default_rng(seed), np.arange(1.0, modes + 1) ** (-(1.0 + exponent) / 2)
    losses, limits = [], []
    for _ in range(n_seeds):
        fixed, grown = rng.standard_normal((few[0], modes)), rng.standard_normal((many.max(), modes))
        limits.append(_missed(fixed * root, root) if swap else _unreached(fixed, root**2))
        pairs = [(fixed * root, grown[:m]) if swap else (grown[:m] * root, fixed) for m in many]
        losses.append([_fitted(data, projection, root**2) for data, projection in pairs])
    return np.array(losses), np.repeat(np.array(limits)[:, None], many.size, axis=1)


def _fitted(data, projection, spectrum):
    """Loss of least squares (or least norm) on the features `data` @ `projection`.T, mean over teachers."""
    felt = data @ projection.T  # (D, P)
    if len(felt) > len(projection):  # a column of weights for each teacher, on the features themselves
        basis, weights = projection, np.linalg.solve(felt.T @ felt, felt.T @ data)
    else:  # on their combinations that the examples span
        basis, weights = felt @ projection, np.linalg.solve(felt @ felt.T, data)
    seen = basis * spectrum
    return spectrum.sum() - 2 * (weights * seen).sum() + ((seen @ basis.T) * (weights @ weights.T)).sum()


def _unreached(projection, spectrum):
    """What infinitely many examples leave: Tr[C - C P' (P C P')^-1 P C], C the spectrum."""
    seen = projection * spectrum
    return spectrum.sum() - np.trace(np.linalg.solve(seen @ projection.T, seen @ seen.T))


def _missed(data, root):
    """What infinitely many parameters leave: the mean of K(x, x) - k(x)' K^-1 k(x) over test points x."""
    known = linalg.solve_triangular(np.linalg.cholesky(data @ data.T), data * root, lower=True)
    return (root**2).sum() - (known**2).sum()


def width_curve(
    features: np.ndarray, exponent: float, *, modes: int, n_seeds: int, seed: int = 0
) -> np.ndarray:
    """The loss of `features` (T,) random features with infinitely many examples, sampled: (n_seeds, T).

    Its twin with infinitely many features is `kernel_regression.sampled_kernel_curve`. Raises ValueError for sizes
    not above zero.
    """
    (sizes,) = check_positive(features=np.atleast_1d(features))
    spectrum = np.arange(1.0, modes + 1) ** -(1.0 + exponent)
    rng, sizes = np.random.default_rng(seed), sizes.astype(int)
    draws = [rng.standard_normal((sizes.max(), modes)) for _ in range(n_seeds)]
    return np.array([[_unreached(projection[:size], spectrum) for size in sizes] for projection in draws])


# --- The same on real data -----------------------------------------------------------------------------------
def relu(x: np.ndarray, width: int, *, seed: int | list[int] = 0) -> np.ndarray:
    """Random ReLU features (N, width) of the rows of `x` (N, d), scaled so that their kernel tends to `arc_cosine`."""
    weights = np.random.default_rng(seed).standard_normal((x.shape[1], width))
    return np.maximum(x @ weights, 0) / np.sqrt(width)


def arc_cosine(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The kernel (N, M) of infinitely many random ReLU features of the rows of `x` and `z`: Cho & Saul 2009."""
    lengths = np.linalg.norm(x, axis=1)[:, None] * np.linalg.norm(z, axis=1)  # (N, M)
    cosine = np.clip(x @ z.T / np.maximum(lengths, 1e-300), -1, 1)
    angle = np.arccos(cosine)
    return lengths / (2 * np.pi) * (np.sin(angle) + (np.pi - angle) * cosine)


def resampled_excess(
    features: np.ndarray, targets: np.ndarray, n: np.ndarray, *, n_seeds: int = 20, seed: int = 0
) -> np.ndarray:
    """Excess squared error of least squares on `n` (T,) rows drawn with replacement: array (n_seeds, T).

    The rows of `features` (N, P) and `targets` (N, C) are all there is, so the fit to all of them is the exact
    limit of infinitely many draws, and the excess over it is that of the same population, without noise.
    """
    rng, rows, out = np.random.default_rng(seed), len(features), []
    gram, cross = features.T @ features / rows, features.T @ targets / rows  # (P, P), (P, C)
    best = np.linalg.solve(gram, cross)
    for _ in range(n_seeds):
        counts = [rng.multinomial(size, np.full(rows, 1 / rows))[:, None] * features / size for size in n]
        off = [np.linalg.solve(c.T @ features, c.T @ targets) - best for c in counts]
        out.append([(o * (gram @ o)).sum() for o in off])
    return np.array(out)


def width_excess(
    x: np.ndarray,
    targets: np.ndarray,
    x_test: np.ndarray,
    targets_test: np.ndarray,
    widths: np.ndarray,
    *,
    ridge: float = 1e-3,
    n_seeds: int = 20,
    seed: int = 0,
) -> np.ndarray:
    """Excess squared error of ridge regression on `widths` (T,) random ReLU features: array (n_seeds, T).

    Over the limit of infinitely many features, ridge regression with the `arc_cosine` kernel, on the same rows.
    The part of the difference that is linear in the error of the kernel is zero in the mean; it is computed and
    left out, because without that the luck of the features would hide the excess.
    """
    kernel, across = arc_cosine(x, x), arc_cosine(x_test, x)  # (N, N), (M, N)
    inverse = np.linalg.inv(kernel + ridge * np.eye(len(x)))
    dual = inverse @ targets  # (N, C)
    miss, out = across @ dual - targets_test, []
    for draw in range(n_seeds):
        row = []
        for width in widths:
            both = relu(np.concatenate([x, x_test]), width, seed=[seed, draw, width])
            train, test = both[: len(x)], both[len(x) :]
            k, a = train @ train.T, test @ train.T
            found = a @ np.linalg.solve(k + ridge * np.eye(len(x)), targets) - targets_test
            linear = (a - across) @ dual - across @ (inverse @ ((k - kernel) @ dual))
            row.append(np.mean(((found**2 - miss**2) - 2 * linear * miss).sum(axis=1)))
        out.append(row)
    return np.array(out)
