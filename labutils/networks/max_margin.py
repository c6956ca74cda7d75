"""The plane that separates two classes with the largest margin, or the proof that there is none."""

import numpy as np
from scipy import optimize

from labutils.checks import check_finite


def max_margin(x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """The shortest weights w (n,) with y (x w) >= 1, for x (P, n) and y (P,) of -1 and 1; None where there are none.

    Exact both ways: by Gordan's theorem either w exists or some nonnegative mixture of the rows y x is zero. The
    nonnegative least squares that look for the mixture leave w as their residual (Lawson and Hanson, chapter 23).
    Raises ValueError for shapes that disagree, no row, NaN or infinity, and labels other than -1 and 1.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.ndim != 2 or y.shape != x.shape[:1] or not len(x):
        found = f"x has shape {x.shape} and y {y.shape}"
        raise ValueError(f"{found}; allowed: (P, n) and (P,) with P of at least 1")
    check_finite(x=x)
    if not np.isin(y, (-1, 1)).all():
        raise ValueError("y holds a value that is not allowed: it must be only -1 and 1")
    rows = x * y[:, None]  # (P, n)
    mixture, _ = optimize.nnls(np.vstack([rows.T, np.ones(len(rows))]), np.eye(x.shape[1] + 1)[-1])
    w = rows.T @ mixture  # (n,)
    margin = (rows @ w).min()
    return w / margin if margin > 1e-9 * np.abs(rows).max() * np.linalg.norm(w) else None
