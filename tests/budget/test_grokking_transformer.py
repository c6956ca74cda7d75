"""The transformer of sums: against attention and AdamW as torch has them, and whole after an interruption."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from labutils.budget import grokking, grokking_transformer

P, WIDTH = 5, 8


def network(w, a, b):
    """Scores by the definition: three tokens, causal attention by torch, the last place read."""
    tokens = torch.stack([a, b, torch.full_like(a, P)], 1)
    x = w["embed"][tokens] + w["place"]  # (n, 3, width)
    split = [(x @ w[name]).view(len(a), 3, 2, -1).transpose(1, 2) for name in ("query", "key", "value")]
    mixed = functional.scaled_dot_product_attention(*split, is_causal=True).transpose(1, 2).flatten(2)
    x = x + mixed @ w["out"]
    x = x + torch.relu(x @ w["up"] + w["up_bias"]) @ w["down"] + w["down_bias"]
    return (x @ w["unembed"])[:, -1]


def test_scores_follow_the_definition():
    w = grokking_transformer.draw(P, WIDTH, 3)
    w["up_bias"] = w["up_bias"] + np.float32(0.3)
    a, b, _ = map(torch.from_numpy, grokking.sums(P))
    expected = network({name: torch.from_numpy(v) for name, v in w.items()}, a, b)
    assert np.allclose(grokking_transformer.scores(w, heads=2), expected, atol=1e-5)


@pytest.mark.parametrize("recipe", ["adamw", "muon"])
def test_training_is_torch_adamw_and_muon_moves_the_block_alone(recipe):
    part, steps = grokking.subsets(P, [0.6], seeds=[0])[0], 12
    rate = grokking_transformer.BESIDE_MUON if recipe == "muon" else 0.01
    found = grokking_transformer.run(
        P, part, steps=steps, width=WIDTH, heads=2, recipe=recipe, learning_rate=rate, weight_decay=0.5
    )
    w = {n: torch.from_numpy(v).requires_grad_() for n, v in grokking_transformer.draw(P, WIDTH, 0).items()}
    optimizer = torch.optim.AdamW(list(w.values()), rate, betas=(0.9, 0.98), weight_decay=0.5)
    warm = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 10))
    a, b, c = (torch.from_numpy(v[part]) for v in grokking.sums(P))
    for _ in range(steps if recipe == "adamw" else 1):
        optimizer.zero_grad()
        functional.cross_entropy(network(w, a, b), c).backward()
        optimizer.step()
        warm.step()
    if recipe == "adamw":
        assert all(np.allclose(found.weights[n], v.detach(), atol=1e-5) for n, v in w.items())
    else:
        one = grokking_transformer.run(
            P, part, steps=1, width=WIDTH, heads=2, recipe=recipe, learning_rate=rate, weight_decay=0.5
        )
        same = {n for n, v in w.items() if np.allclose(one.weights[n], v.detach(), atol=1e-6)}
        assert same == set(w) - set(grokking_transformer.BLOCK)


def test_histories_hold_what_the_weights_give():
    part = grokking.subsets(P, [0.6], seeds=[0])[0]
    found = grokking_transformer.run(P, part, steps=63, width=WIDTH, heads=2, every=10, snapshot_every=30)
    assert found.steps.tolist() == [*range(51), 60, 63]
    assert found.snapshot_steps.tolist() == [0, 30, 60]
    assert np.array_equal(found.snapshots["embed"][0], grokking_transformer.draw(P, WIDTH, 0)["embed"])
    scores = torch.from_numpy(grokking_transformer.scores(found.weights, heads=2))
    answers = torch.from_numpy(grokking.sums(P)[2])
    loss = functional.cross_entropy(scores, answers, reduction="none")
    right = scores.argmax(1) == answers
    for k, name in ((part, "train"), (~part, "test")):
        assert getattr(found, f"{name}_loss")[-1] == pytest.approx(loss[k].mean().item(), rel=1e-4)
        assert getattr(found, f"{name}_accuracy")[-1] == pytest.approx(right[k].double().mean().item())
    assert found.weight_norm[-1] == pytest.approx(
        math.sqrt(sum((v**2).sum() for v in found.weights.values()))
    )


def test_thinned_keeps_both_ends():
    part = grokking.subsets(P, [0.6], seeds=[0])[0]
    run = grokking_transformer.run(P, part, steps=63, width=WIDTH, heads=2, every=10)
    short = run.thinned(9)
    assert short["steps"][0] == 0 and short["steps"][-1] == 63 and len(short["steps"]) <= 9
    at = np.searchsorted(run.steps, short["steps"])
    assert np.allclose(short["test"], run.test_accuracy[at], atol=5e-4)


class Stop(Exception):
    pass


@pytest.mark.parametrize("recipe", ["adamw", "grokfast", "muon"])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(recipe, tmp_path):
    part = grokking.subsets(P, [0.6], seeds=[1])[0]
    options = {"width": WIDTH, "heads": 2, "recipe": recipe, "every": 10, "snapshot_every": 20, "seed": 1}
    whole = grokking_transformer.run(P, part, steps=90, **options)
    told = []

    def interrupt(step, found):
        told.append(step)
        if step == 60:
            raise Stop

    options |= {"folder": tmp_path, "save_seconds": 0.0}
    grokking_transformer.run(
        P, part, steps=17, **options
    )  # a shorter one, whose last entry is not due in a longer
    with pytest.raises(Stop):
        grokking_transformer.run(P, part, steps=90, **options, report=interrupt)
    assert min(told) > 17  # the second began where the first had ended
    found = grokking_transformer.run(P, part, steps=90, **options)
    again = grokking_transformer.run(
        P, part, steps=90, **options, report=lambda *_: pytest.fail("trained again")
    )
    for one in (found, again):
        for name in ("steps", "test_loss", "weight_norm", "snapshot_steps"):
            assert np.array_equal(getattr(one, name), getattr(whole, name))
        assert all(np.array_equal(one.weights[n], v) for n, v in whole.weights.items())
        assert all(np.array_equal(one.snapshots[n], v) for n, v in whole.snapshots.items())
    assert len(list(tmp_path.iterdir())) == 1
    other = grokking_transformer.run(P, part, steps=5, **(options | {"weight_decay": 0.1}))  # not taken up
    assert other.steps[0] == 0
    with pytest.raises(ValueError, match="is at update 90"):
        grokking_transformer.run(P, part, steps=80, **options)


def test_it_stops_where_the_goal_is_reached():
    part = grokking.subsets(7, [0.8], seeds=[0])[0]
    found = grokking_transformer.run(7, part, steps=2000, width=16, every=10, weight_decay=2.0, goal=0.2)
    assert found.steps[-1] < 2000 and found.first("test", 0.2) == found.steps[-1]
    assert (found.test_accuracy[:-1] < 0.2).all() and found.first("test", 1.1) == math.inf


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"recipe": "adam"}, "Did you mean 'adamw'"),
        ({"steps": 0}, "steps is 0"),
        ({"width": 9}, "width is 9 for 4 heads"),
        ({"included": np.ones(9, bool)}, "included has shape"),
        ({"included": np.zeros(25, bool)}, "with a sum in it"),
    ],
)
def test_bad_input_is_named(change, match):
    good = {"included": np.ones(25, bool), "steps": 1, "width": 8}
    with pytest.raises(ValueError, match=match):
        grokking_transformer.run(5, **(good | change))
