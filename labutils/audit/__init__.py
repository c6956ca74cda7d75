"""What to know about a data set before training on it: `audit.run(x, y)`, or python -m labutils.audit FILE."""

import importlib


def __getattr__(name: str) -> object:
    """`audit.run` is `engine.run`, which is loaded when it is asked for: the modules of a folder do not import it whole."""
    if name == "run":
        return importlib.import_module("labutils.audit.engine").run
    raise AttributeError(
        f"labutils.audit has no {name!r}; it has run, and the modules on the map of labutils"
    )
