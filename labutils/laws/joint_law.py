"""Model size and data together: joint laws of the loss, Chinchilla's and Kaplan's, and what repeated data are worth."""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from labutils import bundled
from labutils.checks import check_at_least, check_positive
from labutils.laws.power_law import HUBER, central, fit_power_law, fit_with_draws


@dataclass(frozen=True)
class JointLaw:
    """loss(N, D) = E + A / N^alpha + B / D^beta for N parameters and D tokens, with 90% intervals if fitted."""

    E: float
    A: float
    B: float
    alpha: float
    beta: float
    intervals: dict[str, tuple[float, float]] | None = None
    scatter: float = 0.0  # standard deviation of log loss about the law

    def predict(self, parameters: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Loss expected, an array of the shape the arguments broadcast to."""
        capacity, data = np.power(parameters, -self.alpha), np.power(tokens, -self.beta)
        return self.E + self.A * capacity + self.B * data


CHINCHILLA = JointLaw(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)  # Hoffmann et al. 2022, eq. 10
EPOCH = JointLaw(E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)  # Besiroglu et al. 2024
TOKEN_DECAY, PARAMETER_DECAY = (
    15.387756,
    5.309743,
)  # R_D*, R_N* of Muennighoff et al. 2023 (2305.16264), appendix A
MUENNIGHOFF = JointLaw(
    E=np.exp(0.6254804), A=np.exp(6.255414), B=np.exp(7.3049974), alpha=0.3526596, beta=0.3526596
)  # the same appendix, on C4


def chinchilla_runs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters, tokens and loss of 245 runs of Hoffmann et al. 2022, read off their figure 4 (`data/tables`)."""
    size, compute, loss = _columns("chinchilla_points", "Model_Size", "Training_FLOP", "loss")
    return size, compute / 6 / size, loss


def repeated_runs() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Parameters, tokens, unique tokens and loss of 296 runs on C4 of Muennighoff et al. 2023 (`data/tables`)."""
    size, tokens, unique, loss, text = _columns(
        "data_constrained_scaling", "params", "tokens", "unique_tokens", "val_loss", "data"
    )
    return tuple(column[text == "c4"] for column in (size, tokens, unique, loss))


def _columns(table, *names):
    path = bundled.folder() / "tables" / f"{table}.csv"
    rows = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8", comments=None)
    return [rows[name] for name in names]


def _joint_points(parameters, tokens, loss):
    """Logs of the three arrays, flat, checked to be positive, of one shape and at least 6 points."""
    values = check_positive(parameters=parameters, tokens=tokens, loss=loss)
    if len({v.shape for v in values}) > 1 or values[0].size < 6:
        raise ValueError(f"shapes are {[v.shape for v in values]}; allowed: equal, with at least 6 points")
    return [np.log(v.ravel()) for v in values]


def fit_joint(
    parameters: np.ndarray,
    tokens: np.ndarray,
    loss: np.ndarray,
    *,
    n_boot: int = 100,
    seed: int = 0,
    delta: float = HUBER,
) -> JointLaw:
    """Fit E + A / N^alpha + B / D^beta to `loss` (T,) at `parameters` (T,) and `tokens` (T,): a `JointLaw`.

    Arrays of any equal shape will do. Same objective, starts and bootstrap as `fit_power_law`: approach 3 of
    Hoffmann et al. 2022 (2203.15556). Raises ValueError for values not above zero and for fewer than 6 points.
    """
    n, d, y = _joint_points(parameters, tokens, loss)
    best, draws = fit_with_draws(
        np.stack([n, d]), y, np.ones(len(y)), delta, floor=True, n_boot=n_boot, seed=seed
    )
    draws = np.vstack([best, draws])  # (1 + n_boot, 6)
    draws[:, :3] = np.exp(draws[:, :3])
    names = ("A", "B", "E", "alpha", "beta", "scatter")
    intervals = dict(zip(names, map(tuple, central(draws[1:]).T.tolist())))
    return JointLaw(**dict(zip(names, draws[0].tolist())), intervals=intervals)


@dataclass(frozen=True)
class KaplanLaw:
    """loss(N, D) = [(N_c / N)^(alpha_N / alpha_D) + D_c / D]^alpha_D for N parameters and D tokens."""

    N_c: float
    D_c: float
    alpha_N: float
    alpha_D: float

    def predict(self, parameters: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Loss expected, an array of the shape the arguments broadcast to."""
        logs = (np.log(np.asarray(v, float)) for v in (parameters, tokens))
        return np.exp(_kaplan(np.log([self.N_c, self.D_c, self.alpha_N, self.alpha_D]), *logs))


KAPLAN = KaplanLaw(
    N_c=6.4e13, D_c=1.8e13, alpha_N=0.076, alpha_D=0.103
)  # Kaplan et al. 2020, eq. 1.5, table 2


def _kaplan(theta, n, d):
    """Log loss of Kaplan's law at log sizes `n` and `d`; `theta` the logs of its four constants."""
    a, b = np.exp(theta[2:])
    return b * np.logaddexp(a / b * (theta[0] - n), theta[1] - d)


def fit_kaplan(parameters: np.ndarray, tokens: np.ndarray, loss: np.ndarray) -> KaplanLaw:
    """Fit Kaplan's joint law to `loss` (T,) at `parameters` (T,) and `tokens` (T,): a `KaplanLaw`.

    Least squares on log loss, robust beyond 1%, from 16 starts. Refuses what `fit_joint` refuses. Source: Kaplan
    et al. 2020 (2001.08361), eq. 1.5.
    """
    n, d, y = _joint_points(parameters, tokens, loss)
    starts = itertools.product(np.quantile(n, [0.5, 1]), np.quantile(d, [0.5, 1]), *[np.log([0.07, 0.3])] * 2)
    misfit = lambda theta: _kaplan(theta, n, d) - y  # noqa: E731
    fits = [optimize.least_squares(misfit, start, loss="soft_l1", f_scale=0.01) for start in starts]
    return KaplanLaw(*np.exp(min(fits, key=lambda fit: fit.cost).x).tolist())


def effective_tokens(unique: np.ndarray, epochs: np.ndarray, *, decay: float = TOKEN_DECAY) -> np.ndarray:
    """Fresh tokens worth as much as `unique` ones seen `epochs` times: Muennighoff et al. 2023, eq. 5.

    Arrays of shapes that broadcast. Raises ValueError below one epoch, of which the law says nothing.
    """
    check_at_least(1, epochs=np.min(epochs).item())
    return np.multiply(unique, 1 - decay * np.expm1(np.subtract(1, epochs) / decay))


@dataclass(frozen=True)
class RepeatLaw:
    """loss(N, D, U): `law` of the parameters and fresh tokens that N parameters and D tokens, U of them unique, are worth."""

    law: JointLaw
    token_decay: float = TOKEN_DECAY
    parameter_decay: float = PARAMETER_DECAY

    def predict(self, parameters: np.ndarray, tokens: np.ndarray, unique: np.ndarray) -> np.ndarray:
        """Loss expected, an array of the shape the arguments broadcast to: eq. 17 of Muennighoff et al. 2023.

        Parameters beyond those best for the unique tokens (at the least compute) count as repeats too.
        """
        law, unique = self.law, np.minimum(unique, tokens)
        ratio = (law.alpha * law.A / (law.beta * law.B)) ** (1 / (law.alpha + law.beta))
        base = np.minimum(parameters, ratio * (ratio * unique) ** (law.beta / law.alpha))
        size = effective_tokens(base, np.divide(parameters, base), decay=self.parameter_decay)
        return law.predict(size, effective_tokens(unique, np.divide(tokens, unique), decay=self.token_decay))


PUBLISHED_REPEATS = RepeatLaw(MUENNIGHOFF)


def fit_repeats(
    parameters: np.ndarray, tokens: np.ndarray, unique: np.ndarray, loss: np.ndarray
) -> RepeatLaw:
    """Fit the law of repeats, one exponent for parameters and tokens as its paper has it, to runs (T,): a `RepeatLaw`.

    Least squares on log loss, robust beyond 1%, from four starts, exponent between 0.1 and 1, decays between 0.1 and
    1,000 epochs. Raises ValueError for values that are not positive, fewer than 8 runs, or more unique tokens than tokens.
    """
    _joint_points(parameters, tokens, loss)
    (unique,) = check_positive(unique=unique)
    check_at_least(8, **{"the number of runs": len(loss)})
    check_at_least(1 - 1e-9, **{"the least of tokens / unique": float(np.min(tokens / unique))})

    def law(theta):
        e, a, b, alpha, decay, other = np.exp(theta)
        return RepeatLaw(JointLaw(e, a, b, alpha, alpha), decay, other)

    misfit = lambda theta: np.log(law(theta).predict(parameters, tokens, unique) / loss)  # noqa: E731
    low, high = [-5, -5, -5, np.log(0.1), *np.log([0.1, 0.1])], [3, 25, 25, 0, *np.log([1e3, 1e3])]
    starts = [[0.6, 6, 7, -1, np.log(d), np.log(p)] for d in (5, 30) for p in (5, 30)]
    fits = [
        optimize.least_squares(misfit, start, bounds=(low, high), loss="soft_l1", f_scale=0.01, x_scale="jac")
        for start in starts
    ]
    return law(min(fits, key=lambda fit: fit.cost).x)


def fresh_equivalent(tokens: np.ndarray, fresh_loss: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Fresh tokens with which the loss would have been `loss` (seeds, ...): an array of that shape.

    `fresh_loss` (seeds, T) is the loss of each seed's one-epoch run after `tokens` (T,), all of them new. Their
    common law `fit_power_law` is inverted after shifting it to pass through the seed's last point, so that the
    luck of a seed cancels. Raises ValueError where the shapes disagree.
    """
    fresh_loss, loss = np.asarray(fresh_loss, float), np.asarray(loss, float)
    if fresh_loss.shape != (len(loss), len(tokens)):
        raise ValueError(f"fresh_loss has shape {fresh_loss.shape}; allowed: {(len(loss), len(tokens))}")
    law = fit_power_law(tokens, fresh_loss, n_boot=0)
    luck = fresh_loss[:, -1] / law.predict(tokens[-1])  # (seeds,)
    return law.examples_for(loss / luck.reshape(-1, *[1] * (loss.ndim - 1)))
