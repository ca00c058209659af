"""Cheap experiments for the report say nothing where they cannot know."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from autogpt.autopilot.evidence import LEAST_PER_LABEL, Quick, wrong_labels
from autogpt.testing import contracts, tiny


def test_labels_are_doubted_where_each_has_enough_rows_and_only_there(tmp_path: Path) -> None:
    bench = contracts.bench("classes", tiny.bert_folder(tmp_path / "bert"))
    labels = list(bench.space.labels)

    def fit_score(train, rows):  # knows the first label for certain, whatever a row says
        return np.array([[9.0, 0.0, 0.0] for _ in rows])

    def looked_at(count: int) -> int:
        rows = [row for label in labels for row in [r for r in bench.train if r.target == label][:count]]
        few = replace(bench, train=rows, validation=())
        return wrong_labels(few, Quick("tfidf", fit_score), has_time=lambda: True)[1]

    assert looked_at(LEAST_PER_LABEL - 1) == 0
    assert looked_at(LEAST_PER_LABEL) == 3 * LEAST_PER_LABEL
