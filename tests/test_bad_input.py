"""A table of bad input, and of the one sentence each gets: what is wrong, where, what is allowed. Nothing hangs."""

import io
import os
import re
import signal
import socket
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from labutils import data

X = np.random.default_rng(0).normal(5, 3, (40, 3))
Y = np.arange(40) % 4
ROWS = "".join(f"{i / 7},{i % 2}\n" for i in range(12))
PIXELS = Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5))


def holed(row, value):
    x = X.copy()
    x[row, 1] = value
    return x


CSV = {  # what it is: (its text or bytes, the sentence)
    "no target": ("a,Target\n1,2\n", "it has no column 'target' (is it 'Target'?); its columns: a, Target"),
    "another name": ("a,label\n1,2\n", "no column 'target' (is it 'label'?)"),
    "no names": ("1,2\n3,4\n", "no column 'target' (is the line of names missing?)"),
    "empty": ("", "no column 'target'; its columns: none"),
    "blank": ("\n \n", "no column 'target'; its columns: none"),
    "semicolons": ("a;b;target\n1;2;0\n", "its cells are separated by semicolons (';'); allowed: commas"),
    "tabs": ("a\tb\ttarget\n1\t2\t0\n", r"its cells are separated by tabs ('\t'); allowed: commas"),
    "bars": ("a|b|target\n1|2|0\n", "its cells are separated by vertical bars ('|'); allowed: commas"),
    "header only": ("a,target\n", "it has a header but no rows"),
    "target only": ("target\n0\n1\n0\n1\n", "it has no features: no column to learn from besides the target"),
    "index only": (",target\n0,a\n1,b\n2,a\n3,b\n", "no features: .*; column 1 numbers the rows; it is left out"),
    "two targets": ("a,target,target\n1,0,0\n", "2 columns are called 'target'; give each a name of its own"),
    "two of a name": ("a,b,a,target\n1,2,3,0\n", "2 columns are called 'a'; give each a name of its own"),
    "long line": ("a,target\n1,2\n1,2,3\n", "line 3: 3 cells where the header has 2"),
    "short line": ("a,b,target\n1,2,0\n\n1,2\n", "line 4: 2 cells where the header has 3"),
    "text": ("a,b,target\n1,2,0\n1,red,1\n", "line 3, column 'b': 'red' is text where a number is expected"),
    "hole": ("a,target\n1,0\n,1\n2,0\n3,1\n", "line 3, column 'a': the number is missing ('', 1 such in this column)"),
    "NaN": ("a,target\n1,0\nnan,1\n2,0\nNA,1\n", "line 3, column 'a': the number is missing ('nan', 2 such"),
    "question mark": ("a,target\n1,0\n2,1\n?,0\n3,1\n", "line 4, column 'a': the number is missing ('?', 1 such"),
    "empty column": ("a,b,target\n,1,0\n,2,1\n", "line 2, column 'a': the number is missing ('', 2 such"),
    "infinity": ("a,target\n1,0\n2,1\n-inf,0\n3,1\n", "line 4, column 'a' holds '-inf'; allowed: finite numbers up to 1e+100"),
    "giant": ("a,target\n1,0\n1e200,1\n2,0\n3,1\n", "line 3, column 'a' holds '1e200'; allowed: finite numbers"),
    "decimal comma": ('a,target\n"1,5",0\n"2,5",1\n', "column 'a': '1,5' has a decimal comma; allowed: a point"),
    "open quote": ('a,target\n1,0\n"2,1\n3,0\n', "line 3: unexpected end of data (a quote that is not closed?)"),
    "text after quote": ('a,target\n"1"x,0\n', "line 2: ',' expected after '\"' (a quote that is not closed?)"),
    "latin-1": ("a,target\n1,caf\xe9\n".encode("latin1"), "line 2 is not UTF-8 (byte 0xe9), perhaps Latin-1; convert it: iconv -f latin1 -t utf-8 bad.csv > utf8-bad.csv"),
    "utf-16": (f"a,target\n{ROWS}".encode("utf-16"), "it is UTF-16 or no text at all; .*iconv -f utf-16 -t utf-8 bad.csv > utf8-bad.csv"),
    "utf-16 without mark": (f"a,target\n{ROWS}".encode("utf-16-le"), "it is UTF-16 or no text at all; allowed: UTF-8"),
    "binary": (zlib.compress(b"a,target") + b"\0", "it is UTF-16 or no text at all"),
    "no label": ("a,target\n1,0\n1,\n", "line 3: the target is empty; every row needs a label"),
    "label NA": ("a,target\n1,x\n1,NA\n", "line 3: the target is 'NA'; every row needs a label"),
    "label NaN": ("a,target\n1,0\n1,NaN\n", "line 3: the target is 'NaN'; every row needs a label"),
    "label None": ("a,target\n1,0\n\n1,None\n", "line 4: the target is 'None'; every row needs a label"),
    "label inf": ("a,target\n1,0\n1,inf\n", "line 3: the target is 'inf'; allowed: texts, or numbers below 2**53"),
    "label 1e300": ("a,target\n1,1e300\n1,2\n", "line 2: the target is '1e300'; allowed: texts, or numbers below 2**53"),
    "label above 2**53": ("a,target\n1,9007199254740993\n1,2\n", "line 2: the target is '9007199254740993'; allowed"),
    "one number twice": ("a,target\n1,1\n2,0\n3,1.0\n4,0\n", "line 2 and line 4: the targets '1' and '1.0' are one number; write it one way"),
    "leading zeros": ("a,target\n1,7\n2,007\n3,x\n", "line 2 and line 3: the targets '7' and '007' are one number"),
    "minus zero": ("a,target\n1,0\n2,-0\n", "line 2 and line 3: the targets '0' and '-0' are one number"),
    "essay as label": (f"a,target\n1,{'word ' * 100}\n2,x\n", "line 2: the target has 499 characters; allowed: 200"),
    "one class": ("a,target\n1,0\n2,0\n", "it has 1 class; at least 2 are needed"),
    "one number": ("a,target\n1,0.5\n2,0.5\n", "every target is 0.5; allowed: at least 2 different numbers"),
    "class of one": ("a,target\n1,x\n2,y\n3,y\n", "class 'x' has one example; each class needs at least 2"),
}  # fmt: skip
NPZ = {
    "no x": (dict(z=X), "it can't be used: it holds ['z']; the arrays 'x' and 'y' are needed"),
    "nothing": ({}, "it holds nothing; the arrays 'x' and 'y' are needed"),
    "more labels than rows": (dict(x=X, y=np.arange(41) % 2), "it has 40 rows but 41 labels"),
    "NaN": (dict(x=holed(2, np.nan), y=Y), "1 of 40 rows hold NaN or infinity or more than 1e+100, the first is row 3"),
    "infinity": (dict(x=holed(0, np.inf), y=Y), "NaN or infinity or more than 1e+100, the first is row 1"),
    "giant": (dict(x=holed(39, -1e200), y=Y), "NaN or infinity or more than 1e+100, the first is row 40"),
    "one class": (dict(x=X, y=np.zeros(40, int)), "it has 1 class; at least 2 are needed"),
    "a class of one": (dict(x=X, y=np.where(np.arange(40) == 5, 9, Y % 2)), "class '9' has one example"),
    "text features": (dict(x=X.astype(str), y=Y), "x has shape (40, 3) and type <U32; allowed: numbers"),
    "complex features": (dict(x=X * 1j, y=Y), "x has shape (40, 3) and type complex128; allowed: numbers"),
    "complex labels": (dict(x=X, y=Y * 1j), "y has shape (40,) and type complex128; allowed: one number or text a row"),
    "dates": (dict(x=X, y=Y.astype("M8[D]")), "y has shape (40,) and type datetime64"),
    "pickled labels": (dict(x=X, y=np.array([{}] * 40, object)), "can't be used: Object arrays .*allow_pickle"),
    "pickled features": (dict(x=X.astype(object), y=Y), "can't be used: Object arrays .*allow_pickle"),
    "flat x": (dict(x=X[:, 0], y=Y), "x has shape (40,) and type float64; allowed: numbers, one row an example"),
    "label matrix": (dict(x=X, y=np.eye(4)[Y]), "y has shape (40, 4) and type float64; allowed: one number or text"),
    "missing label": (dict(x=X, y=np.where(Y == 1, np.nan, Y)), "y holds nan in row 2; every row needs a label"),
    "infinite label": (dict(x=X, y=np.where(Y == 2, np.inf, Y)), "y holds inf in row 3; every row needs a label"),
    "text NaN": (dict(x=X, y=np.where(Y == 1, "nan", "a")), "row 2: the target is 'nan'; every row needs a label"),
    "one number twice": (dict(x=X, y=np.where(Y == 1, "1.0", "1")), "row 1 and row 2: the targets '1' and '1.0' are one number"),
    "giant label": (dict(x=X, y=np.where(Y == 0, 1e300, Y)), "y holds 1e+300 in row 1; every row needs a label"),
    "no rows": (dict(x=X[:0], y=Y[:0]), "x has shape (0, 3); allowed: at least one row and one feature"),
    "no columns": (dict(x=X[:, :0], y=Y), "x has shape (40, 0); allowed: at least one row and one feature"),
}  # fmt: skip


def npz_that_claims(rows):
    """A file that says it holds so many rows of a thousand numbers, and holds sixteen."""
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        array, {"descr": "<f8", "fortran_order": False, "shape": (rows, 1000)}
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("x.npy", array.getvalue() + b"\0" * 128)
        file.writestr("y.npy", array.getvalue() + b"\0" * 128)
    return packed.getvalue()


def png_that_claims(width, height):
    """A picture that says it is so large, in fifty bytes."""

    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def saved(image, suffix="png"):
    file = io.BytesIO()
    image.save(file, "TIFF" if suffix == "tif" else suffix)
    return file.getvalue()


def folder(**files):
    """What makes a folder of these files, `__` for a slash and `_` for a point; None for a folder, a function for more."""

    def make(path):
        for name, content in files.items():
            file = path / name.replace("__", "/").replace("_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.mkdir() if content is None else content(file) if callable(content) else file.write_bytes(
                content
            )

    return make


GOOD, FLOAT = saved(PIXELS), Image.fromarray(np.ones((4, 5), np.float32))
OTHER = {  # name: (what makes it, the sentence)
    "folder/": (folder(), "holds no images in its sub-folders (0 outside of them); allowed: one sub-folder a class"),
    "loose/": (folder(**{"0_png": GOOD, "1_png": GOOD}), "no images in its sub-folders (2 outside of them)"),
    "deep/": (folder(train__a__0_png=GOOD), "no images in its sub-folders (0 outside of them)"),
    "one/": (folder(a__0_png=GOOD, a__1_png=GOOD), "it has 1 class; at least 2 are needed"),
    "single/": (folder(a__0_png=GOOD, b__0_png=GOOD, b__1_png=GOOD), "class 'a' has one example"),
    "sizes/": (folder(a__0_png=GOOD, a__1_png=saved(Image.new("L", (5, 5)))), "a/1.png has shape (5, 5) but a/0.png has (4, 5); bring all"),
    "colours/": (folder(a__0_png=GOOD, b__0_png=saved(Image.new("RGB", (5, 4)))), "b/0.png has shape (3, 4, 5) but a/0.png has (4, 5)"),
    "words/": (folder(a__0_png=b"not an image"), r"a/0.png can't be read as an image$"),
    "nil/": (folder(a__0_png=b""), r"a/0.png can't be read as an image$"),
    "cut/": (folder(a__0_png=GOOD[:45]), "a/0.png can't be read as an image"),
    "bomb/": (folder(a__0_png=png_that_claims(60_000, 60_000)), "a/0.png can't be read as an image (Image size (3600000000 pixels) exceeds limit"),
    "large/": (folder(**{f"a__{i}_png": png_that_claims(8000, 8000) for i in range(9)}), "9 images of 8000 x 8000 are too large; scale them down"),
    "floats/": (folder(a__0_tif=saved(FLOAT, "tif")), "its pixels are floats; allowed: 8 or 16 bits"),
    "deepest/": (folder(a__0_tif=saved(Image.fromarray(np.full((4, 5), 70_000, np.int32)), "tif")), "its pixels go from 70000 to 70000; allowed: 8 or 16 bits"),
    "pipes/": (folder(a__0_png=os.mkfifo), "a/0.png is no regular file"),
    "dangling/": (folder(a__0_png=lambda file: file.symlink_to("gone")), "a/0.png is no regular file"),
    "pipe.csv": (os.mkfifo, "it is a pipe; allowed: a file .npz or .csv, or a folder of images"),
    "pipe.npz": (os.mkfifo, "it is a pipe; allowed"),
    "null.csv": (lambda file: file.symlink_to("/dev/zero"), "it is a device; allowed"),
    "socket.csv": (lambda file: socket.socket(socket.AF_UNIX).bind(file.name), "it is a socket; allowed"),
    "gone.csv": (lambda file: None, "there is no such file or folder"),
    "gone/": (lambda file: None, "there is no such file or folder"),
    "~nobody-here/a.csv": (lambda file: None, "there is no such file or folder"),
    f"{'a' * 300}.csv": (lambda file: None, "there is no such file or folder"),
    "a\0b.csv": (lambda file: None, "there is no such file or folder"),
    "loop.csv": (lambda file: file.symlink_to("loop.csv"), "there is no such file or folder"),
    "my.txt": (lambda file: file.write_text("a"), "it ends in '.txt'; allowed: .npz, .csv, or a folder of images; save it as"),
    "my": (lambda file: file.write_text("a"), "it ends in ''; allowed: .npz, .csv"),
    "my.csv.gz": (lambda file: file.write_text("a"), "it ends in '.gz'; allowed: .npz, .csv, or a folder of images; unpack it first"),
    "words.npz": (lambda file: file.write_text("not a zip file"), "it can't be used: "),
    "nil.npz": (lambda file: file.write_text(""), "it can't be used: No data left in file"),
    "renamed.npz": (lambda file: np.save(file.open("wb"), X), "it can't be used: "),
    "huge.npz": (lambda file: file.write_bytes(npz_that_claims(10**15)), "it can't be used: "),
    "lies.npz": (lambda file: file.write_bytes(npz_that_claims(10**6)), "it can't be used: "),
}  # fmt: skip
NAMES = {
    "fashion-mnst": "allowed: digits, fashion, novels, breast_cancer, iris, wine, diabetes, mnist, fashion_mnist, cifar10, or a path .* Did you mean 'fashion_mnist'?",
    "MNIST": "dataset is 'MNIST'; allowed: .* Did you mean 'mnist'?",
    "my_data": "dataset is 'my_data'; allowed: digits, fashion, novels, breast_cancer, iris, wine, diabetes, mnist, fashion_mnist, cifar10, or a path to",
    "": "dataset is ''; allowed",
    " ": "dataset is ' '; allowed",
    None: "dataset is None; allowed",
    7: "dataset is 7; allowed",
    b"a.csv": "dataset is b'a.csv'; allowed",
}


@pytest.fixture(autouse=True)
def soon():
    """Two seconds for each, or it fails: a reader must not wait for what never comes."""

    def stop(number, frame):
        pytest.fail("still waiting after two seconds", pytrace=False)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 2)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def says(sentence, function, *arguments):
    """It raises one sentence, in which `.*` stands for anything, on one line, that calls things as the reader did."""
    expected = ".*".join(map(re.escape, sentence.removesuffix("$").split(".*"))) + "$" * (sentence[-1] == "$")
    with pytest.raises((ValueError, OSError), match=expected) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value) and os.getcwd() not in str(caught.value)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", CSV)
def test_bad_csv(here, case):
    content, sentence = CSV[case]
    (here / "bad.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    says(f"dataset 'bad.csv': .*{sentence}", data.load, "bad.csv")


@pytest.mark.parametrize("case", NPZ)
def test_bad_npz(here, case):
    arrays, sentence = NPZ[case]
    np.savez(here / "bad.npz", **arrays)
    says(f"dataset 'bad.npz': .*{sentence}", data.load, "bad.npz")


@pytest.mark.parametrize("name", OTHER)
def test_bad_path(here, name):
    make, sentence = OTHER[name]
    if name.endswith("/") and "gone" not in name:
        (here / name).mkdir()
    make(here / name)
    says(f"dataset {name!r}: .*{sentence}", data.load, name)


@pytest.mark.parametrize("name", NAMES)
def test_bad_name(here, name):
    says(NAMES[name], data.load, name)
