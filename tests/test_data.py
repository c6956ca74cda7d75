"""Data: shapes and splits of what loads, and one clear sentence for everything that must not."""

import os
import pathlib
import subprocess
import sys
import urllib.error
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from labutils import bundled, data

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def image_root(tmp_path_factory):
    """A folder with MNIST and Fashion-MNIST: $LABUTILS_DATA, or laid out from the packed copy beside the repo."""
    if "LABUTILS_DATA" in os.environ:
        return pathlib.Path(os.environ["LABUTILS_DATA"])
    if not (SHARED / "prepare.py").exists():
        pytest.skip("no image sets here: set LABUTILS_DATA to a folder that holds MNIST and FashionMNIST")
    root = tmp_path_factory.mktemp("images")
    subprocess.run([sys.executable, SHARED / "prepare.py", root, "mnist", "fashion_mnist"], check=True)
    return root


def points(n=40, d=3, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(5, 3, (n, d)), np.arange(n) % classes


def write_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def write_csv(path, text):
    path.write_text(text)
    return path


def test_digits_are_sklearns_split_without_overlap_or_loss():
    from sklearn.datasets import load_digits

    d = data.load("digits", seed=3)
    assert d.x_train.dtype == np.float32 and d.y_train.dtype == np.int64 and d.shape == (8, 8)
    together = np.concatenate([d.x_train, d.x_test]) * 16
    expected = load_digits().data
    assert sorted(map(bytes, together.astype(np.uint8))) == sorted(map(bytes, expected.astype(np.uint8)))
    shares = np.bincount(d.y_test) / len(d.y_test) - np.bincount(load_digits().target) / len(expected)
    assert np.abs(shares).max() < 1 / len(d.y_test)


def test_seed_fixes_the_split_and_leaves_the_global_state_alone():
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    a, b, c = data.load(seed=1), data.load(seed=1), data.load(seed=2)
    assert (a.x_train == b.x_train).all() and (a.y_train[:100] != c.y_train[:100]).any()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


@pytest.mark.parametrize("size", [10, 137, 1348, 5000])
def test_max_train_keeps_class_shares(size):
    d = data.load(max_train=size)
    assert len(d.y_train) == min(size, 1348)
    assert np.ptp(np.bincount(d.y_train, minlength=10)) <= max(2, 0.03 * size)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_image_sets_have_the_published_mean_and_deviation(image_root, name):
    d = data.load(name, root=image_root)
    assert d.x_train.shape == (60000, 784) and d.x_test.shape == (10000, 784) and d.shape == (28, 28)
    mean, deviation = {"mnist": (0.1307, 0.3081), "fashion_mnist": (0.2860, 0.3530)}[name]
    assert d.x_train.mean(dtype=np.float64) == pytest.approx(mean, abs=1e-4)
    assert d.x_train.std(dtype=np.float64) == pytest.approx(deviation, abs=1e-4)
    assert len(d.classes) == 10


def test_cifar10_is_channels_first(tmp_path):
    """Read files laid out as the official ones are, written here so that nothing need be downloaded."""
    torchvision = pytest.importorskip("torchvision")
    rng, colours = np.random.default_rng(0), np.array([10, 100, 200], np.uint8)

    class Fake:
        classes = tuple("ab")

        def __init__(self, root, train):
            self.data = np.broadcast_to(colours, (6, 32, 32, 3)).copy()
            self.targets = rng.integers(0, 2, 6).tolist()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torchvision.datasets, "CIFAR10", Fake)
        d = data.load("cifar10", root=tmp_path)
    assert d.shape == (3, 32, 32)
    assert np.allclose(d.x_train.reshape(-1, 3, 32, 32)[:, :, 0, 0], colours / 255)


def test_offline_download_says_what_to_do_and_leaves_nothing(tmp_path, monkeypatch):
    def refuse(*args, **keywords):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(
        ConnectionError, match=r"could not be downloaded.*no route.*LABUTILS_DATA.*dataset='digits'"
    ):
        data.load("mnist", root=tmp_path / "new")
    assert not list((tmp_path / "new").iterdir())


def test_npz_and_csv_agree_and_are_standardised_by_the_training_rows(tmp_path):
    x, y = points()
    npz = data.load(write_npz(tmp_path / "mine.npz", x=x, y=y))
    lines = ["a,target,b,c"] + [f"{r[0]!r},{t},{r[1]!r},{r[2]!r}" for r, t in zip(x.tolist(), y)]
    table = data.load(write_csv(tmp_path / "mine.csv", "\n".join(lines)))
    assert np.allclose(npz.x_train, table.x_train, atol=1e-5) and (npz.y_test == table.y_test).all()
    assert np.allclose(npz.x_train.mean(0), 0, atol=1e-5) and np.allclose(npz.x_train.std(0), 1, atol=1e-5)
    assert npz.classes == table.classes == ("0", "1", "2", "3") and npz.name == "mine"


def test_constant_feature_and_text_labels(tmp_path):
    rows = "\n".join(f"1,{i},{'cat' if i % 2 else 'dog'}" for i in range(12))
    with pytest.warns(UserWarning, match="column 'two' counts the rows"):
        d = data.load(str(write_csv(tmp_path / "pets.csv", "one,two,target\n" + rows)))
    assert d.classes == ("cat", "dog") and np.isfinite(d.x_train).all() and (d.x_train[:, 0] == 0).all()


def test_folder_of_images(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
        for i in range(4):
            Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)).save(
                tmp_path / name / f"{i}.png"
            )
    d = data.load(tmp_path)
    assert (
        d.shape == (3, 5, 6)
        and d.classes == ("left", "right")
        and d.x_train.max() <= 1
        and len(d.x_train) == 6
    )


def test_a_broken_download_is_mended(tmp_path, monkeypatch):
    """What an interrupted download left is replaced whole; nothing else stays behind."""
    import torchvision

    def source(root, train, download=False):
        file = pathlib.Path(root) / "MNIST" / "raw"
        if download:
            file.parent.mkdir()
            file.write_text("whole")
        if not file.exists() or file.read_text() != "whole":
            raise RuntimeError("Dataset not found")
        part = np.arange(40).reshape(10, 2, 2).astype(np.uint8)
        return SimpleNamespace(data=part, targets=list(range(10)), classes=list("0123456789"))

    monkeypatch.setattr(torchvision.datasets, "MNIST", source)
    (tmp_path / "MNIST").mkdir()
    for left in ({"raw": "half"}, {"other": "junk"}, {}):
        for name, text in left.items():
            (tmp_path / "MNIST" / name).write_text(text)
        d = data.load("mnist", root=tmp_path)
        assert d.kind == "images" and d.x_train.max() == np.float32(39 / 255)
        assert [p.name for p in tmp_path.rglob("*")] == ["MNIST", "raw"]
        (tmp_path / "MNIST" / "raw").unlink()


def test_offline_message_calls_the_cache_as_people_write_it(tmp_path, monkeypatch):
    import torchvision

    def refuse(*args, **keywords):
        raise OSError(13, "Permission denied", "/root/somewhere")

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", refuse)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "LABUTILS_DATA"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConnectionError, match=r"not in ~/\.cache/labutils and could .*\(Permission denied\)"):
        data.load("cifar10")


def test_describe_says_what_is_there(tmp_path):
    assert data.describe("digits") == data.Description(
        "digits", "images", "classification", 1348, 449, 64, 10, 130, ()
    )
    lines = [f"{i},{i % 7},{i % 5 / 2}" for i in range(40)]
    write_csv(tmp_path / "mine.csv", "\n".join([",a,target", *lines]))
    found = data.describe(tmp_path / "mine.csv")
    assert (found.name, found.kind, found.task) == ("mine", "rows", "regression")
    assert (found.n_train, found.n_test, found.n_features) == (30, 10, 1)
    assert (found.n_classes, found.smallest_class) == (0, 0)
    assert len(found.warnings) == 1 and "column 1 numbers the rows" in found.warnings[0]


def test_a_regression_is_held_out_and_thinned_at_random(tmp_path):
    x, _ = points()
    write_npz(tmp_path / "mine.npz", x=x, y=x[:, 0] * 1000)
    d = data.load(tmp_path / "mine.npz", max_train=20, seed=1)
    assert (len(d.y_train), len(d.y_test), d.classes, d.y_train.dtype) == (20, 10, (), np.float32)
    assert np.corrcoef(d.x_train[:, 0], d.y_train)[0, 1] > 0.999 and np.abs(d.y_train).max() > 1000


def test_every_class_stays_however_few_the_rows(tmp_path):
    """Two examples of a class: one to train on, whatever max_train leaves."""
    x, _ = points(60)
    write_npz(tmp_path / "mine.npz", x=x, y=np.r_[np.zeros(56, int), 1, 1, 2, 2])
    for seed in range(20):
        d = data.load(tmp_path / "mine.npz", max_train=3, seed=seed)
        assert sorted(d.y_train) == [0, 1, 2]


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, True, None])
def test_bad_seed(seed):
    with pytest.raises(ValueError, match=f"seed is {seed!r}; allowed: a whole number from 0 to"):
        data.load(seed=seed)


def test_bad_max_train():
    with pytest.raises(ValueError, match="max_train is 0"):
        data.load(max_train=0)
    with pytest.raises(ValueError, match="at least 10 are needed"):
        data.load(max_train=5)


def test_text_of_this_python(tmp_path):
    text, again = data.text(), data.text(max_chars=50_000)
    assert text.codes.size > 5_000_000 and text.files > 300
    assert (text.codes[:50_000] == again.codes).all() and text.codes.max() < len(text.alphabet) == 96
    words = "".join(text.alphabet[c] for c in text.codes[:200_000])
    assert "def " in words and "return" in words
    assert (text.codes == text.alphabet.index("?")).mean() < 1e-3


def test_text_of_the_novels_holds_every_passage_and_any_beginning_is_a_sample():
    text, rows = data.text("novels"), bundled.novels()
    words = "".join(text.alphabet[c] for c in text.codes)
    assert words.count("?") == "".join(rows["passage"]).count("?")  # no symbol was lost
    assert sorted(words.replace("\n\n", "\n").split("\n")) == sorted(rows["passage"])
    assert text.files == len(set(zip(rows["novel"], rows["chapter"]))) and text.name == "novels"
    beginning = words[:700_000].split("\n")
    novel_of = dict(zip(rows["passage"], rows["novel"]))
    assert len({novel_of.get(passage) for passage in beginning} - {None}) == 10
    first = words.split("\n\n")[0].split("\n")  # passages of one chapter, in its order
    places = [rows["passage"].index(passage) for passage in first]
    assert places == list(range(places[0], places[0] + len(first)))


def test_text_of_the_reader(tmp_path):
    (tmp_path / "mine.txt").write_text("a\tcafé\n", encoding="utf-8")
    text = data.text(tmp_path / "mine.txt")
    assert "".join(text.alphabet[c] for c in text.codes) == "a   caf?\n" and text.name == "mine"
    with pytest.raises(FileNotFoundError, match="'python', 'novels' or a text file"):
        data.text("nowhere.txt")
    with pytest.raises(ValueError, match="holds 9 characters; at least 100 are needed"):
        data.text(tmp_path / "mine.txt", min_chars=100)
    (tmp_path / "mine.txt").write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
    assert data.text(tmp_path / "mine.txt").codes.tolist() == [data.ALPHABET.index(c) for c in "a\nb\nc\n"]
    for encoding in ("latin1", "utf-16"):
        (tmp_path / "mine.txt").write_text("café " * 50, encoding=encoding)
        with pytest.raises(ValueError, match=f"convert it: iconv -f {encoding} -t utf-8 .*mine.txt"):
            data.text(tmp_path / "mine.txt")
    with pytest.raises(ValueError, match="max_chars is -1; allowed: at least 1"):
        data.text(max_chars=-1)
    (tmp_path / "mine.txt").write_text(" \n")
    with pytest.raises(ValueError, match="at least 1 are needed"):
        data.text(tmp_path / "mine.txt")
