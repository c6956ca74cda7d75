from dataclasses import replace

import numpy as np
import pytest

from labutils import audit
from labutils.audit import sentences

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def report():
    y = RNG.integers(3, size=240)
    x = (2 * np.eye(5)[y] + RNG.standard_normal((240, 5))).astype(np.float32)
    x[:12] = x[20:32]
    return audit.run(x, y, repeats=2)


def test_percent():
    shown = [sentences.percent(share) for share in (0.123, 1, 0, -0.0000001, 0.0001, -0.05, 0.5)]
    assert shown == ["12.3%", "100%", "0%", "0%", "0.01%", "−5%", "50%"]


def test_the_verdict_opens_the_second_answer(report):
    for verdict, head in {
        "worth it": "Yes, it pays",
        "stop": "No: stop collecting",
        "cannot tell": "It can't be told yet",
    }.items():
        worth, idle = {"worth it": (1, 0), "stop": (0, 1), "cannot tell": (0, 0)}[verdict]
        d = replace(report.more.diagnosis, worth=worth, idle=idle, regime="resolution")
        assert sentences.more(replace(report.more, diagnosis=d), report.source).startswith(head)
    rising = replace(report.more, diagnosis=replace(report.more.diagnosis, regime="rising"))
    assert "rises with more rows" in sentences.more(rising, report.source)


def test_where_nothing_beats_random_that_is_what_is_said(report):
    text = sentences.few(replace(report.fewer, rule="random", beats=False, fraction=0.4), report.source)
    assert text.startswith("Nothing beats random here for certain: take a random ")
    assert "as many random ones" not in text
    chosen = sentences.few(replace(report.fewer, rule="herding", beats=True, fraction=0.1), report.source)
    assert chosen.startswith("Keep ") and "chosen by herding" in chosen and "as many random ones" in chosen
    assert "are needed" in sentences.few(replace(report.fewer, fraction=1.0, beats=False), report.source)


def test_wrong_labels_and_overlapping_classes_are_told_apart(report):
    y = report.source.y[report.source.train]
    flagged = np.zeros(len(y), bool)
    flagged[:9] = True
    clean = replace(report.errors, flagged=flagged, suggested=y, confidence=np.full(len(y), 0.2))
    text = sentences.there(report.inputs, clean, report.source)
    assert (
        "9 labels look wrong (5%), and 80% of those flagged are expected to be" in text
        and "overlap" not in text
    )
    overlap = replace(clean, suggested=(y + (np.arange(len(y)) % 3 == 0)) % 3)
    assert "classes overlap here" in sentences.there(report.inputs, overlap, report.source)


def test_counts_in_the_first_and_last_answer_add_up(report):
    assert f"{report.inputs.copies.sum()} exact cop" in report.answers()[0]
    last = report.answers()[4]
    assert f"keeps {report.keep.sum()} of 240 rows" in last
    numbers = [
        int(word.rstrip(".,")) for word in last.partition("each: ")[2].split() if word.rstrip(".,").isdigit()
    ]
    assert sum(numbers) == 240
