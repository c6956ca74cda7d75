"""Small programs for the reader's browser: `chapters/explorers/*.js`, put into a page with numbers from Python."""

import json
from pathlib import Path

from IPython.display import HTML


def show(path: str | Path, data: dict, html: str = "") -> HTML:
    """A script under the elements `html` that it works on, with `data` handed over as the constant DATA.

    `path` counts from the notebook's folder; `data` holds what JSON can hold, lists in place of arrays. Raises
    ValueError for NaN or infinity, which it cannot.
    """
    literal = json.dumps(data, allow_nan=False).replace("<", "\\u003c")  # or "</script>" would end the script
    script = Path(path).read_text(encoding="utf-8")
    return HTML(f"{html}<script>(() => {{\nconst DATA = {literal}\n{script}}})()</script>")
