"""The exact learning curve of kernel regression, the same curve sampled, and regressions on data, their ridge well chosen."""

import numpy as np
from scipy import linalg, optimize, special

from labutils.checks import check_finite, check_positive

PENALTIES = 10.0 ** np.arange(-6, 3)


def _mode_sums(kappa, power, modes, head=1000):
    """Sums over modes i = 1, 2, ... of L = lambda / (lambda + kappa) and of L (1 - L), where lambda = i^-power.

    Infinitely many modes (None): the head is summed, the tail integrated (Euler-Maclaurin).
    """
    i = np.arange(1.0, (modes or head) + 1)
    learned = 1 / (1 + kappa * i**power)
    sums = np.array([learned.sum(), (learned * (1 - learned)).sum()])
    if modes:
        return sums
    last, p = learned[-1], 1 / power
    # With u = 1 - L the integrals from i = head on become incomplete beta functions.
    for k, (f, slope) in enumerate([(last, 1.0), (last * (1 - last), 1 - 2 * last)]):
        integral = special.beta(1 - p, p + k) * special.betainc(1 - p, p + k, last) * p / kappa**p
        derivative = -slope * last * (1 - last) * power / head
        sums[k] += integral - f / 2 - derivative / 12
    return sums


def kernel_learning_curve(
    n: np.ndarray, exponent: float, *, noise: float = 0.0, ridge: float = 0.0, modes: int | None = None
) -> np.ndarray:
    """Mean squared test error of kernel regression with spectrum i^-(1 + exponent), for any number of examples.

    The teacher is drawn from the kernel's own Gaussian process, so its power in mode i is lambda_i too. `n` an
    array of numbers of examples; `noise` the variance of the label noise, in training and test; `ridge` is
    added to the kernel matrix; `modes` cuts the spectrum (None: infinitely many). Returns an array like `n`.
    Solves sum L_i + ridge / kappa = n, then E = (kappa sum L_i (1 - L_i) + noise) / (1 - sum L_i^2 / n):
    Bordelon, Canatar & Pehlevan 2020 (2002.02561); Simon et al. 2023 (2110.03922), exact for large systems.
    Without ridge and noise this is E = n kappa. Raises ValueError for sizes, noise, a ridge or a spectrum without
    meaning.
    """
    (sizes,) = check_positive(n=n)
    if not (exponent > 0 if modes is None else exponent >= -1 and modes >= 1):
        raise ValueError(f"exponent is {exponent}, modes {modes}; allowed: exponent > 0, or finite modes")
    if not (noise >= 0 and ridge >= 0):
        raise ValueError(f"{noise=}, {ridge=}; allowed: not negative")
    power = 1.0 + exponent

    def surplus(log_kappa, n):
        return _mode_sums(np.exp(log_kappa), power, modes)[0] + ridge * np.exp(-log_kappa) - n

    def error(n):
        if modes is not None and ridge == 0 and n >= modes:  # every mode is determined: least squares
            return noise / (1 - modes / n) if n > modes else (np.inf if noise else 0.0)
        low = (2 * n + 2) ** -power if modes is None else modes**-power * (modes / n - 1)
        high = (special.zeta(power) if modes is None else modes) / n
        bracket = np.log([max(low, ridge / n), high + ridge / n]) + [-1e-9, 1e-9]
        kappa = np.exp(optimize.brentq(surplus, *bracket, args=(n,), xtol=1e-13, rtol=1e-13))
        learned, learning = _mode_sums(kappa, power, modes)
        return (kappa * learning + noise) / (1 - (learned - learning) / n)

    return np.array([error(v) for v in sizes.ravel()]).reshape(sizes.shape)


def sampled_kernel_curve(
    n: np.ndarray, exponent: float, *, modes: int, n_seeds: int, seed: int = 0
) -> np.ndarray:
    """The same error (ridgeless, no noise) measured on sampled Gaussian features: array (n_seeds, T).

    Exact averages over teachers and test points, so only the training inputs are random: the variance of a
    Gaussian process, sum lambda - tr(K^-1 F Lambda^2 F'). One Cholesky factor gives the whole curve, since
    that of the first n examples is a corner of it. Raises ValueError where `n` exceeds `modes`.
    """
    n = np.atleast_1d(np.asarray(n))
    if n.min() < 1 or n.max() > modes:
        raise ValueError(f"n reaches from {n.min()} to {n.max()}; allowed: 1 to modes = {modes}")
    rng = np.random.default_rng(seed)
    spectrum = np.arange(1.0, modes + 1) ** -(1.0 + exponent)
    errors = []
    for _ in range(n_seeds):
        features = rng.standard_normal((n.max(), modes)) * np.sqrt(spectrum)  # (max n, modes)
        factor = np.linalg.cholesky(features @ features.T)  # (max n, max n)
        known = linalg.solve_triangular(factor, features * np.sqrt(spectrum), lower=True)
        errors.append(spectrum.sum() - np.cumsum((known**2).sum(axis=1))[n - 1])
    return np.array(errors)


def kernel_ridge(
    kernel: np.ndarray, targets: np.ndarray, across: np.ndarray, *, penalties: np.ndarray = PENALTIES
) -> np.ndarray:
    """Predictions (M, C) of kernel ridge regression, its penalty that of the least leave-one-out mean square.

    `kernel` (N, N) and `across` (M, N) hold the kernel between training rows, and of other rows with them; `targets`
    (N, C) are centred first. `penalties` are in units of the kernel's mean eigenvalue. Without row i its prediction
    misses by dual_i / (K + p)^-1_ii, exactly (Craven & Wahba 1979), so one eigendecomposition serves all penalties.
    Raises ValueError for shapes that disagree, values not finite, or penalties not above zero.
    """
    kernel, targets, across = (np.asarray(v, float) for v in (kernel, targets, across))
    if kernel.shape != (len(targets),) * 2 or across.shape[1:] != kernel.shape[1:] or targets.ndim != 2:
        raise ValueError(
            f"kernel {kernel.shape}, targets {targets.shape}, across {across.shape}; allowed: (N, N), (N, C), (M, N)"
        )
    check_finite(kernel=kernel, targets=targets, across=across)
    (penalties,) = check_positive(penalties=penalties)
    mean, best = targets.mean(axis=0), None
    values, vectors = np.linalg.eigh(kernel)
    values = np.maximum(values, 0)
    rotated, squares = vectors.T @ (targets - mean), vectors**2  # (N, C), (N, N)
    for penalty in penalties * max(values.mean(), 1e-300):
        shrunk = 1 / (values + penalty)
        dual = vectors @ (shrunk[:, None] * rotated)  # (N, C)
        missed = np.mean((dual / (squares @ shrunk)[:, None]) ** 2)
        if best is None or missed < best[0]:
            best = missed, dual
    return across @ best[1] + mean
