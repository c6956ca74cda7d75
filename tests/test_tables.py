"""Tables: what a column is taken for, and features that know nothing of the rows held out."""

import csv

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from labutils import data, tables

WORDS = [
    "the",
    "whale",
    "and",
    "the",
    "sea",
    "were",
    "grey",
    "as",
    "ever",
    "that",
    "morning",
    "in",
    "the",
    "harbour",
    "of",
    "nantucket",
]
N = 60


def table(*columns, target="0 1", n=N):
    """The bytes of a csv of n rows; a column is its title and a function of the row's number."""
    columns += (("target", lambda i: target.split()[i % len(target.split())]),)
    rows = [",".join(title for title, _ in columns)]
    rows += [",".join(str(cell(i)) for _, cell in columns) for i in range(n)]
    return "\n".join(rows).encode()


def sentence(i):
    return " ".join(np.random.default_rng(i).choice(WORDS, 6))


def value(i):
    return round(np.sin(i), 3)


def load(folder, raw):
    (folder / "my.csv").write_bytes(raw)
    return data.load(folder / "my.csv")


def test_columns_are_numbers_categories_or_texts():
    raw = table(
        ("a", value), ("colour", lambda i: ["red", "green", "blue"][i % 3]), ("note", sentence), ("b", value)
    )
    found = tables.read(raw, "my.csv")
    assert found.numbers.shape == (N, 2) and found.numbers[7, 1] == value(7) and found.lines[:2] == [2, 3]
    assert found.categories == (["red", "green", "blue"] * (N // 3),) and found.texts[5] == sentence(5)
    assert found.targets == ["0", "1"] * (N // 2) and not found.notes


@pytest.mark.parametrize("n", [8, N])
def test_kind_of_a_table_of_texts(tmp_path, n):
    assert load(tmp_path, table(("note", sentence), n=n)).kind == "text"
    assert load(tmp_path, table(("note", sentence), ("a", value), n=n)).kind == "rows"
    assert load(tmp_path, table(("place", lambda i: "ab"[i % 2]), n=n)).kind == "rows"


def test_texts_of_two_columns_are_learnt_from(tmp_path):
    """The class is in one word of the title or of the body; noise around it."""

    def cell(part):
        return lambda i: sentence(i) + (f" {['ham', 'spam'][i % 2]}" if (i // 2) % 2 == part else "")

    d = load(tmp_path, table(("title", cell(0)), ("body", cell(1)), n=200))
    assert LogisticRegression().fit(d.x_train, d.y_train).score(d.x_test, d.y_test) == 1
    assert d.x_train.dtype == np.float32 and d.shape == (d.x_train.shape[1],)


def test_texts_become_at_most_a_hundred_numbers_of_mean_variance_one(tmp_path):
    rng = np.random.default_rng(0)
    d = load(
        tmp_path, table(("note", lambda i: " ".join(f"word{k}" for k in rng.integers(0, 900, 20))), n=200)
    )
    assert d.x_train.shape == (150, tables.COMPONENTS)
    assert (
        d.x_train.var(axis=0).mean() == pytest.approx(1, abs=1e-4)
        and np.abs(d.x_train.mean(axis=0)).max() < 1e-5
    )


def test_texts_without_spaces_are_read_by_characters(tmp_path):
    d = load(
        tmp_path, table(("note", lambda i: "数据猫狗鱼鸟"[i % 6] * 2 + "学习天地人"[i % 5] + chr(0x4E00 + i)))
    )
    assert LogisticRegression().fit(d.x_train, d.y_train).score(d.x_test, d.y_test) == 1


def test_features_know_nothing_of_the_rows_held_out():
    """Rows not trained on, changed in every way, leave the features of the others as they are, to the bit."""
    train = np.arange(N) % 4 > 0
    numbers = np.random.default_rng(0).normal(size=(N, 2))
    columns = (["red", "green"] * (N // 2),), tuple(map(sentence, range(N)))
    own, held = np.flatnonzero(train), np.flatnonzero(~train)
    before = tables.features(numbers, *columns, own, held)[0]
    numbers = np.where(train[:, None], numbers, 1e90)
    colours = [c if t else "never seen" for c, t in zip(columns[0][0], train)]
    texts = tuple(c if t else "unheard of words" for c, t in zip(columns[1], train))
    after, other = tables.features(numbers, (colours,), texts, own, held)
    assert (before == after).all() and np.isfinite(after).all() and np.isfinite(other).all()
    assert (other[:, 2:4] == 0).all() and (before[:, 2:4].sum(axis=1) == 1).all()  # one-hot, and all 0
    assert np.abs(other[:, :2]).max() == 1e6


def test_numbers_keep_their_digits(tmp_path):
    """A time stamp of ten digits differs in its last: more than float32 can hold before it is standardised."""
    d = load(tmp_path, table(("when", lambda i: 1_700_000_000 + i % 2)))
    assert set(d.x_train[:, 0].round(1)) == {-1, 1}


def test_constant_column_is_zero_even_where_its_mean_is_rounded():
    parts = tables.features(np.full((7, 1), 0.1), (), (), np.arange(6), np.array([6]))
    assert max(np.abs(x).max() for x in parts) < 1e-9


@pytest.mark.parametrize(
    ("title", "cell", "said"),
    [
        ("", lambda i: i, "column 1 numbers the rows; it is left out"),
        ("", lambda i: i + 1, "column 1 numbers the rows"),
        ("Unnamed: 0", lambda i: (7 * i) % N, "column 'Unnamed: 0' numbers the rows"),  # a shuffled table's
        ("Id", lambda i: i + 1, "column 'Id' numbers the rows"),
        ("", lambda i: "", "column 1 has no name and holds nothing"),
        ("key", lambda i: f"A-{i}", "column 'key' holds a code of its own for each row"),
    ],
)
def test_columns_left_out_and_said(tmp_path, title, cell, said):
    with pytest.warns(UserWarning, match=rf"^dataset '.*my\.csv': {said}"):
        d = load(tmp_path, table((title, cell), ("a", value)))
    assert d.x_train.shape[1] == 1


def test_a_named_column_that_counts_is_kept_and_said(tmp_path):
    with pytest.warns(UserWarning, match="column 'day' counts the rows; if it is an index"):
        assert load(tmp_path, table(("day", lambda i: i), ("a", value))).x_train.shape[1] == 2


@pytest.mark.parametrize("change", [
    lambda raw: b"\xef\xbb\xbf" + raw,
    lambda raw: raw + b"\n",
    lambda raw: raw + b"\n\n , \n,\n",
    lambda raw: b"\n" + raw.replace(b"\n", b"\n\n"),
    lambda raw: raw.replace(b"\n", b"\r\n"),
    lambda raw: raw.replace(b"\n", b"\r"),
    lambda raw: b'"' + raw.replace(b",", b'","').replace(b"\n", b'"\n"') + b'"',
])  # fmt: skip
def test_forms_of_one_table(change):
    """A byte order mark, blank lines, other line ends, quotes."""
    raw = table(("a", value))
    found, plain = tables.read(change(raw), "my.csv"), tables.read(raw, "my.csv")
    assert (found.numbers == plain.numbers).all() and found.targets == plain.targets


def test_long_cells_and_lines_counted_by_the_file():
    """A text longer than csv's limit, with two line ends in it: the row after it begins on line 5 of the file."""
    long = '"' + "word " * 50_000 + "\n\n" + '"'
    raw = f"note,a,target\n{long},1,0\nshort,2,1\nshort,{{}},1\n"
    assert tables.read(raw.format(3).encode(), "my.csv").lines == [2, 5, 6]
    with pytest.raises(ValueError, match=r"^line 6, column 'a': 'x' is text"):
        tables.read(raw.format("x").encode(), "my.csv")
    assert csv.field_size_limit() == 131_072


def test_a_wide_table_is_read_in_time():
    raw = table(*((f"c{i}", value) for i in range(2_000)), n=20)
    assert tables.read(raw, "my.csv").numbers.shape == (20, 2_000)
