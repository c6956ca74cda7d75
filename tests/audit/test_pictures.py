import base64
import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_diabetes, load_digits

from labutils import audit
from labutils.audit import pictures

X, Y = load_digits(return_X_y=True)
Z, T = load_diabetes(return_X_y=True)


@pytest.fixture(scope="module", params=["images", "numbers"])
def report(request):
    if request.param == "images":
        return audit.run(X[:300].reshape(-1, 8, 8) / 16, Y[:300], repeats=2)
    return audit.run(Z, T, repeats=2)


def test_each_answer_has_its_picture_with_axes_that_say_what_they_are(report):
    for draw, values in (
        (pictures.there, (report.inputs, report.errors, report.source)),
        (pictures.more, (report.more, report.source)),
        (pictures.few, (report.fewer, report.source)),
        (pictures.kept, (report.score, report.keep, report.source)),
    ):
        ax = draw(*values)
        assert ax.get_xlabel() and (ax.get_ylabel() or len(ax.get_yticklabels()))
        image = Image.open(io.BytesIO(base64.b64decode(pictures.as_text(ax))))
        assert image.format == "PNG" and image.width > 400


def test_bars_hold_every_row_once(report):
    ax = pictures.there(report.inputs, report.errors, report.source)
    bars = sum((p.get_width() if report.source.classes else p.get_height()) for p in ax.patches)
    if report.source.classes:
        assert bars == len(report.source.train)
    pictures.as_text(ax)


def test_agreement_and_gallery(report):
    ax = pictures.matters(report.examples)
    assert [label.get_text() for label in ax.get_xticklabels()] == list(report.examples.names)
    pictures.as_text(ax)
    if report.source.kind == "images":
        ax = pictures.gallery({"a": np.arange(8), "b": np.arange(3)}, report.source)
        assert len(ax.images) == 11
        pictures.as_text(ax)
