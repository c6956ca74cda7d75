"""What every function says of bad input: which argument, what was found, what is allowed."""

import difflib
from collections.abc import Iterable

import numpy as np


def check_choice(argument: str, value: object, allowed: Iterable) -> None:
    """Raise a ValueError naming `argument`, what was found, what is allowed and the nearest, unless allowed."""
    if value not in allowed:
        near = difflib.get_close_matches(str(value), [str(a) for a in allowed], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{argument} is {value!r}; allowed: {', '.join(map(str, allowed))}.{hint}")


def check_positive(**arrays: np.ndarray) -> list[np.ndarray]:
    """The arguments as float arrays, checked to hold finite positive numbers only."""
    for name, values in arrays.items():
        arrays[name] = values = np.asarray(values, dtype=float)
        bad = values[~(np.isfinite(values) & (values > 0))]
        if bad.size:
            raise ValueError(f"{name} holds {bad[0]:g}; allowed: finite numbers above zero")
    return list(arrays.values())


def check_at_least(low: float, **numbers: float) -> None:
    """Raise a ValueError that names the first of the `numbers` below `low`."""
    for name, value in numbers.items():
        if not value >= low:
            raise ValueError(f"{name} is {value!r}; allowed: at least {low}")


def check_finite(**arrays: np.ndarray) -> None:
    """Raise a ValueError that names the first of the `arrays` to hold NaN or infinity."""
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds NaN or infinity; allowed: finite numbers")
