"""The diagnosis in the browser says what the one in Python says: both on the same curves, real ones and awkward ones."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from conftest import ROOT

from labutils.laws import calibration, forecasts, in_browser, regimes

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node")
AHEAD = (0.1, 0.5, 1.0, 1.7, 3.0, 4.0, 6.0)
LEVELS = (0.05, 0.25, 0.5, 0.95)


def curves():
    """Sizes and losses: of the library, every 40th curve at three lengths, and made-up ones."""
    found = []
    for curve in calibration.library()[::40]:
        loss = curve.loss.mean(axis=0)
        found += [(curve.n[:end], loss[:end]) for end in {4, 6, len(loss)} if 4 <= end <= len(loss)]
    n = 100 * 2.0 ** np.arange(6)
    noisy = np.exp(0.05 * np.random.default_rng(0).standard_normal(6))
    found += [
        (n, 0.4 + 18 / n),  # near a floor
        (n, n**-0.5),  # a power without noise
        (n, 0.1 * (n / n[0]) ** 0.3 * noisy),  # rising
        (n, np.full(6, 0.2)),  # flat
        (np.r_[n, n][::-1], np.r_[0.5 * n**-0.1, 0.48 * n**-0.1][::-1]),  # each size twice, backwards
        (np.array([10, 11, 12, 13]), np.array([0.5, 0.45, 0.44, 0.41])),  # less than an octave
    ]
    return found


@pytest.fixture(scope="module")
def both():
    """[(curve, what JavaScript says of it)]."""
    script = (ROOT / "chapters" / "explorers" / "09_diagnosis.js").read_text(encoding="utf-8")
    given = [(n.tolist(), loss.tolist()) for n, loss in curves()]
    asked = f"""
console.log(JSON.stringify({json.dumps(given)}.map(([n, loss]) => ({{ ...diagnose(n, loss),
  fan: {list(AHEAD)}.map(ahead => {{ const f = forecast(n, loss, ahead)
    return [...{list(LEVELS)}.map(f.quantile), f.lastStep, f.chanceBelow(0.9 * f.last)] }}) }}))))"""
    source = f"const DATA = {json.dumps({'laws': in_browser.constants()})}\n{script}{asked}"
    done = subprocess.run([NODE, "-"], input=source, capture_output=True, text=True, check=True)
    return list(zip(curves(), json.loads(done.stdout), strict=True))


def test_what_a_doubling_buys_and_the_verdict(both):
    for (n, loss), said in both:
        d = regimes.diagnose(n, loss)
        ours = (d.doubling, *d.doubling_interval, d.worth, d.idle, d.last_step)
        theirs = [said[name] for name in ("doubling", "low", "high", "worth", "idle", "lastStep")]
        assert theirs == pytest.approx(ours, rel=1e-7, abs=1e-9)
        assert said["verdict"] == d.verdict


def test_the_shape_of_the_curve(both):
    for (n, loss), said in both:
        d, shape = regimes.diagnose(n, loss), said["shape"]
        assert shape["name"] == d.regime
        if not d.rises:
            assert shape["chance"] == pytest.approx(d.probability[d.regime], rel=1e-7)
            low, high = d.exponent_interval
            assert shape["exponent"] == pytest.approx([low, d.exponent, high], rel=1e-6)
            assert shape["floor"][1] == pytest.approx(d.floor, rel=1e-6, abs=1e-9)
    assert {said["shape"]["name"] for _, said in both} == {"rising", "resolution", "variance"}
    assert {said["verdict"] for _, said in both} >= {"stop", "cannot tell"}


def test_the_fan(both):
    for (n, loss), said in both:
        f = forecasts.forecast(n, loss, n.max() * 2.0 ** np.array(AHEAD))
        ours = np.column_stack([*map(f.quantile, LEVELS), f.last_step, f.chance_below(0.9 * f.last)])
        assert np.array(said["fan"]) == pytest.approx(ours, rel=1e-7, abs=1e-9)


def test_what_is_handed_over_fits_a_page():
    handed = json.dumps(in_browser.constants(), allow_nan=False)
    assert len(handed) < 60_000
    assert len(in_browser.constants()["critical"]) == in_browser.MOST - 2
