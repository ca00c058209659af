"""New words in a vocabulary: which, when, what they change at once, and that they are saved."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.autopilot import run as autopilot
from autogpt.backbones._language import LanguageModel
from autogpt.config import Adaptive, Columns, Pretraining, RunConfig, Search
from autogpt.errors import ConfigError
from autogpt.model import Model
from autogpt.regimes import _anchored, _vocabulary, adaptive
from autogpt.regimes._anchored import Anchored
from autogpt.regimes._vocabulary import counted, extended, fertility, gaining, spelled
from autogpt.regimes.pretraining import pretrain
from autogpt.runtime import Runtime
from autogpt.testing import tiny

WORDS = ["Hyperlipidemia", "stent", "thrombus"]
TEXTS = [f"the {WORDS[place % 3]} is {what} and the dog {number} was not" for number in ("one", "two", "three", "four")
         for place in range(30) for what in ("red", "lost")]  # fmt: skip


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptive, "EPOCHS", 2.0)
    monkeypatch.setattr(_anchored, "HEAD_STEPS", 4)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT that knows every letter at the beginning of a word and in it: its words of the field fall to pieces."""
    folder = tiny.bert_folder(tmp_path_factory.mktemp("backbones") / "bert", head=False)
    from transformers import AutoModel, BertTokenizer

    letters = [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    known = (folder / "vocab.txt").read_text("utf-8").splitlines()
    (folder / "tokenizer.json").unlink(missing_ok=True)
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys([*known, *letters])), "utf-8")
    tokenizer = BertTokenizer(str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    model = AutoModel.from_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def language(backbone: Path) -> LanguageModel:
    return LanguageModel.loaded(str(backbone), revision=None, offline=True)


def vectors(folder: Path) -> Any:
    encoder = registry.get("backbones", "encoder").open(str(folder), output="classes", size=2, runtime=Runtime())
    return np.asarray(encoder.features([{"text": text} for text in TEXTS[:6]], exact=True))


def test_fertility_is_tokens_per_word_of_running_text(language: LanguageModel) -> None:
    counts = counted(language.tokenizer, ["the dog, the STENT", "stent."])
    assert counts == {"the": 2, "dog": 1, "stent": 2}, "in lower case, as this tokenizer reads"
    pieces = spelled(language.tokenizer, list(counts))
    assert pieces == {"the": 1, "dog": 1, "stent": 5}
    assert fertility(counts, pieces) == pytest.approx((2 + 1 + 2 * 5) / 5)


def test_the_words_that_save_most_are_taken_and_neither_rare_nor_short_nor_whole_ones(language: LanguageModel) -> None:
    counts = counted(language.tokenizer, [*TEXTS, "a scarce xyz", *["xyz 2024"] * 20])
    pieces = spelled(language.tokenizer, list(counts))
    assert gaining(counts, pieces, 10) == ["hyperlipidemia", "thrombus", "stent"]
    assert gaining(counts, pieces, 1) == ["hyperlipidemia"]


def test_words_are_added_where_texts_are_split_badly_and_nowhere_else(language: LanguageModel) -> None:
    size = len(language.tokenizer)
    told = extended(language, ["the dog is red and the cat is lost"] * 40, 50)
    assert told == "no new words: a word takes 1.00 tokens, and 1.2 or more is bad"
    rare = [f"the {'abcdefghij'[place]}{'klmnopqrst'[place]}uvw is {place}" for place in range(10)]
    assert "no new words: a word takes" in extended(language, rare, 50), "no word of theirs stands twice"
    assert "which is too little" in extended(language, rare, 50)
    assert len(language.tokenizer) == size
    assert not language.pieces
    told = extended(language, TEXTS, 50)
    assert "with 3 new words 1.00" in told
    assert len(language.tokenizer) == size + 3


def test_a_new_word_begins_as_the_mean_of_its_pieces_and_stands_alone_only(language: LanguageModel) -> None:
    tokenizer = language.tokenizer
    before = tokenizer("the stent is red", add_special_tokens=False)["input_ids"]
    words = language.model.get_input_embeddings().weight.detach().clone()
    language.extend(["stent"])
    found = tokenizer("the stent is red", add_special_tokens=False)["input_ids"]
    new = tokenizer.convert_tokens_to_ids("stent")
    assert found == [before[0], new, *before[6:]]
    table = language.model.get_input_embeddings().weight
    torch.testing.assert_close(table[new], words[before[1:6]].mean(dim=0))
    torch.testing.assert_close(table[: len(words)], words)
    assert language.model.get_output_embeddings().weight is table, "still tied"
    assert new not in tokenizer("the stents", add_special_tokens=False)["input_ids"]
    assert tokenizer("Stent", add_special_tokens=False)["input_ids"] == [new], "as it folds case elsewhere"
    assert tokenizer(["a", "stent"], is_split_into_words=True).word_ids()[2] == 1
    assert new in language.signs().starts


def test_a_space_is_no_token_before_a_new_word_of_a_byte_level_tokenizer() -> None:
    from autogpt.config import Scratch

    shape = Scratch(family="encoder", num_layers=1, hidden_size=16, num_heads=2, vocabulary=300)
    made = LanguageModel.made(["the dog is red"] * 4, shape, seed=0)
    before = len(made.tokenizer("the stent is red")["input_ids"])
    made.extend(["stent"])
    new = made.tokenizer.convert_tokens_to_ids("stent")
    after = made.tokenizer("the stent is red")["input_ids"]
    assert new in after
    assert len(after) < before - 3
    assert new in made.signs().starts


def test_the_anchor_is_the_vector_of_the_text_as_it_was_split_before(backbone: Path, language: LanguageModel) -> None:
    plain = LanguageModel.loaded(str(backbone), revision=None, offline=True)
    language.extend(["hyperlipidemia", "stent"])
    new, old = language.blocks(TEXTS[:3], 64), plain.blocks(TEXTS[:3], 64)
    assert len(new[0]) < len(old[0])
    for one, other in zip(new, old, strict=True):
        np.testing.assert_array_equal(language.plain(one), other)
    objective = registry.get("objectives", "masked")
    held = Anchored(language, objective, new, seed=0, anchor=0.1)
    known = Anchored(plain, objective, old, seed=0, anchor=0.1)
    torch.testing.assert_close(held._anchors([0, 1, 2]), known._anchors([0, 1, 2]))


def test_what_was_saved_reads_the_same(language: LanguageModel, tmp_path: Path) -> None:
    language.extend(["hyperlipidemia", "stent", "thrombus"])
    language.save(tmp_path / "one", {})
    again = LanguageModel.loaded(str(tmp_path / "one"), revision=None, offline=True)
    assert again.tokenizer("Stent thrombus")["input_ids"] == language.tokenizer("Stent thrombus")["input_ids"]
    again.save(tmp_path / "two", {})
    np.testing.assert_array_equal(vectors(tmp_path / "one"), vectors(tmp_path / "two"))


def test_pretrain_adds_them_and_refuses_what_is_no_encoder(backbone: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(TEXTS), "utf-8")
    told: list[str] = []
    options = Pretraining(block=24, batch_rows=8, epochs=1.0, held_out=0.1, new_words=50)

    def config(folder: Path) -> RunConfig:
        search = Search(backbone=str(folder))
        return RunConfig(data=str(corpus), output=str(tmp_path / "runs"), time_limit=60.0, search=search)

    found = pretrain(config(backbone), options, listen=lambda event: told.append(event.message))
    assert any("new words in the vocabulary: a word takes" in line for line in told)
    saved = LanguageModel.loaded(str(found.model), revision=None, offline=True)
    assert len(saved.tokenizer("stent", add_special_tokens=False)["input_ids"]) == 1
    with pytest.raises(ConfigError, match="new words are for encoders, and this model is of decoder"):
        pretrain(config(tiny.family_folder(tmp_path / "gpt2", "gpt2")), options)
    with pytest.raises(ConfigError, match="new_words -1"):
        Pretraining(new_words=-1)


def test_a_run_says_what_it_added_and_its_model_keeps_it(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_vocabulary, "LEAST_COUNT", 5)
    rows = [{"note": f"{text} {place}", "kind": WORDS[place % 3]} for place, text in enumerate(TEXTS[:120])]
    config = RunConfig(
        output=str(tmp_path), time_limit=900.0, adaptive=Adaptive(adapt="always", adapt_words=20),
        search=Search(methods="head", backbone=str(backbone), ensemble=False), columns=Columns(target="kind"),
    )  # fmt: skip
    run = autopilot.run(config, data=rows)
    told = [json.loads(line)["message"] for line in (run.folder / "journal.jsonl").read_text("utf-8").splitlines()]
    assert any("3 new words" in line for line in told), told
    asked = [row["note"] for row in rows[:5]]
    again = Model.load(run.folder / "model")
    assert [one.confidence for one in again.predict(asked)] == pytest.approx(
        [one.confidence for one in run.model.predict(asked)], abs=1e-5
    )
