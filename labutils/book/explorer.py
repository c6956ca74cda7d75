"""Small programs for the reader's browser: `chapters/explorers/*.js`, put into a page with numbers from Python."""

import json
from collections.abc import Sequence
from pathlib import Path

from IPython.display import HTML

STILL = "This drawing moves only where scripts are allowed; the figures of the page stand without it."


def show(paths: str | Path | Sequence[str | Path], data: dict, html: str = "") -> HTML:
    """Scripts, one after the other, under the elements `html` that they work on, with `data` as the constant DATA.

    `paths` count from the notebook's folder; `data` holds what JSON can hold, lists in place of arrays. Raises
    ValueError for NaN or infinity, which it cannot.
    """
    literal = json.dumps(data, allow_nan=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )  # or "</script>" would end it
    paths = [paths] if isinstance(paths, str | Path) else paths
    script = "\n".join(Path(path).read_text(encoding="utf-8") for path in paths)
    return HTML(f"{html}<script>(() => {{\nconst DATA = {literal}\n{script}}})()</script>")


def box(name: str) -> str:
    """The element that `draw.box` of `draw.js` fills, and what it says where there is no script."""
    return f'<form class="claim" id="{name}"><noscript>{STILL}</noscript></form>'
