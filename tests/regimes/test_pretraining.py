"""Training on texts alone: what is measured, what is kept, and what is refused."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from autogpt.backbones._language import LanguageModel
from autogpt.config import Pretraining, RunConfig, Scratch, Search
from autogpt.data.corpus import parted, texts
from autogpt.errors import ConfigError, InputError, Interrupted, SourceError
from autogpt.events import Event
from autogpt.regimes.pretraining import Measure, Pretrained, pretrain, resume_pretraining
from autogpt.registry import get
from autogpt.runtime import Runtime
from autogpt.testing import tiny

SENTENCES = [
    f"the {colour} {noun} is {what} and the {noun} is good in paris"
    for colour in ("red", "green", "blue")
    for noun in ("card", "dog", "cat")
    for what in ("round", "lost", "found")
]
SHAPE = {"num_layers": 1, "hidden_size": 16, "num_heads": 2, "vocabulary": 320}
OPTIONS = Pretraining(block=24, batch_rows=4, epochs=3.0, learning_rate=1e-2)


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for place in range(30):
        (folder / f"{place:02d}.txt").write_text(f"text {place}. " + " ".join(SENTENCES[place % 9 :: 3]), "utf-8")
    return str(folder)


def config(data: str, tmp_path: Path, family: str = "decoder", backbone: str | None = None) -> RunConfig:
    return RunConfig(
        data=data,
        output=str(tmp_path / "runs"),
        time_limit="60s",  # type: ignore[arg-type]
        search=Search(backbone=backbone),
        scratch=Scratch(family=family, **SHAPE),  # type: ignore[arg-type]
    )


def weights(found: Pretrained) -> list[Any]:
    return [value for _, value in sorted(load_file(found.model / "model.safetensors").items())]


@pytest.mark.parametrize(
    ("family", "auto"), [("decoder", "CausalLM"), ("encoder", "MaskedLM"), ("encoder-decoder", "Seq2SeqLM")]
)
def test_each_family_learns_from_nothing_and_is_a_folder_of_transformers(
    corpus: str, tmp_path: Path, family: str, auto: str
) -> None:
    import transformers

    found = pretrain(config(corpus, tmp_path, family), OPTIONS)
    assert found.facts["before"] is None
    untrained = math.log2(320) if family != "decoder" else 8.0
    assert found.facts["after"] < 0.8 * untrained
    model = getattr(transformers, f"AutoModelFor{auto}").from_pretrained(found.model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(found.model)
    assert tokenizer.decode(tokenizer("the red card")["input_ids"]) == "the red card"
    assert set(load_file(found.model / "model.safetensors")) <= set(model.state_dict())
    assert json.loads((found.model / "pretraining.json").read_text())["measure"] == found.facts["measure"]


def test_a_model_that_was_there_goes_on_and_reads_the_domain_better(corpus: str, tmp_path: Path) -> None:
    folder = str(tiny.family_folder(tmp_path / "gpt2", "gpt2"))
    found = pretrain(config(corpus, tmp_path, backbone=folder), OPTIONS)
    assert found.facts["after"] < found.facts["before"]


def test_a_training_that_was_stopped_ends_with_the_same_weights(corpus: str, tmp_path: Path) -> None:
    straight = pretrain(config(corpus, tmp_path, "encoder"), OPTIONS)
    steps: list[Event] = []

    def stopping(event: Event) -> None:
        steps.append(event)
        if sum(one.kind == "step" for one in steps) == 5:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as stop:
        pretrain(config(corpus, tmp_path, "encoder"), OPTIONS, listen=stopping)
    resumed = resume_pretraining(stop.value.resume.split()[-1])
    for one, other in zip(weights(straight), weights(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    assert resume_pretraining(resumed.folder).facts["after"] == resumed.facts["after"]


def test_held_out_texts_are_neither_learned_nor_chosen_by(corpus: str, tmp_path: Path) -> None:
    """Other held-out texts, the same weights: nothing of the training may depend on them."""
    found = pretrain(config(corpus, tmp_path), OPTIONS)
    held = parted(texts(corpus)[0], "", share=OPTIONS.held_out, seed=0).held
    for path in Path(corpus).iterdir():
        if path.read_text("utf-8") in held:
            path.write_text(path.read_text("utf-8").translate(str.maketrans("abcdefgh", "hgfedcba")), "utf-8")
    other = pretrain(config(corpus, tmp_path / "again"), OPTIONS)
    for one, two in zip(weights(found), weights(other), strict=True):
        np.testing.assert_array_equal(one, two)
    assert found.facts["after"] != other.facts["after"]


def test_bits_per_byte_are_those_of_the_formula() -> None:
    text = " ".join(SENTENCES[:2])
    language = LanguageModel.made(SENTENCES, Scratch(family="decoder", **SHAPE), seed=0)  # type: ignore[arg-type]
    blocks = language.blocks([text], 1000)
    measure = Measure(language, get("objectives", "causal"), blocks, runtime=Runtime(), seed=0)
    found = measure.bits(len(text.encode()), has_time=lambda: True)
    with torch.no_grad():
        ids = torch.from_numpy(blocks[0])[None]
        logits = language.model.eval()(input_ids=ids).logits[0, :-1].log_softmax(-1)
    nats = -logits[range(ids.shape[1] - 1), ids[0, 1:]].sum()
    assert found == pytest.approx(float(nats) / math.log(2) / len(text.encode()), abs=2e-4)


def test_no_block_holds_two_texts_and_none_is_lost() -> None:
    language = LanguageModel.made(SENTENCES, Scratch(family="decoder", **SHAPE), seed=0)  # type: ignore[arg-type]
    blocks = language.blocks(SENTENCES[:3], 12)
    end, begin = language.tokenizer.eos_token_id, language.tokenizer.bos_token_id
    told = [[i for i in block.tolist() if i not in (end, begin)] for block in blocks]
    assert sum(block[-1] == end for block in blocks) == 3
    assert language.tokenizer.decode([i for block in told for i in block]) == "".join(SENTENCES[:3])
    assert max(map(len, blocks)) <= 12


# Texts


def test_texts_are_read_once_from_files_and_tables(corpus: str, tmp_path: Path) -> None:
    found, how = texts(corpus)
    assert len(found) == 30
    assert "30 files" in how
    table = tmp_path / "t.csv"
    table.write_text("id,note\n" + "".join(f"{i},a longer note about thing {i % 5}\n" for i in range(10)), "utf-8")
    found, how = texts(str(table))
    assert len(found) == 5
    assert "'note'" in how
    with pytest.raises(SourceError, match="no column 'x'"):
        texts(str(table), column="x")


def test_nothing_that_is_measured_on_is_learned() -> None:
    many = [f"text number {i} of many" for i in range(100)]
    corpus = parted(many, "", share=0.1, seed=0)
    assert set(corpus.learned).isdisjoint(corpus.held)
    assert len(corpus.learned) + len(corpus.held) == 100
    assert 0.05 < corpus.held_bytes / sum(map(len, many)) < 0.2
    few = parted(["a\nb\nc\nd\ne\nf\ng\nh\ni\nj"], "", share=0.2, seed=0)
    assert few.learned[0] + few.held[0] == "a\nb\nc\nd\ne\nf\ng\nh\ni\nj"


# Refusals


def test_what_cannot_be_done_is_said(corpus: str, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="objective 'masked' is for encoder models, and this is of decoder; use causal"
    ):
        pretrain(config(corpus, tmp_path), Pretraining(objective="masked"))
    with pytest.raises(ConfigError, match="no texts to read"):
        pretrain(config("", tmp_path), OPTIONS)
    empty = tmp_path / "empty.txt"
    empty.write_text("  \n", "utf-8")
    with pytest.raises(SourceError, match="no text in it"):
        pretrain(config(str(empty), tmp_path), OPTIONS)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.json").write_text('{"status": "done", "config": {}}', "utf-8")
    with pytest.raises(InputError, match="no training on texts"):
        resume_pretraining(tmp_path / "other")
    assert not list((tmp_path / "runs").glob("*")), "what was refused leaves no run behind"
