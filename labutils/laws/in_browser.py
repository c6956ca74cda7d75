"""What a page needs in order to diagnose a learning curve by itself, as `regimes.diagnose` does (chapter 09)."""

from dataclasses import asdict

import numpy as np
from scipy import stats

from labutils.laws import forecasts, regimes

MOST = 200  # points of a curve that a page takes


def constants() -> dict:
    """Every number behind `regimes.diagnose` and `forecasts.forecast` that is not arithmetic, for `09_diagnosis.js`.

    What JSON can hold: the calibration, the constants of both modules, and the slope over its error above which a curve
    of 3, 4, ... `MOST` points is said to rise. No choice of its own.
    """
    calibration = {name: np.asarray(v).tolist() for name, v in asdict(forecasts.read_calibration()).items()}
    return {
        "calibration": calibration,
        "memory": forecasts.MEMORY.tolist(),
        "exponents": forecasts.EXPONENTS.tolist(),
        "falls": forecasts.FALLS,
        "noisy": forecasts.NOISY,
        "noiseIndex": forecasts.SCALE.index("noise"),
        "worth": regimes.WORTH,
        "idle": regimes.IDLE,
        "sure": [regimes.SURE["worth it"], regimes.SURE["stop"]],
        "priorNoise": regimes.PRIOR_NOISE,
        "priorPoints": regimes.PRIOR_POINTS,
        "steep": regimes.STEEP,
        "floors": regimes.FLOORS,
        "amplitudes": regimes.AMPLITUDES,
        "shifts": regimes.SHIFTS,
        "critical": stats.t.isf(regimes.RISING, np.arange(1, MOST - 1))
        .round(6)
        .tolist(),  # freedom 1, 2, ...
        "most": MOST,
    }
