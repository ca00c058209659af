"""Batches: every row once, alike in length, random, and of equal size."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt.training.batching import batches_per_epoch, epoch_batches, micro_batches, padded_tokens


@settings(deadline=None, max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=400),
    batch_rows=st.integers(1, 40),
    epoch=st.integers(0, 5),
    max_tokens=st.integers(1, 2000),
)
def test_every_row_once_and_no_batch_too_large(
    lengths: list[int], batch_rows: int, epoch: int, max_tokens: int
) -> None:
    batches = epoch_batches(lengths, batch_rows=batch_rows, seed=7, epoch=epoch)
    assert len(batches) == batches_per_epoch(len(lengths), batch_rows)
    assert sorted(row for rows in batches for row in rows.tolist()) == list(range(len(lengths)))
    sizes = {len(rows) for rows in batches}
    assert max(sizes) <= batch_rows
    assert max(sizes) - min(sizes) <= 1
    for rows in batches:
        parts = micro_batches(rows, lengths, max_tokens=max_tokens)
        assert [row for part in parts for row in part] == rows.tolist()
        assert all(len(part) == 1 or len(part) * max(lengths[row] for row in part) <= max_tokens for part in parts)


def test_padding_nearly_vanishes() -> None:
    lengths = (np.random.default_rng(0).lognormal(2.7, 0.6, 8000).astype(int) + 2).tolist()
    real = sum(lengths)
    shuffled = np.random.default_rng(1).permutation(8000).reshape(-1, 32)
    padded_shuffled = sum(padded_tokens(rows, lengths) for rows in shuffled)
    ours = sum(padded_tokens(rows, lengths) for rows in epoch_batches(lengths, batch_rows=32, seed=0, epoch=0))
    assert padded_shuffled / real > 2
    assert ours / real < 1.1


def test_the_order_depends_on_seed_and_epoch_only() -> None:
    lengths = [5, 9, 2, 7] * 20

    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate(epoch_batches(lengths, batch_rows=8, seed=seed, epoch=epoch)).tolist()

    assert order(1, 0) == order(1, 0)
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}) == 4


def test_rows_of_equal_length_are_still_mixed() -> None:
    """Sorting by length must not bring neighbours of the file together: ties keep the shuffled order."""
    rows = np.concatenate(epoch_batches([4] * 500, batch_rows=10, seed=0, epoch=0))
    assert np.mean(np.abs(np.diff(rows)) == 1) < 0.02
