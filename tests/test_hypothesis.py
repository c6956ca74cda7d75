"""Random input: readers, scores, selections and fits give what they promise, or say in one sentence what is wrong."""

import csv
import io
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from labutils import data
from labutils.laws import power_law
from labutils.selection import coresets, pruning, scores

one_file = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
ODD = [
    "",
    "1",
    "0",
    "-0",
    "2.5",
    "1e9",
    "1e99",
    "1e308",
    "5e-324",
    "red",
    "NA",
    "nan",
    "inf",
    "007",
    "1_0",
    "٣",
    "1,5",
]
ODD += ["x;y", '"', "a b c d e", "数据", "\t", " 7 ", "\u2028", "True", "?", "target", "é"]
cells = st.sampled_from(ODD) | st.text(max_size=4) | st.floats().map(repr) | st.integers().map(str)
WORDS = ["to", "be", "or", "not", "that", "is", "the", "question"]
COLUMNS = {  # the cell of row i in a column of one kind, from a random generator
    "numbers": lambda rng, i: repr(rng.normal(0, 10.0 ** rng.integers(-9, 9))),
    "codes": lambda rng, i: str(rng.integers(3)),
    "names": lambda rng, i: str(rng.choice(["red", "green", "blue"])),
    "texts": lambda rng, i: " ".join(rng.choice(WORDS, rng.integers(7))),
    "index": lambda rng, i: str(i),
    "constant": lambda rng, i: "0.1",
}


@st.composite
def tables(draw):
    """The bytes of a csv: columns of several kinds, mostly with a target, now and then an odd cell or broken bytes."""
    n, rng = draw(st.integers(0, 40)), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    plain = st.sampled_from(["a", "b", "c", "d", "", "id", "Unnamed: 0"])
    titles = draw(
        st.lists(plain, min_size=1, max_size=4, unique=True)
        | st.lists(cells, min_size=1, max_size=4, unique=True)
    )
    columns = [COLUMNS[draw(st.sampled_from(list(COLUMNS)))] for _ in titles]
    if draw(st.integers(0, 19)):
        titles.append("target")
        columns.append(COLUMNS[draw(st.sampled_from(["codes", "names", "codes", "names", *COLUMNS]))])
    columns = [[cell(rng, i) for i in range(n)] for cell in columns]
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2])) if n and titles else 0):
        draw(st.sampled_from(columns))[draw(st.integers(0, n - 1))] = draw(cells)
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=draw(st.sampled_from(["\n", "\r\n"]))).writerows([titles, *zip(*columns)])
    raw = file.getvalue().encode(draw(st.sampled_from(["utf-8"] * 20 + ["utf-8-sig", "utf-16"])), "replace")
    if not draw(st.integers(0, 5)):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.binary(max_size=4)) + raw[at + draw(st.integers(0, 4)) :]
    return raw


def sentence(error):
    text = str(error)
    assert text and "\n" not in text and len(text) < 2_000
    return text


def loads_or_says(path, seed):
    """A data set that is whole and finite, or a ValueError that calls the file by its name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("ignore", UserWarning)
            d = data.load(path, seed=seed)
    except ValueError as error:
        assert path.name in sentence(error)
        return
    assert d.x_train.dtype == d.x_test.dtype == np.float32 and d.kind in ("images", "rows", "text")
    assert np.isfinite(d.x_train).all() and np.isfinite(d.x_test).all()
    assert (
        d.x_train.shape == (len(d.y_train), np.prod(d.shape)) and d.x_train.shape[1] == d.x_test.shape[1] > 0
    )
    assert len(d.y_test) == len(d.x_test) > 0
    if d.classes:
        assert d.y_train.dtype == np.int64 and len(set(d.classes)) == len(d.classes) > 1
        assert set(d.y_train) == set(range(len(d.classes))) and set(d.y_test) <= set(d.y_train)
    else:
        assert d.y_train.dtype == np.float32 and np.isfinite(d.y_train).all() and np.isfinite(d.y_test).all()


@one_file
@given(raw=tables() | st.binary(max_size=200), seed=st.integers(0, 2**32 - 1))
def test_csv(tmp_path, raw, seed):
    (tmp_path / "my.csv").write_bytes(raw)
    loads_or_says(tmp_path / "my.csv", seed)


DTYPES = hnp.scalar_dtypes() | hnp.unicode_string_dtypes(max_len=3) | hnp.byte_string_dtypes(max_len=3)
SHAPES = st.tuples(st.integers(0, 9), st.integers(0, 4)) | hnp.array_shapes(max_dims=5, max_side=5)
small = st.sampled_from(["<i8", "<i4", "u1", "<f8", "U1", "?"]).map(np.dtype)


@one_file
@given(drawn=st.data(), seed=st.integers(0, 2**32 - 1))
def test_npz(tmp_path, drawn, seed):
    x = drawn.draw(hnp.arrays(drawn.draw(DTYPES | small), drawn.draw(SHAPES)))
    sizes = st.just((len(x),)) | st.just((len(x), 1)) | SHAPES
    few = drawn.draw(st.booleans())  # and so perhaps classes
    kind = drawn.draw(small if few else DTYPES | small)
    y = drawn.draw(
        hnp.arrays(np.int64 if few else kind, drawn.draw(sizes), elements=st.integers(0, 2) if few else None)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.savez(tmp_path / "my.npz", x=x, y=y.astype(kind))
    loads_or_says(tmp_path / "my.npz", seed)


@one_file
@given(drawn=st.data(), suffix=st.sampled_from(["png", "tiff", "gif", "jpeg", "bmp", "webp"]))
def test_folder_with_a_damaged_picture(tmp_path, drawn, suffix):
    mode = drawn.draw(
        st.sampled_from(["L", "RGB"] if suffix in ("jpeg", "webp", "bmp") else ["1", "L", "P", "RGB"])
    )
    file = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8) * 5).convert(mode).save(file, suffix)
    for i in range(4):
        raw = bytearray(file.getvalue())
        if i == 3:
            at = drawn.draw(st.integers(0, len(raw) - 1))
            raw[at : at + drawn.draw(st.integers(0, 9))] = drawn.draw(st.binary(max_size=9))
        (tmp_path / f"class{i % 2}").mkdir(exist_ok=True)
        (tmp_path / f"class{i % 2}" / f"{i}.{suffix}").write_bytes(raw)
    loads_or_says(tmp_path, 0)
    for left in tmp_path.rglob("*.*"):
        left.unlink()


# --- scores, selections, fits --------------------------------------------------------------------------------
SCORES = {  # name: (its function, whether it takes labels, the largest value it can have among C classes)
    "el2n": (scores.el2n, True, lambda c: 2**0.5),
    "entropy": (scores.entropy, False, np.log),
    "margin": (scores.margin, False, lambda c: 1),
    "least_confidence": (scores.least_confidence, False, lambda c: 1 - 1 / c),
    "disagreement": (scores.disagreement, False, np.log),
    "difficulty": (lambda p, y: scores.cartography(p, y).difficulty, True, lambda c: 1),
    "variability": (lambda p, y: scores.cartography(p, y).variability, True, lambda c: 0.5),
}
anything = hnp.arrays(
    float, hnp.array_shapes(max_dims=4, max_side=6), elements=st.floats(width=32) | st.floats(0, 1)
)


@given(
    name=st.sampled_from(list(SCORES)),
    logits=hnp.arrays(float, st.tuples(*[st.integers(2, 5)] * 3), elements=st.floats(-50, 50)),
    seed=st.integers(0, 9),
)
def test_scores_lie_in_their_range_and_go_with_their_examples(name, logits, seed):
    score, takes_labels, largest = SCORES[name]
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    rng = np.random.default_rng(seed)
    y, order = rng.integers(p.shape[-1], size=p.shape[-2]), rng.permutation(p.shape[-2])
    found = score(p, y) if takes_labels else score(p)
    assert found.shape == y.shape and found.min() > -1e-6 and found.max() < largest(p.shape[-1]) + 1e-6
    again = score(p[:, order], y[order]) if takes_labels else score(p[:, order])
    assert np.allclose(again, found[order], atol=1e-9)


@given(
    name=st.sampled_from([*SCORES, "loss", "aum", "forgetting"]),
    values=anything,
    y=hnp.arrays(int, hnp.array_shapes(max_dims=2, max_side=6), elements=st.integers(-1, 6)),
)
def test_scores_of_anything_are_finite_or_refused(name, values, y):
    score, takes_labels, _ = SCORES.get(name) or (getattr(scores, name), name != "forgetting", None)
    try:
        found = score(values, y) if takes_labels else score(values)
    except ValueError as error:
        sentence(error)
    else:
        assert np.isfinite(found).all() and found.ndim == 1


CORESETS = (coresets.k_center, coresets.herding, coresets.graph_cut, coresets.facility_location)
rows = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    hnp.array_shapes(min_dims=1, max_dims=3, max_side=12),
    elements=st.floats(width=32) | st.floats(-4, 4, width=16),
)


@given(choose=st.sampled_from(CORESETS), x=rows, size=st.integers(-1, 13))
def test_coresets_are_different_rows_or_refused(choose, x, size):
    try:
        chosen = choose(x, size)
    except ValueError as error:
        sentence(error)
        assert x.ndim != 2 or not 1 <= size <= len(x) or not np.isfinite(x).all()
    else:
        assert len(set(chosen.tolist())) == size and chosen.min() >= 0 and chosen.max() < len(x)


@given(
    values=hnp.arrays(float, st.integers(0, 30), elements=st.floats(0, 1) | st.floats() | st.just(0.5)),
    fraction=st.floats(0, 1.5) | st.just(1.0),
    prefer=st.sampled_from([*pruning.PREFER, "coverage"]),
    n_classes=st.integers(0, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_subsets_are_rows_of_the_size_asked_for_or_refused(values, fraction, prefer, n_classes, seed):
    labels = np.random.default_rng(seed).integers(n_classes, size=len(values)) if n_classes else None
    choose = pruning.coverage if prefer == "coverage" else pruning.select
    options = {} if prefer == "coverage" else {"prefer": prefer}
    try:
        chosen = choose(values, fraction, labels=labels, seed=seed, **options)
    except ValueError as error:
        sentence(error)
        assert not len(values) or not np.isfinite(values).all() or not 0 < fraction <= 1
    else:
        assert len(chosen) == max(1, round(fraction * len(values))) and (np.diff(chosen) > 0).all()
        assert chosen[0] >= 0 and chosen[-1] < len(values)
        assert (chosen == choose(values, fraction, labels=labels, seed=seed, **options)).all()


@given(
    n=hnp.arrays(
        float, st.integers(0, 8), elements=st.floats(1, 1e12) | st.sampled_from([0.0, -1.0, np.nan, np.inf])
    ),
    drawn=st.data(),
    floor=st.booleans(),
)
def test_power_law_fits_are_finite_or_refused(n, drawn, floor):
    losses = st.floats(1e-9, 1e9) | st.floats(0.1, 10) | st.sampled_from([0.0, np.nan])
    loss = drawn.draw(hnp.arrays(float, len(n), elements=losses))
    try:
        law = power_law.fit_power_law(n, loss, floor=floor, n_boot=2)
    except ValueError as error:
        sentence(error)
        return
    found = [law.amplitude, law.exponent, law.floor, law.scatter, *law.exponent_interval]
    assert np.isfinite(found).all() and law.exponent >= 0 and law.floor >= 0
    assert np.isfinite(law.predict(n)).all()


@given(st.floats(0.05, 1.5), st.floats(-3, 3), st.floats(0, 1), st.integers(5, 9), st.integers(0, 2**32 - 1))
def test_power_law_is_found_again_without_noise(exponent, amplitude, floor, points, seed):
    n = 2.0 ** np.arange(4, 4 + points)
    loss = np.exp(amplitude) * n**-exponent + floor * np.exp(amplitude)
    law = power_law.fit_power_law(n, loss, n_boot=0, seed=seed)
    assert np.allclose(law.predict(n), loss, rtol=1e-2)
    if floor < 0.1:
        assert law.exponent == pytest.approx(exponent, abs=0.25)
