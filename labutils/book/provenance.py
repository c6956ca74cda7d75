"""Where a run and a build come from: date, commit, versions, machine, repository."""

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def facts() -> dict:
    """Where and when this runs: date, commit, versions, processor, cores and GPU."""
    cpu = re.search(r"model name\s*: (.*)", _output("cat", "/proc/cpuinfo"))
    packages = {
        name: importlib.metadata.version(name) for name in ("torch", "numpy", "scipy", "scikit-learn")
    }
    return {
        "date": today().isoformat(),
        "commit": commit(),
        "versions": {"python": platform.python_version()} | packages,
        "machine": cpu[1] if cpu else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "gpu": _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader"),
    }


def today() -> datetime.date:
    """The date of the build, which SOURCE_DATE_EPOCH (seconds since 1970) may fix."""
    seconds = float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).date()


def commit() -> str:
    """The short hash of the checkout, with a + where tracked files differ from it; "" without git."""
    changed = _output("git", "status", "--porcelain", "--untracked-files=no")
    return _output("git", "rev-parse", "--short", "HEAD") + ("+" if changed else "")


def repository() -> str:
    """The URL of the book's GitHub repository, or "" where it is not known."""
    if name := os.environ.get("GITHUB_REPOSITORY"):
        return f"https://github.com/{name}"
    found = re.search(r"github\.com[:/](.+?/.+?)(\.git)?$", _output("git", "remote", "get-url", "origin"))
    return f"https://github.com/{found[1]}" if found else ""


def site_url() -> str:
    """The address at which the book will be published, with a slash at its end, or "" where it is not known.

    That is SITE_URL in the environment. Raises ValueError for one that is no http or https address.
    """
    url = os.environ.get("SITE_URL", "").strip()
    if url and not re.match(r"https?://[^/\s]+", url):
        raise ValueError(f"SITE_URL={url}; allowed: an address that begins with https:// or http://")
    return url and url.rstrip("/") + "/"


def _output(*command):
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
