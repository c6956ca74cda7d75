"""Four regimes: whether variance or resolution limits your loss, in data or in model, and whether a doubling pays."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from labutils.checks import check_at_least, check_positive
from labutils.laws import forecasts

WORTH, IDLE = (
    0.10,
    0.03,
)  # shares of the loss: a doubling that removes so much is worth it, one that removes less is not
SURE = {"worth it": 0.9, "stop": 0.85}  # a verdict less probable than this is none
PRIOR_NOISE = 0.05  # relative noise expected beforehand
PRIOR_POINTS = 2.0  # and how many points that is worth
STEEP, FLOORS = (
    (0.05, 3, 500),
    (0.05, 0.95, 19),
)  # first, last and number: exponents, and floors as shares of the last loss
AMPLITUDES, SHIFTS = 300, (0, 0.5, 1)  # of curves that near a floor: how many c, and which s, in `_shapes`
RISING = 0.01  # chance of so steep a rise of a flat loss below which it is said to rise
LIMITS = {  # by the verdicts in data and in width
    ("worth it", "stop"): "data",
    ("stop", "worth it"): "model",
    ("worth it", "worth it"): "data and model",
    ("stop", "stop"): "neither",
}


def _shapes(size, first):
    """What a curve may look like: log losses (G, T) at sizes relative to the largest measured, `first` the smallest.

    Also the exponents (G,), the shares of the floor in the last loss (G,), which are of the first regime, and the
    weights before any measurement. Resolution: any exponent from 0.05 to 3 above any floor, or none (half the
    weight). Variance: a floor of at least half the last loss, and above it c / (n - s c), any order of magnitude
    of c, with s = 0, 1/2 or 1, which is least squares (see `random_features.loss`).
    """
    exponents, shares = np.geomspace(*STEEP), np.linspace(*FLOORS)
    a, floor = (v.reshape(-1, 1) for v in np.meshgrid(exponents, np.r_[0, shares]))
    falling = np.log((1 - floor) * size**-a + floor)
    c, s = (v.reshape(-1, 1) for v in np.meshgrid(np.geomspace(first / 100, 1, AMPLITUDES), SHIFTS))
    c, s = (v[(s * c < 0.95 * first)[:, 0]] for v in (c, s))
    level = 1 + c / (1 - s * c)
    flat = np.log((1 + c / np.maximum(size - s * c, 0.05 * size)) / level)  # finite at the peak n = s c, too
    weights = [np.where(floor == 0, len(shares), 1)[:, 0], np.ones(len(c))]
    weight = np.concatenate([w / w.sum() / 2 for w in weights])
    exponent, floor = np.r_[a, np.ones_like(c)][:, 0], np.r_[floor, 1 / level][:, 0]
    return np.concatenate([falling, flat]), exponent, floor, np.arange(len(weight)) < len(a), weight


@dataclass(frozen=True)
class Diagnosis:
    """What a doubling would buy along one sweep, what the curve looks like, and a second sweep over the width if any.

    `doubling` is the share of the loss that twice as much removes, with a 90% interval that holds on real curves
    (`forecasts.forecast`), `worth` and `idle` the chances that it is at least 10% and at most 3%, `last_step` what the last
    doubling removed. The shape is read by Bayes' rule among two families: `probability` of each, `regime` the likelier,
    and within it `exponent` of what still falls and `floor` in units of the loss, medians with 90% intervals that hold if
    the curve is in the family. `measure_next` is the size to measure next, None where a verdict stands or no rows are left.
    A curve that `rises` is in no regime and gets no verdict. `width` is the Diagnosis of the second sweep.
    """

    axis: str  # "data" or "width"
    doubling: float
    doubling_interval: tuple[float, float]
    last_step: float
    worth: float
    idle: float
    regime: str  # "resolution", "variance" or "rising"
    probability: dict[str, float]
    exponent: float
    exponent_interval: tuple[float, float]
    floor: float
    floor_interval: tuple[float, float]
    measure_next: float | None
    width: "Diagnosis | None" = None

    @property
    def rises(self) -> bool:
        """Whether the loss rises by more than its scatter."""
        return self.regime == "rising"

    @property
    def verdict(self) -> str:
        """Whether to double: worth it, stop, or cannot tell."""
        return "cannot tell" if self.rises else verdict(self.worth, self.idle)

    @property
    def sure(self) -> bool:
        """Whether there is a verdict."""
        return self.verdict != "cannot tell"

    @property
    def limited_by(self) -> str:
        """What limits the loss: data, model, data and model, neither, or cannot tell yet; or, by one sweep, not data."""
        if not (self.sure and (self.width is None or self.width.sure)):
            return "cannot tell yet"
        if self.width is None:
            return "data" if self.verdict == "worth it" else "not data"
        return LIMITS[self.verdict, self.width.verdict]

    def __str__(self) -> str:
        return " ".join([_words(self), *([_words(self.width), _advice(self)] if self.width else [])])


def _percent(share):
    return f"{share:.0%}".replace("-0%", "0%").replace("-", "−")


def _words(d):
    """One sweep in plain words."""
    more, (low, high) = "examples" if d.axis == "data" else "width", d.doubling_interval
    if d.rises:
        return f"You cannot tell in {d.axis}: the loss rises with the {more}. Look for the fault, or begin after the peak."
    doubling, low, high, last = (_percent(share) for share in (d.doubling, low, high, d.last_step))
    gain = f"Twice the {more} would remove {doubling} of the loss (90% interval {low} to {high}; the last doubling: {last})."
    verdict = {
        "worth it": f"Worth it in {d.axis}: at least {WORTH:.0%} with a chance of {d.worth:.0%}.",
        "stop": f"Stop in {d.axis}: at most {IDLE:.0%} with a chance of {d.idle:.0%}.",
        "cannot tell": f"You cannot tell yet in {d.axis}: "
        + (
            f"measure at {d.measure_next:,.0f} next."
            if d.measure_next
            else "repeat the largest sizes with other rows."
        ),
    }[d.verdict]
    low, high = d.exponent_interval
    shape = {
        "resolution": f"It looks resolution-limited ({d.probability['resolution']:.0%}): what falls has exponent {d.exponent:.2f} ({low:.2f} to {high:.2f}).",
        "variance": f"It looks variance-limited ({d.probability['variance']:.0%}): it comes near a floor of {d.floor:.3g}.",
    }[d.regime]
    return f"{verdict} {gain} {shape}"


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
    n: np.ndarray,
    loss: np.ndarray,
    *,
    width: np.ndarray | None = None,
    width_loss: np.ndarray | None = None,
    rows: int | None = None,
) -> Diagnosis:
    """Whether a doubling pays, by a learning curve, and which regime the curve looks like: a `Diagnosis`.

    `n` (T,) examples, `loss` (T,), or (seeds, T) whose mean is used; with `width` and `width_loss` the same for a
    sweep over the size of the model. `rows` is how many examples there are: no size beyond is advised. What a doubling
    buys is the calibrated forecast of `forecasts.forecast`. The regimes: resolution-limited, the loss falls as a power of
    any exponent, to any floor; variance-limited, at least half of the last loss is a floor, to which the rest falls as
    one over the size; by Bayes' rule over the curves of `_shapes`, amplitude and noise integrated out. Nothing is drawn at
    random. Raises ValueError for fewer than 4 different sizes, values that are not positive, a width without its loss,
    or fewer rows than examples.
    """
    if (width is None) != (width_loss is None):
        raise ValueError(f"width is {width}, width_loss {width_loss}; allowed: both or neither")
    second = None if width is None else _diagnose("width", width, width_loss, None, None)
    return _diagnose("data", n, loss, rows, second)


def _diagnose(axis, n, loss, rows, second):
    seeds = np.atleast_2d(np.asarray(loss, float))
    n, loss = check_positive(n=n, loss=seeds.mean(axis=0))
    if n.shape != loss.shape or np.unique(n).size < 4:
        raise ValueError(
            f"{axis}: {n.size} sizes, {loss.size} losses; allowed: as many, of at least 4 different sizes"
        )
    top = n.max()
    if rows is not None:
        check_at_least(top, rows=rows)
    ahead = forecasts.forecast(n, seeds, 2 * top)
    gain = 1 - np.array([ahead.value[0], ahead.interval()[1][0], ahead.interval()[0][0]]) / ahead.last
    worth = float(ahead.chance_below(ahead.last * (1 - WORTH))[0])
    idle = 1 - float(ahead.chance_below(ahead.last * (1 - IDLE))[0])
    regime, chance, parts = _regime(n, loss)
    wanted = min(2 * top, np.inf if rows is None else rows)
    needed = regime != "rising" and verdict(worth, idle) == "cannot tell" and wanted > 1.05 * top
    step = float(1 - ahead.last_step[0] / ahead.last)
    return Diagnosis(
        axis,
        *gain[:1].tolist(),
        tuple(gain[1:].tolist()),
        step,
        worth,
        idle,
        regime,
        chance,
        *parts,
        float(wanted) if needed else None,
        second,
    )


def verdict(worth: float, idle: float) -> str:
    """Worth it, stop, or cannot tell, from the chances that a doubling removes at least `WORTH` and at most `IDLE`."""
    chance = {"worth it": worth, "stop": idle}
    return next((verdict for verdict, least in SURE.items() if chance[verdict] >= least), "cannot tell")


def _regime(n, loss):
    """The likelier regime, the probability of each, and exponent and floor within it: medians, 90% intervals."""
    top = n.max()
    shapes, exponents, floors, resolution, weight = _shapes(n / top, n.min() / top)
    away = np.log(loss) - shapes  # (G, T)
    level = away.mean(axis=1)
    squares = ((away - level[:, None]) ** 2).sum(axis=1) + PRIOR_POINTS * PRIOR_NOISE**2
    weight = weight * (squares / squares.min()) ** (-(len(n) - 1 + PRIOR_POINTS) / 2)
    weight /= weight.sum()
    chance = {"resolution": float(weight[resolution].sum()), "variance": float(weight[~resolution].sum())}
    regime = max(chance, key=chance.get)
    named = weight * (resolution == (regime == "resolution"))
    parts = [part for values in (exponents, floors * np.exp(level)) for part in _median(values, named)]
    line = stats.linregress(np.log(n), np.log(loss), alternative="greater")
    if line.pvalue < RISING and line.slope * np.log(top / n.min()) > 2 * PRIOR_NOISE:
        return "rising", dict.fromkeys(chance, 0.0), parts
    return regime, chance, parts


def _median(values, weight):
    """Weighted median and 90% interval."""
    order = np.argsort(values)
    picks = np.searchsorted(weight[order].cumsum(), weight.sum() * np.array([0.05, 0.5, 0.95])).clip(
        max=len(order) - 1
    )
    low, middle, high = values[order][picks].tolist()
    return middle, (low, high)
