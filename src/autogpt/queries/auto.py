"""What is asked when nobody says otherwise: `coverage`, at every number of labels.

It was to be `typiclust` for the first labels and `margin` or `badge` later. Measured, coverage is as good as the first
with few labels and better than the others with many, so that there is no switch to be got wrong (see EXPERIMENTS.md).
"""

from __future__ import annotations

from autogpt.queries.coverage import Coverage


class Auto(Coverage):
    """See `queries.Query`."""

    name = "auto"
    summary = "the best that was measured: coverage"


plugin = Auto()
