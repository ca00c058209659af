"""The command line. `main` is the console script; the commands stand in `commands/`, one file each."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from autogpt.cli.app import execute


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code (see `autogpt.errors`)."""
    sys.exit(execute(sys.argv[1:] if arguments is None else arguments))
