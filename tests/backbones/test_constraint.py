"""Texts that a model writes keep to a learned grammar, whatever the model, and are served as they were tested."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.backbones._constraint import Constraint
from autogpt.backbones.writer import Writer
from autogpt.config import Scratch
from autogpt.core import Decision, Example, LabelSpace, Making
from autogpt.runtime import Runtime
from autogpt.testing import tiny
from autogpt.written import table, text_of

pytest.importorskip("llguidance")
RECORDS = [json.dumps({"name": f"王{n}", "age": n, "tags": ["x"] * (n % 3)}, ensure_ascii=False) for n in range(40)]
PAGES = [f'<div class="a"><s>{n} &amp; {n}</s><ul><li>北京<br></li></ul></div>' for n in range(40)]
TARGETS = {"json": RECORDS, "html": PAGES}
SOURCES = [{"source": f"row {n}"} for n in range(24)]


def writer(form: str, family: str, *, most: int = 40, **decoding: Any) -> tuple[Writer, Any]:
    """An untrained writer that has learned a grammar, and its training."""
    targets = TARGETS[form]
    shape = Scratch(family=family, num_layers=1, hidden_size=16, num_heads=2)
    made = Writer.open(None, output="text", size=2, runtime=Runtime(), making=Making(lambda: targets, shape, 0))
    rows = [Example(place, {"source": "x"}, text) for place, text in enumerate(targets)]
    training = made.training(rows, output=registry.get("outputs", "text"), space=LabelSpace(format=form))
    made.decoding = replace(made.decoding, most=most, **decoding)
    return made, training


def texts(of: Writer) -> list[str]:
    torch.manual_seed(0)
    return [text_of(np.asarray(row)) for row in of.score(SOURCES, batch_rows=8)]


@pytest.mark.parametrize("form", ["json", "html"])
@pytest.mark.parametrize("family", ["decoder", "encoder-decoder"])
@pytest.mark.parametrize("told", [{}, {"beams": 3}, {"temperature": 1.0}, {"temperature": 1.0, "most": 3}])
def test_an_untrained_model_writes_well_formed_texts_only_if_it_must(
    form: str, family: str, told: dict[str, Any]
) -> None:
    made, _ = writer(form, family, **told)
    fault = registry.get("formats", form).fault
    assert any(fault(text) for text in texts(made))
    assert made._keep(True) == ""
    kept = texts(made)
    assert [fault(text) for text in kept] == [None] * len(kept)
    if form == "json":
        assert all(list(json.loads(text)) == ["name", "age", "tags"] for text in kept)


def test_masks_are_those_of_the_grammar_whichever_row_a_beam_stands_in() -> None:
    made, _ = writer("json", "decoder")
    made._keep(True)
    constraint = made._constraint()
    one, other = (made.tokenizer(text, add_special_tokens=False)["input_ids"] for text in RECORDS[:2])
    masks = constraint.masks(2)
    scores = torch.zeros(2, constraint.vocabulary)
    for count in range(min(len(one), len(other))):
        rows = [one[:count], other[:count]][:: 1 if count % 2 else -1]  # beams change places
        free = masks(torch.tensor([[7, 7, *row] for row in rows]), scores) == 0
        for row, allowed in zip(rows, free, strict=True):
            following = (one if row == one[:count] else other)[count]
            assert allowed[following]
            fresh = constraint.closed(row)  # what may follow agrees with what the grammar itself goes on with
            assert len(fresh) == count or allowed[fresh[count]]
    assert masks(torch.tensor([[7, 7], [7, 7]]), scores)[0, made._end] == float("-inf")


def test_a_sign_of_the_tokenizer_within_a_target_is_text() -> None:
    made, _ = writer("html", "decoder")
    pair = made.pairs([{"source": "x"}], ["<s>a</s>"])[0]
    assert made.text(pair.target) == "<s>a</s>"
    assert (pair.target[:-1] > 4).all()


def test_what_is_kept_to_is_saved_and_written_again(tmp_path: Path) -> None:
    made, _ = writer("json", "encoder-decoder")
    made._keep(True)
    made.save(tmp_path)
    again = Writer.load(tmp_path, runtime=Runtime())
    assert again.decoding == made.decoding
    assert again.decoding.grammar
    assert texts(again) == texts(made)


def job(judge: Any, **told: Any) -> Any:
    metric = registry.get("metrics", "chrf")
    return SimpleNamespace(
        **{"remaining": lambda: 1e9, "metric": metric, "judge": judge, "chosen": {}, "notes": [], "seed": 0, **told}
    )


def test_a_grammar_is_kept_to_unless_validation_loses_more_than_chance() -> None:
    whole = lambda scores: [registry.get("formats", "json").fault(text_of(np.asarray(row))) is None for row in scores]  # noqa: E731
    first = [0.0]
    for judge, kept in (
        (lambda scores: {"chrf": 0.5}, True),
        (lambda scores: {"chrf": float(np.mean(whole(scores)))}, True),
        (lambda scores: {"chrf": -float(np.mean(whole(scores)))}, False),
        (lambda scores: {"chrf": float(np.asarray(scores[0]).sum() != first[0])}, True),  # one row decides: chance
    ):
        made, training = writer("json", "decoder", beams=4)
        first[0] = float(np.asarray(training.score()[0]).sum())
        asked = job(judge)
        training.settled(training.score(), asked)
        assert (made.decoding.grammar is not None) == kept
        assert asked.chosen.get("kept", False) == kept
        assert len([note for note in asked.notes if "grammar" in note]) == 1
        again, second = writer("json", "decoder")
        second.settle(asked.chosen)
        assert (again.decoding.grammar is not None) == kept


def test_without_time_or_the_library_texts_are_free_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made, training = writer("json", "decoder")
    training.score()
    asked = job(lambda scores: {"chrf": 0.5}, remaining=lambda: 0.0)
    training.settled([], asked)
    assert "there is no time" in asked.notes[-1]
    monkeypatch.setitem(sys.modules, "llguidance", None)
    other = job(lambda scores: {"chrf": 0.5})
    training.settled(training.score(), other)
    assert "pip install 'autogpt[format]'" in other.notes[-1]
    assert made.decoding.grammar is None


def test_a_model_that_is_served_without_the_library_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made, _ = writer("json", "decoder")
    made._keep(True)
    made.save(tmp_path)
    monkeypatch.setitem(sys.modules, "llguidance", None)
    assert len(texts(Writer.load(tmp_path, runtime=Runtime()))) == len(SOURCES)
    assert "pip install 'autogpt[format]'" in caplog.text


def test_a_tokenizer_of_word_pieces_is_refused_with_the_reason(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny.bert_folder(tmp_path / "bert"))
    with pytest.raises(ValueError, match=r"how this tokenizer spells is not known: .*WordPiece"):
        Constraint("start: /a/", tokenizer, vocabulary=len(tokenizer), end=tokenizer.sep_token_id, closing="")


def test_pieces_with_a_sign_for_a_space_are_spelled_as_they_are_read() -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.Unigram())
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    signs = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    told = {"special_tokens": list(signs.values()), "unk_token": signs["unk_token"], "show_progress": False}
    made.train_from_iterator(RECORDS, trainers.UnigramTrainer(vocab_size=120, **told))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, **signs)
    form = registry.get("formats", "json")
    constraint = Constraint(
        form.grammar(RECORDS), tokenizer, vocabulary=len(tokenizer) + 5, end=1, closing=form.closing
    )
    for text in RECORDS[:4]:
        tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert constraint.accepts(tokens)
        for count in range(len(tokens)):
            assert form.fault(tokenizer.decode(constraint.closed(tokens[:count])).strip()) is None


def test_of_several_beams_the_first_that_parses_is_taken() -> None:
    from autogpt.backbones._writing import write

    made, _ = writer("json", "decoder", beams=4)
    told = {"pad_id": made._pad_id, "end": made._end, "start": made._start, "room": made._side}
    sources = made._sources(SOURCES[:4])
    seen: list[tuple[int, ...]] = []

    def third(ids: Any) -> bool:
        seen.append(tuple(ids))
        return len(seen) % 3 == 0

    found = write(made.net, sources, made.decoding, whole=third, **told)
    assert [tuple(ids) for ids, _ in found] == seen[2::3]
    likeliest = write(made.net, sources, made.decoding, whole=lambda ids: False, **told)
    assert [tuple(ids) for ids, _ in likeliest] == seen[::3]


# Checked and repaired when an answer is given


def test_an_answer_is_repaired_and_one_that_cannot_be_is_not_sure() -> None:
    output = registry.get("outputs", "text")
    scores = [table(text, -0.1) for text in ('{"a": 1}', '{"a": 1, "b', "no json")]
    answers = output.decode(scores, LabelSpace(format="json"), Decision(), [{}] * 3)
    assert [(one.value, one.abstained) for one in answers] == [
        ('{"a": 1}', False),
        ('{"a": 1}', False),
        ("no json", True),
    ]
    free = output.decode(scores, LabelSpace(), Decision(), [{}] * 3)
    assert [one.value for one in free] == ['{"a": 1}', '{"a": 1, "b', "no json"]
