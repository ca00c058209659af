"""`python -m autogpt.cli`: the same as the console script."""

from autogpt.cli import main

main()
