"""Readers: pictures and arrays of every sort, and what a target is taken for. What they refuse: test_bad_input."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from labutils import data, readers

X = np.random.default_rng(0).normal(5, 3, (40, 3))
Y = np.arange(40) % 4
GREY = np.arange(20, dtype=np.uint8).reshape(4, 5) * 12


def classes_of(folder, images, suffix="png", **options):
    """A folder with the images twice, as classes a and b."""
    for name in "ab":
        (folder / name).mkdir(exist_ok=True)
        for i, image in enumerate(images):
            image.save(folder / name / f"{i}.{suffix}", **options)
    return folder


def read_csv(folder, text):
    (folder / "my.csv").write_text(text)
    return readers.read(folder / "my.csv")


@pytest.mark.parametrize(("suffix", "dtype"), [("png", np.uint16), ("tif", np.uint16), ("tif", np.int32)])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path, suffix, dtype):
    """Pillow's own conversion to 8 bits makes everything above 255 white."""
    deep = Image.fromarray((GREY.astype(np.int32) * 257).astype(dtype))
    found = readers.read(classes_of(tmp_path, [deep, Image.fromarray(GREY)], suffix))
    assert found.x.dtype == np.float32 and found.kind == "images"
    assert np.allclose(found.x, GREY / 255, atol=1e-6)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_usual_mode_is_grey_or_three_colours(tmp_path, mode):
    suffix = "tif" if mode == "CMYK" else "png"
    found = readers.read(classes_of(tmp_path, [Image.fromarray(GREY).convert(mode)] * 2, suffix))
    assert found.x.shape == ((4, 4, 5) if mode in ("1", "L", "LA") else (4, 3, 4, 5))
    if mode != "1":
        assert np.abs(found.x - GREY / 255).max() < 0.01


def test_transparent_pixels_are_laid_on_white_and_said(tmp_path):
    """What colour hides under a transparent pixel nobody has seen."""
    clear = np.stack([GREY, np.where(GREY > 100, 255, 0).astype(np.uint8)], axis=-1)
    with pytest.warns(UserWarning, match="4 of its 4 images are partly transparent and were laid on white"):
        found = readers.read(classes_of(tmp_path, [Image.fromarray(clear, "LA")] * 2))
    assert np.allclose(found.x, np.where(GREY > 100, GREY / 255, 1))


def test_folder_without_images_is_left_out_and_said(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / ".cache").mkdir()
    (tmp_path / "notes" / "._0.png").write_text("what another system says of a picture")
    with pytest.warns(UserWarning, match="folder 'notes' holds no images"):
        assert readers.read(classes_of(tmp_path, [Image.fromarray(GREY)] * 2)).classes == ("a", "b")


def test_npz_of_pictures(tmp_path):
    """Bytes, 16 bits and fractions are one picture; colours come first; a table of bytes is no picture."""
    found = {}
    pictures = np.random.default_rng(0).integers(0, 256, (40, 6, 7, 3), dtype=np.uint8)
    for name, x in {
        "bytes": pictures,
        "deep": pictures.astype(np.uint16) * 257,
        "fractions": pictures / 255,
        "first": pictures.transpose(0, 3, 1, 2),
        "mask": (pictures > 100).astype(np.uint8),
        "table": pictures.reshape(40, -1),
    }.items():
        np.savez(tmp_path / f"{name}.npz", x=x, y=Y)
        found[name] = readers.read(tmp_path / f"{name}.npz")
    assert found["bytes"].x.shape == (40, 3, 6, 7) and found["bytes"].kind == "images"
    for name in ("deep", "fractions", "first"):
        assert np.allclose(found[name].x, found["bytes"].x, atol=1e-6)
    assert found["mask"].x.max() == 1
    assert found["table"].kind == "rows" and found["table"].x.shape == (40, 126)


@pytest.mark.parametrize(
    "y", [Y[:, None], Y.astype(str), Y.astype("S"), Y.astype(float), Y > 1, Y.astype(np.uint64)]
)
def test_npz_labels_of_every_sort(tmp_path, y):
    np.savez(tmp_path / "my.npz", x=X, y=y)
    found = readers.read(tmp_path / "my.npz")
    assert found.y.dtype == np.int64 and len(found.classes) == len(np.unique(y)) and found.y.shape == (40,)


@pytest.mark.parametrize(
    ("targets", "classes"),
    [
        (["1", "0"], ("0", "1")),
        (["1.0", "0.0"], ("0", "1")),
        (["-1", "1"], ("-1", "1")),
        (["cat", "dog"], ("cat", "dog")),
        (["007", "cat"], ("007", "cat")),
        (["007", "010"], ("007", "010")),
        (["+", "-"], ("+", "-")),
        ([" yes ", "no"], ("no", "yes")),
    ],
)
def test_targets_that_are_classes(tmp_path, targets, classes):
    rows = "".join(f"{i / 7},{targets[i % 2]}\n" for i in range(12))
    found = read_csv(tmp_path, "a,target\n" + rows)
    assert found.classes == classes and found.y.dtype == np.int64


def test_targets_that_are_numbers(tmp_path):
    """With fractions, or with many values of which some occur once: a number to predict, spelled as one likes."""
    found = read_csv(tmp_path, "a,target\n" + "".join(f"{i / 7},{i % 5 / 2}\n" for i in range(12)))
    assert found.classes == () and found.y.dtype == np.float32 and found.y[3] == 1.5
    found = read_csv(tmp_path, "a,target\n1,1\n2,1.0\n3,0.5\n5,2\n")
    assert found.y.tolist() == [1, 1, 0.5, 2]
    with pytest.warns(UserWarning, match="30 whole numbers, some of them once: it is taken as a number"):
        found = read_csv(tmp_path, "a,target\n" + "".join(f"{i / 7},{i}\n" for i in range(30)))
    assert found.y.tolist() == list(range(30))


def test_a_class_for_each_of_many_whole_numbers(tmp_path):
    found = read_csv(tmp_path, "a,target\n" + "".join(f"{i / 7},{i % 30}\n" for i in range(90)))
    assert len(found.classes) == 30


def test_path_as_people_write_it(tmp_path, monkeypatch):
    """Home, a slash too many, capitals, spaces, quotes and letters of any language."""
    monkeypatch.setenv("HOME", str(tmp_path))
    text = "a,target\n" + "".join(f"{i / 7},{i % 2}\n" for i in range(12))
    for name in ("my.CSV", "it's.csv", "-dash.csv", "数据.csv", "a b.csv", "$(x).csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        found = data.load(f"~/{name}")
        assert found.name == name[:-4] and found.kind == "rows"
    assert data.load("~/my.CSV/").name == "my"


def test_nothing_is_unpickled(tmp_path):
    """An array of objects would run what it holds."""
    script = (
        "import numpy, os, sys\nclass Run:\n def __reduce__(self): return os.mkdir, (sys.argv[1] + '.ran',)\n"
    )
    script += "numpy.savez(sys.argv[1], x=numpy.zeros((4, 2)), y=numpy.array([Run()] * 4))"
    subprocess.run([sys.executable, "-c", script, tmp_path / "my.npz"], check=True)
    with pytest.raises(ValueError, match="can't be used"):
        readers.read(tmp_path / "my.npz")
    assert not (tmp_path / "my.npz.ran").exists()
