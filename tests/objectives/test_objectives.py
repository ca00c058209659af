"""What is hidden of texts, and that what has to be told is what was there."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt import registry
from autogpt.blocks import Signs, salience

SIGNS = Signs(
    vocabulary=200, pad=0, mask=4, end=1, start=0, first=5, special=frozenset(range(5)),
    starts=np.arange(5, 200, 2), sentinels=tuple(range(199, 149, -1)),
)  # fmt: skip
BLOCKS = st.lists(st.lists(st.integers(5, 140), min_size=1, max_size=60).map(np.array), min_size=1, max_size=5)


def made(name: str, blocks: list[Any], seed: int = 0) -> Any:
    return registry.get("objectives", name).batch(blocks, SIGNS, np.random.default_rng(seed))


@settings(max_examples=50)
@given(BLOCKS)
def test_causal_each_place_tells_the_next_token(blocks: list[Any]) -> None:
    found = made("causal", blocks)
    for row, block in enumerate(blocks):
        assert found.inputs["input_ids"][row, : len(block)].tolist() == block.tolist()
        assert found.target[row, : len(block) - 1].tolist() == block[1:].tolist()
        assert (found.target[row, len(block) - 1 :] == -100).all(), "nothing follows the last token"
        assert found.inputs["attention_mask"][row].sum() == len(block)


@pytest.mark.parametrize("name", ["masked", "salient"])
@settings(max_examples=50)
@given(blocks=BLOCKS, seed=st.integers(0, 99))
def test_only_hidden_places_are_told_and_specials_never_hidden(name: str, blocks: list[Any], seed: int) -> None:
    blocks = [np.array([2, *block, 3]) for block in blocks]
    telling = replace(SIGNS, salience=salience(blocks, SIGNS.vocabulary))
    found = registry.get("objectives", name).batch(blocks, telling, np.random.default_rng(seed))
    for row, block in enumerate(blocks):
        told = found.target[row] != -100
        assert found.target[row][told].tolist() == block[told[: len(block)]].tolist()
        seen = ~told[: len(block)]
        assert found.inputs["input_ids"][row, : len(block)][seen].tolist() == block[seen].tolist()
        assert not told[[0, len(block) - 1]].any()
        assert told.any()


def test_masked_hides_whole_words_a_seventh_of_the_text_and_otherwise_every_time() -> None:
    rng = np.random.default_rng(0)
    block = rng.integers(5, 140, size=400)
    first, second = (made("masked", [block], seed).target[0] != -100 for seed in (1, 2))
    assert 0.13 < first.mean() < 0.19
    assert (first != second).any()
    word = np.cumsum(block % 2 == 1)  # odd ids begin a word
    for number in np.unique(word):
        assert len(set(first[word == number])) == 1, "a word is hidden whole or not at all"
    shown = made("masked", [block], 1).inputs["input_ids"][0][first]
    assert 0.6 < (shown == SIGNS.mask).mean() < 0.95
    assert (shown == block[first]).any()


def test_salience_is_high_for_what_few_blocks_have_and_nothing_for_what_hardly_any_has() -> None:
    rows = [np.array([5, 7, *([9] if place < 4 else []), *([11] if place == 0 else [])]) for place in range(40)]
    found = salience(rows, SIGNS.vocabulary)
    assert found[5] == found[7] == 0.0, "every block has it"
    assert found[9] == pytest.approx(np.log(10))
    assert found[11] == 0.0, "a token of one block says nothing of the field"


def test_salient_hides_names_whole_and_more_often_but_not_them_alone() -> None:
    rng = np.random.default_rng(0)
    block = 2 * rng.integers(3, 90, size=200) - 1  # odd ids begin a word
    telling = np.zeros(SIGNS.vocabulary)
    names = np.arange(20, 200, 25)
    block[names], block[names + 1] = 191, 193  # a name of two words
    telling[[191, 193]] = 5.0
    signs, of_name, hidden = replace(SIGNS, salience=telling), np.isin(block, [191, 193]), []
    for seed in range(200):
        found = registry.get("objectives", "salient").batch([block], signs, np.random.default_rng(seed))
        hidden.append(found.target[0] != -100)
        first, second = hidden[-1][names], hidden[-1][names + 1]
        assert (first == second).mean() > 0.7, "the words of a name are hidden together, but for random ones"
    share = np.mean(hidden, axis=0)
    assert share[of_name].mean() > 3 * share[~of_name].mean() > 0.1
    assert 0.13 < share.mean() < 0.19
    plain = registry.get("objectives", "salient").batch([block], SIGNS, np.random.default_rng(0))
    masked = registry.get("objectives", "masked").batch([block], SIGNS, np.random.default_rng(0))
    np.testing.assert_array_equal(plain.target, masked.target, err_msg="not measured: as masked")


@settings(max_examples=60)
@given(BLOCKS, st.integers(0, 99))
def test_denoising_text_and_spans_make_the_block_again(blocks: list[Any], seed: int) -> None:
    found = made("denoising", blocks, seed)
    for row, block in enumerate(blocks):
        told = found.target[row][found.target[row] != -100].tolist()
        assert told[-1] == SIGNS.end
        spans: dict[int, list[int]] = {}
        for token in told[:-1]:
            if token in SIGNS.sentinels:
                spans[token] = []
            else:
                spans[list(spans)[-1]].append(token)
        mask = found.inputs["attention_mask"][row].astype(bool)
        again: list[int] = []
        for token in found.inputs["input_ids"][row][mask].tolist()[:-1]:
            again += spans.get(token, [token])
        assert again == block.tolist()
        written = found.inputs["decoder_input_ids"][row, : len(told)].tolist()
        assert written == [SIGNS.start, *told[:-1]], "each place is told what stands before it"


@pytest.mark.parametrize("name", registry.names("objectives"))
def test_the_same_draw_hides_the_same(name: str) -> None:
    block = [np.arange(5, 60), np.arange(7, 30)]
    one, other = made(name, block, 3), made(name, block, 3)
    np.testing.assert_array_equal(one.target, other.target)
    for key, table in one.inputs.items():
        np.testing.assert_array_equal(table, other.inputs[key])


@settings(max_examples=30)
@given(BLOCKS, st.integers(0, 99))
def test_tsdae_deletes_three_fifths_and_the_target_has_every_token_but_the_signs(blocks: list[Any], seed: int) -> None:
    signed = [np.array([2, *block, 3]) for block in blocks]
    found = made("tsdae", signed, seed)
    for row, block in enumerate(blocks):
        told = found.target[row][found.target[row] != -100]
        np.testing.assert_array_equal(told, block)
        left = found.inputs["input_ids"][row][found.inputs["attention_mask"][row] > 0].tolist()
        assert left[0] == 2
        assert left[-1] == 3
        assert 1 <= len(left) - 2 <= len(block), "something is left to make a vector of"
        rest = iter(block.tolist())
        assert all(token in rest for token in left[1:-1]), "what is left stands in its order"


def test_tsdae_leaves_two_fifths_and_others_every_time() -> None:
    block = np.arange(5, 150).repeat(10)
    left = [made("tsdae", [block], seed).inputs["input_ids"][0] for seed in (1, 2)]
    assert len(left[0]) / len(block) == pytest.approx(0.4, abs=0.05)
    assert not np.array_equal(left[0][:100], left[1][:100])


def test_simcse_gives_every_text_twice_and_loses_what_the_formula_says() -> None:
    blocks = [np.array([2, 5, 6, 3]), np.array([2, 7, 3]), np.array([2, 9, 8, 8, 3])]
    found = made("simcse", blocks)
    assert found.inputs["input_ids"].shape == (6, 5)
    np.testing.assert_array_equal(found.inputs["input_ids"][:3], found.inputs["input_ids"][3:])
    vectors = torch.nn.functional.normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), dim=-1)
    objective = registry.get("objectives", "simcse")
    lost = objective.losses(vectors, torch.from_numpy(found.target), torch.zeros(1), None)
    first, second = vectors[:3].numpy(), vectors[3:].numpy()
    likeness = np.exp(first @ second.T / 0.05)
    np.testing.assert_allclose(lost[:, 0].numpy(), -np.log(likeness.diagonal() / likeness.sum(axis=1)), rtol=1e-4)


def test_the_decoder_of_tsdae_knows_the_vector_and_what_stands_before_and_nothing_after() -> None:
    objective = registry.get("objectives", "tsdae")
    torch.manual_seed(0)
    part, words = objective.part(16, 50), torch.randn(50, 16)
    vectors, target = torch.randn(2, 16), torch.randint(0, 50, (2, 7))
    plain = objective.losses(vectors, target, words, part)
    later = target.clone()
    later[:, 5:] = (later[:, 5:] + 1) % 50
    changed = objective.losses(vectors, later, words, part)
    torch.testing.assert_close(changed[:, :5], plain[:, :5])
    assert not torch.allclose(changed[:, 6], plain[:, 6]), "but what stands before is read"
    other = objective.losses(vectors.flip(0), target, words, part)
    assert (other - plain).abs().min() > 0, "every place is told by the vector"
    target[0, 3:] = -100
    assert (objective.losses(vectors, target, words, part)[0, 3:] == 0).all()
