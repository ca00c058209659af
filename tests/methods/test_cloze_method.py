"""`cloze`: given prompts are kept, nothing is trained where that is asked, several templates answer together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt.autopilot.trial import Bench, Candidate, load_scorer, make_job, refit, run_trial
from autogpt.core import Example
from autogpt.errors import ConfigError
from autogpt.events import Event
from autogpt.methods import _prompting
from autogpt.prompting import Prompt
from autogpt.testing import contracts, tiny

TEMPLATE = "{text} was {label} ."
WORDS = {"red": ("red",), "green": ("green",), "blue": ("blue",)}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return contracts.bench("classes", tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert"))


def fitted(told: Bench, folder: Path, **options: Any) -> Any:
    return run_trial(told, Candidate("cloze", options), folder=folder, remaining=lambda: 120.0)


def given(words: Any) -> tuple[Prompt, ...]:
    return (Prompt.of(TEMPLATE, words, origin="me"),)


def test_words_count_for_their_label_in_whatever_order_they_are_given(told: Bench, tmp_path: Path) -> None:
    inputs = [row.inputs for row in told.validation]
    scores = []
    for number, words in enumerate((WORDS, dict(reversed(WORDS.items())))):
        _, scorer = fitted(replace(told, prompts=given(words)), tmp_path / str(number), epochs=0.0)
        scores.append(scorer.score(inputs))
    np.testing.assert_array_equal(*scores)
    turned = dict(zip(WORDS, [*list(WORDS.values())[1:], WORDS["red"]], strict=True))
    _, other = fitted(replace(told, prompts=given(turned)), tmp_path / "turned", epochs=0.0)
    assert not np.allclose(other.score(inputs), scores[0], atol=1e-3)


def test_without_training_the_body_stays_and_scores_are_centred_on_training_texts(told: Bench, tmp_path: Path) -> None:
    result, scorer = fitted(replace(told, prompts=given(WORDS)), tmp_path, epochs=0.0)
    before = dict(told.open().net.body.named_parameters())
    for name, parameter in scorer.net.body.named_parameters():
        assert np.array_equal(parameter.detach().numpy(), before[name].detach().numpy()), name
    mean = scorer.score([row.inputs for row in told.train]).mean(axis=0)
    np.testing.assert_allclose(mean, 0.0, atol=1e-4)
    assert result.chosen["prompts"][0]["origin"] == "me"


def test_several_templates_answer_together_and_are_saved(told: Bench, tmp_path: Path) -> None:
    several = (*given(WORDS), Prompt.of("{label} : {text}", WORDS), Prompt.of("a {label} card : {text}", WORDS))
    result, scorer = fitted(replace(told, prompts=several), tmp_path, epochs=0.0)
    inputs = [row.inputs for row in told.validation]
    again = load_scorer(tmp_path / "scorer", result.family)
    np.testing.assert_array_equal(again.score(inputs), scorer.score(inputs))
    assert len(result.chosen["prompts"]) == (len(scorer.members) if result.family == "ensemble" else 1)


def test_a_refit_asks_with_what_was_chosen(told: Bench, tmp_path: Path) -> None:
    result, scorer = fitted(told, tmp_path / "trial", epochs=2.0)
    again = refit(told, result, folder=tmp_path / "again", remaining=lambda: 120.0)
    assert again.shape.template == scorer.shape.template  # type: ignore[attr-defined]


def test_every_prompt_that_was_tried_is_told_with_what_it_came_to(told: Bench, tmp_path: Path) -> None:
    heard = list[Event]()
    fitted(replace(told, listen=heard.append), tmp_path, epochs=0.0)
    notes = [event.data["note"] for event in heard if event.kind == "step"]
    assert len(notes) > 5
    assert all(note.startswith("prompt ") and "log-likelihood" in note for note in notes)
    assert any("filling" in note for note in notes)


def test_rows_with_marked_spans_are_refused(told: Bench, tmp_path: Path) -> None:
    marked = Example(0, {"text": "a dog", "marks": ((0, 1), (2, 5))}, "red")

    def opened() -> Any:
        encoder = told.open()
        encoder.shape = replace(encoder.shape, reading="marks")
        return encoder

    with pytest.raises(ConfigError, match="use full or lora"):
        fitted(replace(told, train=[marked], open=opened), tmp_path)


def test_soft_prompts_begin_as_the_words_of_the_task(told: Bench, tmp_path: Path) -> None:
    job = make_job(replace(told, goal="the red card"), Candidate("prompt"), folder=tmp_path, remaining=lambda: 60.0)
    encoder = job.open()
    ids = _prompting._real_tokens(encoder, job, 6).tolist()
    assert encoder.tokenizer.convert_ids_to_tokens(ids[:3]) == ["the", "red", "card"]
    assert len(ids) == 6
    spoken = replace(job, prompts=(Prompt((("system", "blue dog cat"),)),))
    ids = _prompting._real_tokens(encoder, spoken, 2).tolist()
    assert encoder.tokenizer.convert_ids_to_tokens(ids) == ["blue", "dog"]
