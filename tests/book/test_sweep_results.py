"""What a sweep found is drawn as means over seeds."""

import numpy as np

from labutils.book import sweep_results


def test_plots_take_the_mean_over_seeds_along_the_longest_axis(tmp_path):
    found = {"claim": "a", "unit": "bits", "low": 0, "high": 0, "chapter": "c", "verdict": "", "seconds": 1}
    rows = [
        {"rate": rate, "seed": seed, "learner": learner, "value": rate + seed, "notebook": "n"} | found
        for rate in (1, 2, 3)
        for seed in range(5)
        for learner in ("mlp", "forest")
    ]
    (path,) = sweep_results.plot(rows, tmp_path / "plots")
    assert path.name == "a.png" and path.stat().st_size > 5_000
    drawn = {}
    sweep_results._curve(
        Recorder(drawn), [row for row in rows if row["learner"] == "mlp"], "rate", color="C0"
    )
    assert drawn["x"] == [1, 2, 3] and np.allclose(drawn["y"], [3, 4, 5])


class Recorder:
    """Axes that remember what was drawn."""

    def __init__(self, drawn):
        self.drawn = drawn

    def fill_between(self, *_, **__):
        pass

    def plot(self, x, y, **_):
        self.drawn |= {"x": x, "y": list(y)}
