import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine

from labutils import audit
from labutils.audit import engine, source

X, Y = load_wine(return_X_y=True)
FAST = {"repeats": 2}


@pytest.fixture(scope="module")
def report():
    return audit.run(X, Y, **FAST)


def test_five_answers_in_their_order(report):
    answers = report.answers()
    assert len(answers) == 5 and "134 rows to learn from" in answers[0] and "keep.csv keeps" in answers[4]
    assert "different things" in answers[2] and ("random" in answers[3] or "Keep" in answers[3])
    assert str(report).startswith("1. What is there?")


def test_a_seed_gives_the_same_audit_again(report):
    again = audit.run(X, Y, **FAST)
    assert again.answers()[:2] == report.answers()[:2] and np.array_equal(again.keep, report.keep)
    assert again.fewer.rule == report.fewer.rule and again.fewer.expected == report.fewer.expected


def test_nothing_that_is_chosen_depends_on_a_test_row():
    """A detector: test rows and labels that say something else altogether change no score, no choice and no forecast."""
    rng = np.random.default_rng(0)
    x, y = X[:130], Y[np.argsort(rng.permutation(178))][:130]
    test, lie = (X[130:], Y[130:]), (1e3 * rng.standard_normal((48, 13)), rng.integers(3, size=48))
    one, two = (audit.run(x, y, test=each, **FAST) for each in (test, lie))
    assert np.array_equal(one.keep, two.keep) and one.reasons == two.reasons
    assert (one.fewer.rule, one.fewer.fraction, one.fewer.regret) == (
        two.fewer.rule,
        two.fewer.fraction,
        two.fewer.regret,
    )
    assert one.fewer.confirmed != two.fewer.confirmed  # the one place where it shows
    assert np.array_equal(one.more.loss, two.more.loss) and one.more.rows == two.more.rows
    for name, values in one.examples.scores.items():
        assert np.array_equal(values, two.examples.scores[name])
    assert np.array_equal(one.errors.flagged, two.errors.flagged)


def test_test_rows_that_are_copies_are_not_confirmed_by():
    x = np.concatenate([X, X[:10]])
    found = audit.run(X, Y, test=(x[150:], np.r_[Y, Y[:10]][150:]), **FAST)  # all of them leak
    assert found.fewer.confirmed is None and any("Nothing was confirmed" in each for each in found.refusals)
    assert (found.inputs.leaks == 2).all()


def test_numbers_to_predict_and_other_learners():
    x, y = load_diabetes(return_X_y=True)
    found = audit.run(x[:160], y[:160], **FAST)
    assert found.source.n_classes == 0 and any("no wrong class" in each for each in found.refusals)
    assert "explained variance" in found.answers()[3]

    class Nearest:
        def fit(self, x, y):
            self.x, self.y = x, y
            return self

        def predict(self, x):
            return self.y[((x[:, None] - self.x) ** 2).sum(axis=2).argmin(axis=1)]

    own = audit.run(X[::2], Y[::2], learner=lambda size, seed: Nearest(), **FAST)
    assert own.learner == "your own learner" and own.fewer.full.mean() > 0.6


def test_steps_that_are_finished_are_found_again(tmp_path, monkeypatch):
    found = source.from_arrays(X, Y)
    one = engine.audit(found, steps=tmp_path, **FAST)
    assert len(list(tmp_path.glob("*.npz"))) == 6
    for name in ("examine",):
        monkeypatch.setattr(engine.inputs, name, None)  # would fail if it were called again
    monkeypatch.setattr(engine.fewer, "compare", None)
    two = engine.audit(found, steps=tmp_path, **FAST)
    assert two.answers() == one.answers() and two.reasons == one.reasons
    (tmp_path / "how_few.npz").write_bytes(b"half")
    monkeypatch.undo()
    assert engine.audit(found, steps=tmp_path, **FAST).reasons == one.reasons


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target_share": 0}, "allowed: above 0 to 1"),
        ({"target_error": 2}, "between 0 and 1"),
        ({"repeats": 1}, "repeats is 1; allowed: at least 2"),
        ({"learner": "tree"}, "learner is 'tree'"),
    ],
)
def test_options_out_of_range_are_said_before_any_work(options, said):
    with pytest.raises(ValueError, match=said):
        audit.run(np.zeros(3), None, **options)  # data that nobody looks at


def test_other_options_have_another_key():
    assert engine.key({"a": 1, "b": 2}) == engine.key({"b": 2, "a": 1}) != engine.key({"a": 1, "b": 3})


@pytest.mark.parametrize("x", [np.zeros((60, 3)), np.repeat(np.eye(5), 12, axis=0)])
def test_rows_that_are_all_copies_are_refused_in_words(x):
    with pytest.raises(ValueError, match=r"training rows [15] differ.*at least 10 different rows"):
        audit.run(x, np.arange(60) % 2)
