"""What to know about a data set before training on it: `audit.run(x, y)`, or python -m labutils.audit FILE."""

from labutils.audit.engine import run
from labutils.audit.report import Report

__all__ = ["Report", "run"]
