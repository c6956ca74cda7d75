"""Bad input gets a sentence that names the argument, what was found and what is allowed."""

import numpy as np
import pytest

from labutils import checks


def test_too_small_numbers_are_named():
    checks.check_at_least(2, runs=2, sizes=3)
    with pytest.raises(ValueError, match="sizes is 1; allowed: at least 2"):
        checks.check_at_least(2, runs=2, sizes=1)


def test_numbers_that_are_not_positive_or_not_finite_are_named():
    (x,) = checks.check_positive(x=[1, 2])
    assert x.dtype == float
    for bad in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"x holds .*; allowed: finite numbers above zero"):
            checks.check_positive(x=[1, bad])
    checks.check_finite(a=[1, 2], b=np.zeros(3))
    with pytest.raises(ValueError, match="b holds NaN or infinity"):
        checks.check_finite(a=[1, 2], b=[1, np.nan])


def test_an_unknown_choice_names_the_nearest():
    checks.check_choice("rule", "hard", ("hard", "easy"))
    with pytest.raises(ValueError, match=r"rule is 'hrad'; allowed: hard, easy. Did you mean 'hard'"):
        checks.check_choice("rule", "hrad", ("hard", "easy"))
