"""Four regimes: whether variance or resolution limits your loss, in data or in model."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from labutils.checks import check_positive

SURE = 0.9  # a regime less probable than this is no verdict
PRIOR_NOISE = 0.05  # relative noise expected beforehand
PRIOR_POINTS = 2.0  # and how many points that is worth
LIMITS = {  # by the regimes in data and in width
    ("resolution", "variance"): "data",
    ("variance", "resolution"): "model",
    ("resolution", "resolution"): "data and model",
    ("variance", "variance"): "neither",
}


def _shapes(size, first):
    """What a curve may look like: log losses (G, T) at sizes relative to the largest measured, `first` the smallest.

    Also the exponents (G,), the shares of the floor in the last loss (G,), which are of the first regime, and the
    weights before any measurement. Resolution: any exponent from 0.05 to 3 above any floor, or none (half the
    weight). Variance: a floor of at least half the last loss, and above it c / (n - s c), any order of magnitude
    of c, with s = 0, 1/2 or 1, which is least squares (see `random_features.loss`).
    """
    exponents, shares = np.geomspace(0.05, 3, 500), np.linspace(0.05, 0.95, 19)
    a, floor = (v.reshape(-1, 1) for v in np.meshgrid(exponents, np.r_[0, shares]))
    falling = np.log((1 - floor) * size**-a + floor)
    c, s = (v.reshape(-1, 1) for v in np.meshgrid(np.geomspace(first / 100, 1, 300), [0, 0.5, 1]))
    c, s = (v[(s * c < 0.95 * first)[:, 0]] for v in (c, s))
    level = 1 + c / (1 - s * c)
    flat = np.log((1 + c / np.maximum(size - s * c, 0.05 * size)) / level)  # finite at the peak n = s c, too
    weights = [np.where(floor == 0, len(shares), 1)[:, 0], np.ones(len(c))]
    weight = np.concatenate([w / w.sum() / 2 for w in weights])
    exponent, floor = np.r_[a, np.ones_like(c)][:, 0], np.r_[floor, 1 / level][:, 0]
    return np.concatenate([falling, flat]), exponent, floor, np.arange(len(weight)) < len(a), weight


@dataclass(frozen=True)
class Diagnosis:
    """What limits the loss along one sweep, and along a second over the width if there was one.

    `probability` of each of the two regimes, `regime` the likelier. `exponent` of what still falls and `floor` in
    units of the loss, both within that regime, and `doubling`, the share of the loss that twice as much removes,
    whichever it is, are posterior medians with 90% intervals. `measure_next` is the size at which one more
    measurement would help most to decide, None where that is no longer needed. `width` is the Diagnosis of the
    second sweep. A curve that `rises` is in neither regime, whatever else is said of it.
    """

    axis: str  # "data" or "width"
    regime: str  # "resolution" or "variance"
    probability: dict[str, float]
    exponent: float
    exponent_interval: tuple[float, float]
    floor: float
    floor_interval: tuple[float, float]
    doubling: float
    doubling_interval: tuple[float, float]
    measure_next: float | None
    width: "Diagnosis | None" = None
    rises: bool = False

    @property
    def sure(self) -> bool:
        """Whether the likelier regime is likely enough for a verdict."""
        return self.probability[self.regime] >= SURE and not self.rises

    @property
    def limited_by(self) -> str:
        """What limits the loss: data, model, data and model, neither, or cannot tell yet; or, by one sweep, not data."""
        if not (self.sure and (self.width is None or self.width.sure)):
            return "cannot tell yet"
        if self.width is None:
            return "data" if self.regime == "resolution" else "not data"
        return LIMITS[self.regime, self.width.regime]

    def __str__(self) -> str:
        return " ".join([_words(self), *([_words(self.width), _advice(self)] if self.width else [])])


def _words(d):
    """One sweep in plain words."""
    more, (low, high) = "examples" if d.axis == "data" else "width", d.doubling_interval
    if d.rises:
        return f"You cannot tell in {d.axis}: the loss rises with the {more}. Look for the fault, or begin after the peak."
    gain = (
        f"Twice the {more} would remove {d.doubling:.0%} of the loss (90% interval {low:.0%} to {high:.0%})."
    )
    chance = f"{d.probability[d.regime]:.0%} probable"
    if not d.sure:
        return f"You cannot tell yet in {d.axis} ({d.regime}-limited is {chance}): measure at {d.measure_next:,.0f} next. {gain}"
    if d.regime == "resolution":
        low, high = d.exponent_interval
        return f"Resolution-limited in {d.axis} ({chance}): the loss still falls, with exponent {d.exponent:.2f} ({low:.2f} to {high:.2f}). {gain}"
    return f"Variance-limited in {d.axis} ({chance}): the loss has nearly reached its floor of {d.floor:.3g}. {gain}"


def _advice(d):
    """What to do, from both sweeps."""
    better = "examples" if d.doubling > d.width.doubling else "width"
    return {
        "data": "Get more data: they limit the loss, not the model.",
        "model": "Get a larger model: it limits the loss, not the data.",
        "data and model": f"Both limit the loss; at present doubling the {better} buys more.",
        "neither": "Neither more such data nor a wider model will help: look at labels, features and training.",
        "cannot tell yet": f"So far doubling the {better} looks the better buy.",
    }[d.limited_by]


def diagnose(
    n: np.ndarray, loss: np.ndarray, *, width: np.ndarray | None = None, width_loss: np.ndarray | None = None
) -> Diagnosis:
    """Which regime a learning curve is in, what doubling buys, and where to measure next: a `Diagnosis`.

    `n` (T,) examples, `loss` (T,), or (seeds, T) whose mean is used; with `width` and `width_loss` the same for a
    sweep over the size of the model. Resolution-limited: the loss falls as a power of any exponent, to any floor;
    variance-limited: at least half of the last loss is a floor, to which the rest falls as one over the size.
    Bayes' rule over the curves of `_shapes`, amplitude and noise integrated out; nothing is drawn at random. A
    curve that bends otherwise is in neither family, and its forecast too hopeful or too modest; one that rises by
    more than its scatter gets no verdict. Raises ValueError for fewer than 4 different sizes, values that are not
    positive, or a width without its loss.
    """
    if (width is None) != (width_loss is None):
        raise ValueError(f"width is {width}, width_loss {width_loss}; allowed: both or neither")
    second = None if width is None else _diagnose("width", width, width_loss, None)
    return _diagnose("data", n, loss, second)


def _diagnose(axis, n, loss, second):
    n, loss = check_positive(n=n, loss=np.mean(np.atleast_2d(loss), axis=0))
    if n.shape != loss.shape or np.unique(n).size < 4:
        raise ValueError(
            f"{axis}: {n.size} sizes, {loss.size} losses; allowed: as many, of at least 4 different sizes"
        )
    ahead = 2.0 ** np.arange(1, 6)
    sizes = np.r_[n / n.max(), ahead]
    shapes, exponents, floors, resolution, weight = _shapes(sizes, n.min() / n.max())
    away = np.log(loss) - shapes[:, : len(n)]  # (G, T)
    level = away.mean(axis=1)
    squares = ((away - level[:, None]) ** 2).sum(axis=1) + PRIOR_POINTS * PRIOR_NOISE**2
    freedom = len(n) - 1 + PRIOR_POINTS
    weight = weight * (squares / squares.min()) ** (-freedom / 2)
    weight /= weight.sum()
    chance = {"resolution": float(weight[resolution].sum()), "variance": float(weight[~resolution].sum())}
    regime = max(chance, key=chance.get)
    wanted = None
    if chance[regime] < SURE:
        spread = np.sqrt(weight @ squares / freedom * (1 + 1 / len(n)))
        guesses = (level[:, None] + shapes[:, len(n) :]).T
        likely = weight > 1e-6 * weight.max()
        right = [_decided(g[likely], weight[likely], resolution[likely], spread) for g in guesses]
        enough = chance[regime] + 0.75 * (max(right) - chance[regime])  # larger sizes cost more
        wanted = float(n.max() * ahead[np.argmax(np.array(right) >= enough)])
    gain = (1 - floors) * (1 - 2.0**-exponents)
    named = weight * (resolution == (regime == "resolution"))
    pairs = (exponents, named), (floors * np.exp(level), named), (gain, weight)
    values = [part for pair in pairs for part in _median(*pair)]
    line = stats.linregress(np.log(n), np.log(loss), alternative="greater")
    rises = bool(line.pvalue < 0.01 and line.slope * np.log(n.max() / n.min()) > 2 * PRIOR_NOISE)
    return Diagnosis(axis, regime, chance, *values, wanted, second, rises)


def _median(values, weight):
    """Weighted median and 90% interval."""
    order = np.argsort(values)
    picks = np.searchsorted(weight[order].cumsum(), weight.sum() * np.array([0.05, 0.5, 0.95])).clip(
        max=len(order) - 1
    )
    low, middle, high = values[order][picks].tolist()
    return middle, (low, high)


def _decided(guess, weight, resolution, spread):
    """Expected probability of the right name after one more measurement, of which each curve has its `guess`."""
    edges = np.linspace(guess.min() - 4 * spread, guess.max() + 4 * spread, 201)
    middle = (edges[1:] + edges[:-1]) / 2
    blur = stats.norm.pdf(middle[:, None], middle, spread)
    both = [blur @ np.histogram(guess[r], edges, weights=weight[r])[0] for r in (resolution, ~resolution)]
    return np.trapezoid(np.maximum(*both), middle)
