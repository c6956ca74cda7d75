import numpy as np
import pytest

from labutils.audit import learners, trial

LINEAR = learners.choose("linear")


def test_explained_variance_of_numbers():
    y = np.random.default_rng(0).standard_normal(50)
    assert trial.score_of(y[:, None], y) == 1
    assert trial.score_of(np.full((50, 1), y.mean()), y) == pytest.approx(0)


def test_every_rule_is_tried_at_every_size_and_judged_by_rows_it_has_not_seen():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=200)
    x = (rng.standard_normal((200, 4)) + 2 * y[:, None]).astype(np.float32)
    part = trial.Split(x[:150], y[:150], x[150:], 1 - y[150:], LINEAR, np.array([0.2, 0.5]), 2, (0, 0))
    found = trial.judge(part)
    assert "random" in found and "facility location" in found
    for scores, seconds in found.values():
        assert scores.shape == (2,) and seconds >= 0
    assert (
        found["random"][0].max() < 0.5
    )  # the labels that judge are turned round, so who learns well scores badly
