import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine

from labutils.audit import choices, keep
from labutils.plotting import METHODS

X, Y = load_wine(return_X_y=True)
X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)
Z, T = load_diabetes(return_X_y=True)
T = T.astype(np.float32)


@pytest.mark.parametrize(("x", "y", "classes"), [(X, Y, 3), (Z, T, 0)], ids=["classes", "numbers"])
def test_every_rule_keeps_as_many_rows_as_asked_and_has_a_look_and_a_reason(x, y, classes):
    found = choices.prepare(x, y, n_classes=classes, largest=0.8)
    assert set(found) <= set(choices.NAMES) and "random" in found and len(found) >= 8
    for name, rule in found.items():
        for fraction in (0.05, 0.4, 0.8):
            rows = rule.choose(fraction, 1)
            assert len(set(rows.tolist())) == len(rows) == round(fraction * len(y)), name
        assert name in METHODS and name in keep.WORDS


def test_random_keeps_the_share_of_every_class():
    kept = np.bincount(Y[choices.prepare(X, Y, n_classes=3, largest=0.5)["random"].choose(0.3, 0)])
    assert np.abs(kept - 0.3 * np.bincount(Y)).max() <= 1


def test_of_numbers_the_hard_ones_are_those_far_from_what_others_say():
    y = T.copy()
    y[::40] += 2_000
    found = choices.prepare(Z, y, n_classes=0, largest=0.5)
    assert set(range(0, len(y), 40)) <= set(found["hard"].choose(0.05, 0).tolist())
    assert not set(range(0, len(y), 40)) & set(found["easy"].choose(0.5, 0).tolist())


def test_bands_are_quarters_and_one_rule_alone_can_be_asked_for():
    assert np.bincount(choices.bands(T)).max() <= len(T) / 4 + 8
    assert list(choices.prepare(X, Y, n_classes=3, largest=0.2, only="herding")) == ["herding"]
