"""How a command ends: its result, or one line that says why there is none."""

import sys

import click


def run(command: click.Command, *, stopped: str) -> None:
    """Run a command; what goes wrong becomes one line on standard error and an exit code, 2 for wrong options.

    `stopped` is what is said after an interruption.
    """
    try:
        command(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(stopped)
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"FAILED {error}")
