"""What reading costs in the two number formats is measured on the encoder and the rows themselves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from autogpt.core import Example, Inputs
from autogpt.runtime import Runtime
from autogpt.training.features import PAIRED_ROWS, FeatureCache, exact_cost

ROWS = [Example(place, {"text": f"row {place}"}) for place in range(500)]


class Reader:
    """An encoder that takes as long as it says; its first call of each kind takes longer, as first calls do."""

    free = None

    def __init__(self, fast: float, exact: float) -> None:
        self.seconds = {False: fast, True: exact}
        self.asked: list[int] = []

    def features(self, inputs: Sequence[Inputs], *, batch_rows: int = 256, exact: bool = False) -> Any:
        self.asked.append(len(inputs))
        time.sleep(self.seconds[exact] + (0.05 if len(self.asked) <= 3 else 0.0))
        return np.zeros((len(inputs), 2), dtype=np.float32)


def test_the_ratio_is_that_of_the_encoder() -> None:
    reader = Reader(fast=0.03, exact=0.09)
    cost = exact_cost(FeatureCache(lambda: reader), ROWS, Runtime(dtype="bfloat16"), rounds=4)
    assert cost == pytest.approx(3.0, rel=0.3)
    assert set(reader.asked) == {PAIRED_ROWS[0]}  # nothing was read before: a few rows


def test_fast_encoders_read_more_rows_and_nothing_is_measured_where_float32_is_the_format() -> None:
    reader = Reader(fast=0.001, exact=0.001)
    cache = FeatureCache(lambda: reader)
    cache.get([row.inputs for row in ROWS])
    reader.asked.clear()
    exact_cost(cache, ROWS, Runtime(dtype="bfloat16"))
    assert set(reader.asked) == {PAIRED_ROWS[1]}
    reader.asked.clear()
    assert exact_cost(cache, ROWS, Runtime()) == 1.0
    assert not reader.asked
