"""Splits: every row is on one side, groups never straddle, shares and strata hold, the test given stays as given."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt.core import Example, Schema, Table
from autogpt.data.split import Split, given_splits, make_split, with_test
from autogpt.errors import SchemaError

WORDS = [f"{a}{b}" for a in "bcdfghjklm" for b in "aeiouaeiouaeiou"]


def made(targets: list[Any], texts: list[str] | None = None) -> list[Example]:
    """Examples with texts so different that none is a duplicate."""
    return [
        Example(i, {"text": texts[i] if texts else f"{WORDS[i % 150]} {i * 7919} {WORDS[i * 13 % 150]} x{i}y"}, target)
        for i, target in enumerate(targets)
    ]


def sides(split: Split) -> dict[int, str]:
    return {e.id: name for name in ("train", "validation", "test") for e in getattr(split, name)}


@settings(max_examples=20, deadline=None)
@given(
    labels=st.lists(st.sampled_from("aaaabbc"), min_size=12, max_size=150),
    groups=st.integers(1, 40),
    seed=st.integers(0, 5),
)
def test_the_partition_is_exact_and_no_group_straddles(labels: list[str], groups: int, seed: int) -> None:
    examples = made(labels)
    keys = [i * 31 % max(groups, 6) for i in range(len(labels))]
    split = make_split(examples, output="classes", seed=seed, groups=keys)
    side = sides(split)
    assert sorted(side) == [e.id for e in examples]
    assert len(split.train) + len(split.validation) + len(split.test) == len(examples)
    assert all(len({side[i] for i in side if keys[i] == key}) == 1 for key in set(keys))


@settings(max_examples=20, deadline=None)
@given(labels=st.lists(st.sampled_from("aaaabbbcd"), min_size=40, max_size=400), seed=st.integers(0, 5))
def test_shares_strata_and_seeds(labels: list[str], seed: int) -> None:
    examples = made(labels)
    split = make_split(examples, output="classes", seed=seed, test_fraction=0.2, validation_fraction=0.2)
    counts, tested = Counter(labels), Counter(e.target for e in split.test)
    assert abs(len(split.test) - 0.2 * len(labels)) <= max(2, 0.02 * len(labels))
    assert abs(len(split.validation) - 0.16 * len(labels)) <= max(2, 0.02 * len(labels))
    assert {e.target for e in split.train} == set(labels)
    assert all(abs(tested[label] - 0.2 * n) <= 2 for label, n in counts.items() if n >= 10)
    assert split == make_split(examples, output="classes", seed=seed, test_fraction=0.2, validation_fraction=0.2)


def test_another_seed_gives_another_split() -> None:
    examples = made(["a", "b"] * 100)
    first, second = (make_split(examples, output="classes", seed=seed) for seed in (0, 1))
    assert {e.id for e in first.test} != {e.id for e in second.test}


def test_few_rows_per_class_still_validate_every_class() -> None:
    examples = made([f"c{i % 20}" for i in range(8 * 20)])
    split = make_split(examples, output="classes", seed=0, given=["train"] * 160)
    split = make_split(examples, output="classes", seed=0, test_fraction=0.125)
    assert Counter(e.target for e in split.test) == {f"c{i}": 1 for i in range(20)}
    assert set(Counter(e.target for e in split.validation).values()) <= {1, 2}
    assert len({e.target for e in split.validation}) == 20


def test_duplicates_stay_on_one_side() -> None:
    texts = [" ".join(WORDS[(i * 37 + k * k * 11) % 150] for k in range(6)) + f" {i * 991}" for i in range(50)]
    examples = made(["a", "b"] * 50, [*texts, *(f" {text}!" for text in texts)])
    split = make_split(examples, output="classes", seed=0)
    side = sides(split)
    assert all(side[i] == side[i + 50] for i in range(50))
    assert split.near_leaks == ()
    assert any("duplicates stay on one side" in sentence for sentence in split.how)


def test_templates_that_chain_are_tied_only_where_closest() -> None:
    texts = [f"{WORDS[i % 50]} asks about order {i % 50} and wants the money for it back very soon" for i in range(100)]
    split = make_split(made(["a", "b"] * 50, texts), output="classes", seed=0)
    side = sides(split)
    assert 24 <= len(split.test) <= 26
    assert all(side[i] == side[i + 50] for i in range(50))
    assert any("alike chain over a tenth" in sentence for sentence in split.how)


def test_time_sends_the_latest_rows_to_the_test() -> None:
    examples = made(["a", "b"] * 50)
    times = [float((i * 37) % 100) for i in range(100)]
    split = make_split(examples, output="classes", seed=0, times=times, test_fraction=0.2, validation_fraction=0.25)
    assert sorted(times[e.id] for e in split.test) == list(range(80, 100))
    assert sorted(times[e.id] for e in split.validation) == list(range(60, 80))
    unknown = make_split(examples, output="classes", seed=0, times=[None, *times[1:]])
    assert 0 in {e.id for e in unknown.train}


def test_values_are_spread_over_their_range() -> None:
    examples = made([float(i) for i in range(200)])
    split = make_split(examples, output="value", seed=0, test_fraction=0.2)
    assert all(2 <= sum(lo <= e.target < lo + 20 for e in split.test) <= 6 for lo in range(0, 200, 20))


def test_rare_labels_and_entity_types_reach_every_side() -> None:
    labels = [("a", "b") if i % 3 else ("a",) if i % 2 else () for i in range(192)] + [("rare",)] * 8
    split = make_split(made(labels), output="labels", seed=0)
    assert all(any("rare" in e.target for e in side) for side in (split.train, split.validation, split.test))
    tags = [("O", "B-X") if i % 2 else ("O",) for i in range(192)] + [("B-RARE", "I-RARE")] * 8
    split = make_split(made(tags), output="tokens", seed=0)
    assert all(any("B-RARE" in e.target for e in side) for side in (split.train, split.validation, split.test))


def test_given_splits_are_honoured_and_missing_ones_carved_from_train() -> None:
    examples = made(["a", "b"] * 50)
    given = ["test" if i >= 80 else "train" for i in range(100)]
    split = make_split(examples, output="classes", seed=0, given=given)
    assert [e.id for e in split.test] == list(range(80, 100))
    assert 10 <= len(split.validation) <= 20
    full = ["test" if i >= 80 else "validation" if i >= 60 else None for i in range(100)]
    split = make_split(examples, output="classes", seed=0, given=full)
    assert [len(side) for side in (split.train, split.validation, split.test)] == [60, 20, 20]


@pytest.mark.parametrize("count", range(0, 9))
def test_tiny_tables_are_split_as_far_as_they_go(count: int) -> None:
    split = make_split(made(["a", "b"] * 4)[:count], output="classes", seed=0)
    assert len(sides(split)) == count
    assert bool(split.train) == (count > 0)
    assert (len(split.validation) > 0, len(split.test) > 0) == (count > 3, count > 2)


def test_rows_that_cannot_be_parted_are_said_so() -> None:
    split = make_split(made(["a", "b"] * 15), output="classes", seed=0, groups=["one"] * 30)
    assert len(split.train) == 30
    assert "test: none, because too few rows (or groups of rows) can be parted" in split.how
    singles = make_split(made([f"c{i}" for i in range(30)]), output="classes", seed=0)
    assert len(singles.test) == 8


def test_a_single_given_name_is_no_split() -> None:
    split = make_split(made(["a", "b"] * 50), output="classes", seed=0, given=["test"] * 100)
    assert len(split.train) > 50


def test_exact_leaks_of_a_given_test_leave_train_and_near_ones_are_listed() -> None:
    base = [
        f"{WORDS[i]} wants {WORDS[i + 20]} for number {i} but {WORDS[i + 40]} came to the house instead {i}"
        for i in range(100)
    ]
    texts = [*base, base[3].upper() + " ", base[4].replace("house", "garden")]
    examples = made(["a", "b"] * 51, texts)
    given = ["train"] * 100 + ["test"] * 2
    split = make_split(examples, output="classes", seed=0, given=given)
    assert [e.id for e in split.test] == [100, 101]
    assert split.removed == ((3, 100),)
    assert split.near_leaks == ((101, 4),)
    assert len(split.train) + len(split.validation) + len(split.removed) == 100
    assert any("removed from train" in sentence for sentence in split.how)


def test_a_given_validation_is_cleaned_of_test_rows() -> None:
    examples = made(["a", "b"] * 50)
    twin = Example(100, examples[99].inputs, "b")
    given = ["train"] * 80 + ["validation"] * 10 + ["test"] * 10 + ["validation"]
    split = make_split([*examples, twin], output="classes", seed=0, given=given)
    assert split.removed == ((100, 99),)
    assert 100 not in {e.id for e in split.validation}


def test_split_names_come_from_the_column_or_the_source() -> None:
    rows = [{"t": "x", "s": "Training"}, {"t": "y", "s": "dev"}, {"t": "z", "s": "测试集"}]
    table = Table(rows, ("t", "s"), "f", splits=("train", None, "test"))
    schema = Schema("text-classification", ("t",), split="s")
    assert given_splits(table, schema) == ["train", "validation", "test"]
    assert given_splits(table, Schema("text-classification", ("t",))) == ["train", None, "test"]
    assert given_splits(table, schema, override="none") == [None, None, None]


def test_a_test_table_is_joined_with_its_rows_told_apart() -> None:
    train = Table([{"t": "a"}, {"t": "b"}], ("t",), "train.csv", lines=(2, 3))
    both = with_test(train, Table([{"t": "c"}], ("t",), "test.csv"))
    assert list(both.splits) == ["train", "train", "test"]
    assert list(both.lines) == [2, 3, 1]
    with pytest.raises(SchemaError, match="none of the columns"):
        with_test(train, Table([{"u": "c"}], ("u",), "test.csv"))
