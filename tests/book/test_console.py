"""A command ends in one line, whatever went wrong."""

import click
import pytest

from labutils.book import console


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (ValueError("a is 3; allowed: 2"), "FAILED a is 3; allowed: 2"),
        (OSError("no room"), "FAILED no room"),
        (RuntimeError("stopped"), "FAILED stopped"),
        (KeyboardInterrupt(), "goes on later"),
        (click.BadParameter("--a is wrong"), 2),
    ],
)
def test_what_goes_wrong_is_one_line(error, ends, monkeypatch):
    @click.command()
    def command():
        raise error

    monkeypatch.setattr("sys.argv", ["command"])
    with pytest.raises(SystemExit) as stopped:
        console.run(command, stopped="goes on later")
    assert stopped.value.code == ends


def test_what_goes_right_goes_on(monkeypatch):
    done = []
    monkeypatch.setattr("sys.argv", ["command"])
    console.run(click.command()(lambda: done.append(1)), stopped="")
    assert done == [1]


def test_other_errors_are_not_hidden(monkeypatch):
    @click.command()
    def command():
        raise KeyError("a bug")

    monkeypatch.setattr("sys.argv", ["command"])
    with pytest.raises(KeyError):
        console.run(command, stopped="")
