import numpy as np
import pytest

from labutils.networks import models, training
from labutils.selection import importance, mixed_pool
from labutils.selection.finetuning import Task


def worlds(seed=0, n=300):
    """Two classes by the first number; the other source lies elsewhere and has its labels by the second."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    other = rng.normal(size=(n, 4)).astype(np.float32) + [0, 0, 4, 0]
    a = Task(x, (x[:, 0] > 0).astype(int), x[:50], (x[:50, 0] > 0).astype(int))
    return a, Task(
        other.astype(np.float32), (other[:, 1] > 0).astype(int), other[:50], (other[:50, 1] > 0).astype(int)
    )


def test_a_mixture_holds_what_it_says():
    a, b = worlds()
    t = mixed_pool.combined(a, b)
    m = mixed_pool.mix(t.y, len(a.y), 0.25, 80, few=7, seed=2)
    assert len(set(m.pool)) == 80 and m.relevant.sum() == 60
    np.testing.assert_array_equal(m.relevant, m.pool < len(a.y))
    assert not set(m.target) & set(m.pool) and (m.target < len(a.y)).all()
    assert sorted(np.bincount(t.y[m.target])) == [3, 4]
    np.testing.assert_array_equal(t.x_test, a.x_test)
    with pytest.raises(ValueError, match="size"):
        mixed_pool.mix(t.y, len(a.y), 0.0, 300)


def test_evenly_takes_the_first_of_every_class_first():
    order, y = np.array([4, 0, 2, 3, 1]), np.array([0, 1, 0, 1, 0])
    np.testing.assert_array_equal(mixed_pool.evenly(order, y), [4, 3, 0, 1, 2])
    # 4 (class 0), 3 (class 1), then 0 and 1, then 2


@pytest.fixture(scope="module")
def chosen():
    a, b = worlds()
    t = mixed_pool.combined(a, b)
    m = mixed_pool.mix(t.y, len(a.y), 0.5, 200, few=20, seed=1)
    net, points, start = models.mlp([4, 8, 2]), [], {}
    for _ in range(2):
        start = training.fit_many(
            net,
            t.x,
            t.y,
            included=[m.pool[::4]],
            steps=20,
            learning_rate=0.02,
            start=start,
            record="parameters",
        ).parameters
        points.append({k: v[0] for k, v in start.items()})
    hidden = training.predict(
        net[:-1], t.x, parameters={k: points[0][k] for k in list(points[0])[:2]}, output="logits"
    )
    counts = importance.bins(t.x, t.x)
    return t, m, net, points, mixed_pool.orders(net, points, t, m, counts, hidden, largest=60, seed=3)


def test_every_rule_orders_the_whole_pool_and_has_a_price(chosen):
    orders, seconds = chosen[-1]
    assert set(orders) == set(seconds) == set(mixed_pool.RULES) == set(mixed_pool.PASSES)
    for order in orders.values():
        assert sorted(order) == list(range(200))
    assert min(seconds.values()) >= 0


def test_rules_that_know_the_target_find_it_and_those_that_do_not_do_not(chosen):
    _, m, *_, (orders, _) = chosen
    found = {rule: m.relevant[order[:60]].mean() for rule, order in orders.items()}
    assert min(found[r] for r in ("gradients", "gradients, loosely", "importance")) > 0.8
    assert found["features"] > 0.65
    assert max(found[r] for r in ("random", "any target")) < 0.75


def test_hard_and_easy_are_the_losses_of_the_last_checkpoint(chosen):
    t, m, net, points, (orders, _) = chosen
    p = training.predict(net, t.x[m.pool], parameters=points[-1])
    loss = -np.log(p[np.arange(200), t.y[m.pool]])
    assert loss[orders["hard"][:20]].min() > loss[orders["easy"][:20]].max()
    y = t.y[m.pool]
    own = orders["easy"][y[orders["easy"]] == 0]
    assert (np.diff(loss[own]) >= -1e-6).all()


def test_facility_location_covers_better_than_chance(chosen):
    t, m, net, points, (orders, _) = chosen
    hidden = training.predict(
        net[:-1], t.x, parameters={k: points[0][k] for k in list(points[0])[:2]}, output="logits"
    )
    rows = hidden[m.pool]
    reach = lambda o: np.linalg.norm(rows[:, None] - rows[o[:20]], axis=2).min(axis=1).mean()  # noqa: E731
    assert reach(orders["facility location"]) < reach(orders["random"])
