"""Objectives of vectors: what trains, what is thrown away, what is measured, and what a run does with them."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from autogpt import registry
from autogpt.autopilot import run as autopilot
from autogpt.backbones._language import LanguageModel
from autogpt.config import Adaptive, Columns, Pretraining, RunConfig, Scratch, Search
from autogpt.data.words import inputs_text, inputs_texts
from autogpt.errors import ConfigError, Interrupted
from autogpt.events import Event
from autogpt.regimes import _anchored, _reading, adaptive
from autogpt.regimes._anchored import Vectors
from autogpt.regimes._reading import bits_of, vector_losses
from autogpt.regimes.pretraining import Pretrained, pretrain, resume_pretraining
from autogpt.testing import tiny

NAMES = ["simcse", "tsdae"]
NOUNS, PLACES = ("card", "dog", "cat", "money"), ("paris", "rome")
SENTENCES = [
    f"the {colour} {noun} is {what} and {who} lives in {place}"
    for colour in ("red", "green", "blue")
    for noun in NOUNS
    for what in ("round", "lost")
    for who in ("alice", "bob")
    for place in PLACES
]


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptive, "EPOCHS", 2.0)
    monkeypatch.setattr(_anchored, "HEAD_STEPS", 8)


@pytest.fixture(scope="module", params=["headless", "with its head"])
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("backbones") / "bert", head=request.param != "headless")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("backbones") / "bert", head=False)


@pytest.fixture
def pretrained(tmp_path: Path) -> Callable[..., Pretrained]:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(SENTENCES), "utf-8")

    def go(folder: Path | None, name: str, **listen: Any) -> Pretrained:
        search = Search(backbone=None if folder is None else str(folder))
        config = RunConfig(data=str(corpus), output=str(tmp_path / "runs"), time_limit=60.0, search=search)
        options = Pretraining(objective=name, block=24, batch_rows=8, epochs=4.0, learning_rate=3e-3, held_out=0.1)
        return pretrain(config, options, **listen)

    return go


def loaded(folder: Path) -> LanguageModel:
    return LanguageModel.loaded(str(folder), revision=None, offline=True)


# --- alone


@pytest.mark.parametrize("name", NAMES)
def test_held_out_texts_are_told_better_and_nothing_but_the_encoder_is_saved(
    backbone: Path, name: str, pretrained: Callable[..., Pretrained]
) -> None:
    found = pretrained(backbone, name)
    assert found.facts["after"] < found.facts["before"]
    before, after = loaded(backbone), loaded(found.model)
    assert after.headless == before.headless, "a head that knows nothing is not saved as if it did"
    assert set(after.model.state_dict()) == set(before.model.state_dict())
    assert set(load_file(found.model / "model.safetensors")) <= set(load_file(backbone / "model.safetensors"))
    moved = [not torch.equal(one, other) for one, other in
             zip(before.model.base_model.parameters(), after.model.base_model.parameters(), strict=True)]  # fmt: skip
    assert all(moved)


def test_a_new_decoder_is_trained_alone_first_and_a_text_told_from_others_needs_none(plain: Path) -> None:
    language = loaded(plain)
    tsdae, simcse = (registry.get("objectives", name) for name in ("tsdae", "simcse"))
    assert language.lacks(tsdae, 0)
    assert not language.lacks(simcse, 0)
    language.learned(tsdae)
    assert not language.lacks(tsdae, 0)
    assert language.headless, "its head over the vocabulary still knows nothing"
    blocks = language.blocks(SENTENCES, 32)
    alone = Vectors(loaded(plain), tsdae, blocks, seed=0, anchor=0.0, head_only=True)
    batch = alone.batch([0, 1, 2])
    alone.loss(alone.forward(batch), batch).sum().backward()
    model = alone.language.model
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(parameter.grad is not None for parameter in alone.language.part(tsdae, 0).parameters())
    alone.remove()
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_the_vector_of_tsdae_is_what_its_decoder_tells_by(tmp_path: Path) -> None:
    """The control: once it has learned, a text is told worse by the vector of another one. (Words stand in no order, so
    that those before tell nothing.)"""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(tiny.WORDS[:24], size=4)) for _ in range(64)]
    language, tsdae = (
        loaded(tiny.encoder_folder(tmp_path / "bert", "bert", spread=0.3)),
        registry.get("objectives", "tsdae"),
    )
    learning = Vectors(language, tsdae, language.blocks(texts, 32), seed=0, anchor=0.0)
    optimizer = torch.optim.Adam([p for p in learning.module.parameters() if p.requires_grad], lr=1e-2)
    for step in range(60):
        batch = learning.batch([(16 * step + place) % len(texts) for place in range(16)])
        learning.after_step(step + 1, 60)
        optimizer.zero_grad()
        learning.loss(learning.forward(batch), batch).mean().backward()
        optimizer.step()
    words, part = language.model.get_input_embeddings().weight, language.part(tsdae, 0)
    batch = learning.batch(range(32))
    with torch.no_grad():
        vectors = vector_losses(language, tsdae, batch, 0)[0]
        own = tsdae.losses(vectors, batch.target, words, part).mean()
        other = tsdae.losses(vectors.flip(0), batch.target, words, part).mean()
    assert own < other - 0.1


@pytest.mark.parametrize("name", NAMES)
def test_a_training_that_was_stopped_ends_with_the_same_weights(
    plain: Path, name: str, pretrained: Callable[..., Pretrained]
) -> None:
    straight = pretrained(plain, name)
    steps: list[Event] = []

    def stopping(event: Event) -> None:
        steps.append(event)
        if sum(one.kind == "step" for one in steps) == 14:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as stop:
        pretrained(plain, name, listen=stopping)
    resumed = resume_pretraining(stop.value.resume.split()[-1])
    one, other = (load_file(each.model / "model.safetensors") for each in (straight, resumed))
    assert {key: bool(np.array_equal(one[key], other[key])) for key in one} == dict.fromkeys(one, True)


def test_what_is_measured_is_the_same_at_every_call_and_dropout_tells_texts_apart(tmp_path: Path) -> None:
    """Of a body without any dropout too: it gets it on its word embeddings, while it reads."""
    simcse = registry.get("objectives", "simcse")
    for folder in (
        tiny.bert_folder(tmp_path / "bert"),
        tiny.encoder_folder(tmp_path / "modern", "modernbert", spread=0.3),
    ):
        language = loaded(folder)
        blocks = language.blocks(SENTENCES[:8], 32)
        first, second = (bits_of(language, simcse, blocks, signs=language.signs(), seed=0, place=0)[0]
                         for _ in range(2))  # fmt: skip
        np.testing.assert_array_equal(first, second)
        language.model.train()
        learning = Vectors(language, simcse, blocks, seed=0, anchor=0.0)
        one, other = vector_losses(language, simcse, learning.batch([0, 1]), 0)[0].chunk(2)
        assert not torch.allclose(one, other, atol=1e-4), "two readings of a text differ"
        assert not language.model.get_input_embeddings()._forward_hooks


def test_contrastive_batches_are_never_torn_apart(plain: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sizes: list[int] = []
    forward = Vectors.forward
    monkeypatch.setattr(Vectors, "forward", lambda self, batch: (
        sizes.append(len(batch.index)), forward(self, batch))[1])  # fmt: skip
    monkeypatch.setattr("autogpt.training.loop.MICRO_TOKENS", {"cpu": 32})
    language = loaded(plain)
    from autogpt.runtime import detect
    from autogpt.training.options import LoopOptions

    for name, torn in (("simcse", False), ("tsdae", True)):
        sizes.clear()
        _anchored.train(
            language, registry.get("objectives", name), language.blocks(SENTENCES[:32], 32),
            options=LoopOptions(epochs=1.0, batch_rows=8), anchor=0.1, folder=tmp_path / name, seed=0,
            remaining=lambda: 600.0, validate=lambda: 0.0, runtime=detect(), stop=lambda: False, tell=lambda step: None,
        )  # fmt: skip
        assert (max(sizes[-4:]) < 8) is torn


def test_the_anchor_holds_the_vector_that_the_objective_was_given(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reading, "DROPOUT", 0.0)  # which moves vectors as well
    language, simcse = loaded(plain), registry.get("objectives", "simcse")
    blocks = language.blocks(SENTENCES[:8], 32)
    held = Vectors(language, simcse, blocks, seed=0, anchor=2.0)
    free = Vectors(language, simcse, blocks, seed=0, anchor=0.0)
    language.model.eval()
    batch = held.batch([0, 1])
    with torch.no_grad():
        still = held.forward(batch)
        torch.testing.assert_close(still, free.forward(batch), rtol=1e-4, atol=1e-4)  # nothing has moved yet
        for parameter in language.model.base_model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        assert (held.forward(batch) > free.forward(batch)).all()


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_done_is_said_in_a_line(
    name: str, pretrained: Callable[..., Pretrained], tmp_path: Path
) -> None:
    with pytest.raises(
        ConfigError, match=f"objective {name!r} is for encoder models, and this is of decoder; use causal"
    ):
        pretrained(tiny.family_folder(tmp_path / "gpt2", "gpt2"), name)
    corpus = tmp_path / "corpus.txt"
    small = Scratch(family="encoder", num_layers=1, hidden_size=16, num_heads=2, vocabulary=320)
    config = RunConfig(data=str(corpus), output=str(tmp_path / "runs"), time_limit=60.0, scratch=small)
    with pytest.raises(ConfigError, match="is for an encoder that reads already; name one"):
        pretrain(config, Pretraining(objective=name))


# --- in a run


def test_texts_of_a_pair_are_read_apart_where_each_has_a_vector() -> None:
    pair = {"text": "a dog", "text_pair": "a cat"}
    assert inputs_texts(pair) == ["a dog", "a cat"]
    assert inputs_texts({"text": "one\ntwo"}) == ["one\ntwo"]
    assert inputs_texts({"text": "q", "choices": ("x", "y")}) == ["q", "x", "y"]
    assert inputs_text(pair) == "a dog\na cat"
    rows: Any = [pair, {"text": "a dog", "text_pair": "money"}]
    assert adaptive.texts_of(rows, registry.get("objectives", "simcse")) == ["a dog", "a cat", "money"]
    assert adaptive.texts_of(rows, registry.get("objectives", "masked")) == ["a dog\na cat", "a dog\nmoney"]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_was_asked_to_begins_from_the_encoder_that_learned_vectors(
    plain: Path, name: str, tmp_path: Path
) -> None:
    rows = [{"a": SENTENCES[place % 96], "b": SENTENCES[(place * 7) % 96], "score": float(place % 5)}
            for place in range(150)]  # fmt: skip
    config = RunConfig(
        output=str(tmp_path), time_limit=900.0, adaptive=Adaptive(adapt="always", adapt_objective=name),
        search=Search(methods="head", backbone=str(plain), ensemble=False),
        columns=Columns(task="text-regression", target="score"),
    )  # fmt: skip
    run = autopilot.run(config, data=rows)
    lines = [json.loads(line) for line in (run.folder / "journal.jsonl").read_text("utf-8").splitlines()]
    told = "\n".join(line["message"] for line in lines)
    assert "later trials begin from the adapted encoder, as you asked" in told
    assert registry.get("objectives", name).tells in told
    answer = run.model.predict([{"a": SENTENCES[0], "b": SENTENCES[7]}])[0]
    assert math.isfinite(float(answer.value))
