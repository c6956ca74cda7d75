import numpy as np
import pytest
from PIL import Image

from labutils.audit import source

RNG = np.random.default_rng(0)


def csv_of(path, rows, header="a,b,colour,label"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def table(tmp_path, n=60):
    rows = [
        f"{i * 7 % 13},{'' if i % 10 == 3 else i / 3},{'red' if i % 3 else 'blue'},{'yes' if i % 2 else 'no'}"
        for i in range(n)
    ]
    return csv_of(tmp_path / "my table.csv", rows)


def test_a_csv_with_holes_and_categories(tmp_path):
    found = source.from_file(table(tmp_path), target="label")
    assert found.classes == ("no", "yes") and len(found.train) + len(found.test) == 60
    assert found.features.missing.sum() == 6 and np.isfinite(found.features.train).all()
    assert found.show(1) == "a 7, b 0.3333333333333333, colour red"
    assert found.label(1) == "yes" and not set(found.train) & set(found.test)
    with pytest.raises(ValueError, match="it has no column 'labels' \\(is it 'label'\\?\\)"):
        source.from_file(table(tmp_path), target="labels")


def test_rows_of_a_csv_are_compared_by_what_is_learnt_from_and_an_identifier_is_not(tmp_path):
    rows = [f"{10 * i},{i},{i * i % 7},x,{i % 2}" for i in range(50)] + ["7,3,2,x,0", "8,3,2,y,0"]
    file = csv_of(tmp_path / "t.csv", rows, "id,a,b,colour,label")
    found = source.from_file(file, target="label")
    assert (found.raw[50] == found.raw[3]).all() and (found.raw[51] != found.raw[3]).all()
    assert found.notes == (
        "column 'id' numbers the rows; it is left out",
    )  # and no path of the reader's disk


def test_arrays_images_regressions_and_names():
    found = source.from_arrays(RNG.random((80, 8, 8)), np.arange(80) % 4, classes=("a", "b", "c", "d"))
    assert found.kind == "images" and found.show(0).shape == (8, 8) and found.label(3) == "d"
    colour = source.from_arrays((255 * RNG.random((80, 8, 8, 3))).astype(np.uint8), np.arange(80) % 2)
    assert colour.raw.shape == (80, 3, 8, 8) and colour.raw.max() <= 1 and colour.show(0).shape == (8, 8, 3)
    number = source.from_arrays(RNG.random((80, 3)), RNG.random(80))
    assert number.n_classes == 0 and number.y.dtype == np.float32
    words = source.from_arrays(RNG.random((80, 3)), np.array(["x", "y"] * 40))
    assert words.classes == ("x", "y")


def test_test_rows_of_their_own_stand_behind_the_others():
    found = source.from_arrays(
        RNG.random((60, 3)), np.arange(60) % 2, test=(RNG.random((20, 3)), np.arange(20) % 2)
    )
    assert found.train.tolist() == list(range(60)) and found.test.tolist() == list(range(60, 80))


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.zeros((50, 2)), np.zeros(49, int), "x has 50 rows, y 49"),
        (np.zeros(50), np.zeros(50, int), "allowed: numbers, one row an example"),
        (np.zeros((50, 2)), np.zeros((50, 2)), "one label or number a row"),
        (np.zeros((50, 2)), np.arange(50) // 2, "the target has 25 classes in 50 rows"),
        (np.zeros((20, 2)), np.arange(20) % 2, "allowed: at least 40"),
        (np.full((50, 2), np.inf), np.arange(50) % 2, "x holds infinity"),
        (np.zeros((50, 2)), np.r_[np.nan, np.arange(49)], "y holds nan; every row needs a label"),
        (np.zeros((50, 2)), np.zeros(50, int), "it has 1 class"),
    ],
)
def test_bad_arrays_are_named(x, y, said):
    with pytest.raises(ValueError, match=said):
        source.from_arrays(x, y)


def test_mapped_files_and_embeddings(tmp_path):
    np.save(tmp_path / "x.npy", RNG.standard_normal((90, 4)).astype(np.float32))
    np.save(tmp_path / "y.npy", np.arange(90) % 3)
    found = source.from_file(tmp_path / "x.npy", target=str(tmp_path / "y.npy"))
    assert isinstance(found.raw, np.memmap) and len(found.classes) == 3
    with pytest.raises(ValueError, match="holds no labels"):
        source.from_file(tmp_path / "x.npy")
    np.save(tmp_path / "e.npy", RNG.standard_normal((60, 5)))
    seen = source.from_file(table(tmp_path), target="label", embedding=tmp_path / "e.npy")
    assert seen.features.train.shape[1] == 5 and "embedding e.npy" in seen.features.words
    np.save(tmp_path / "short.npy", RNG.standard_normal((59, 5)))
    with pytest.raises(ValueError, match="one row for each of the 60 rows"):
        source.from_file(table(tmp_path), target="label", embedding=tmp_path / "short.npy")
    (tmp_path / "no.npy").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="can't be used"):
        source.from_file(tmp_path / "no.npy", target=str(tmp_path / "y.npy"))
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        source.from_file(tmp_path / "x.npy", target=str(tmp_path / "absent.npy"))


def test_a_folder_of_images(tmp_path):
    for c in "ab":
        (tmp_path / "pics" / c).mkdir(parents=True)
        for i in range(25):
            Image.fromarray((255 * RNG.random((9, 9))).astype(np.uint8)).save(
                tmp_path / "pics" / c / f"{i}.png"
            )
    found = source.from_file(tmp_path / "pics")
    assert found.kind == "images" and found.classes == ("a", "b") and found.raw.shape == (50, 9, 9)


def test_the_books_own_sets_go_by_name():
    assert len(source.from_file("digits").y) == 1797
    assert source.from_file("novels").show(0).strip()


def test_a_quarter_of_every_class_is_held_out_and_never_more_than_twenty_thousand():
    y = np.repeat([0, 1], [90, 10])
    _, test = source.split(y, regression=False, seed=0)
    assert len(test) == 25 and (y[test] == 1).sum() in (2, 3)
    assert len(source.split(np.zeros(200_000, np.float32), regression=True, seed=0)[1]) == 20_000
