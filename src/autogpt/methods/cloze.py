"""A text with a hidden word: the model's own masked-word head says which label's word stands there (PET).

"Exploiting Cloze Questions for Few Shot Text Classification" (Schick & Schütze 2021) and "Making Pre-trained Language
Models Better Few-shot Learners" (LM-BFF, Gao et al. 2021): nothing new is put on the body, so a few rows suffice, and
none are needed to begin with. Template and label words are searched on the training rows (`_gaps`), the head begins as
the label words' rows of the layer over the vocabulary, calibrated on the training texts; then everything trains. Where
validation rows say that training made it worse, the untrained one is kept.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autogpt import files, registry
from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods import _finetune, _gaps
from autogpt.methods._options import option, passes, peak_rate, step_rows
from autogpt.prompting import Prompt, gapped, of_form

GENERATORS = ("patterns", "verbalizer", "filling")
SEARCH_SHARE = 0.3
"""Of the trial's time, at most, goes into the search."""
LEAST_STEPS = 120
"""Optimizer steps that few rows are passed over for, whatever number of passes was asked."""
CALIBRATED = 512
"""Training texts that the scores are centred on, at most."""
FIRST = "{text} {label}"
"""Opens the head before a template is chosen."""


@dataclass(frozen=True, slots=True)
class Options:
    """`template` and `words` (of each label) where the user has them; otherwise they are searched."""

    epochs: float = passes(10.0, (0.0, 20.0))
    learning_rate: float = peak_rate(1e-4, (1e-5, 5e-4))
    batch_rows: int = step_rows(8, (4, 32))
    dropout: bool = option(True, "dropout while training")
    template: str | None = option(
        None, "text with {text} and {label}, the place of the hidden word (default: searched)"
    )
    words: Mapping[str, Sequence[str]] | None = option(None, "words that stand for each label (default: searched)")
    generators: str = option(",".join(GENERATORS), "who writes prompts, with commas between")
    together: int = option(3, "prompts that answer together where nothing is trained (epochs 0), at most", (1, 3))

    def __post_init__(self) -> None:
        if self.epochs < 0:
            raise ConfigError(f"cloze: epochs is {self.epochs}; it must be 0 (nothing is trained) or more")
        if not 1 <= self.together <= 5:
            raise ConfigError(f"cloze: together is {self.together}; it must be between 1 and 5")
        if self.template is not None:
            gapped(self.template)


class Cloze:
    """See `core.Method`."""

    name = "cloze"
    summary = "a hidden label word, told by the model's own masked-word head (PET); template and words are searched"
    needs_backbone = True
    outputs = frozenset({"classes", "path"})
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        encoder = job.open()
        chosen = yield from _chosen(job, encoder, options)
        prompts = [Prompt.from_dict(one) for one in chosen]
        job.chosen["prompts"] = chosen
        told = " and ".join(f"{one.template!r} ({_words(one)}; by {one.origin})" for one in prompts)
        job.notes.append(f"the hidden word is told in {told}")
        _begin(job, encoder, chosen[0])
        inputs = [row.inputs for row in job.validation]
        if not options.epochs:
            others = [_begin(job, job.open(), one) for one in chosen[1:]]
            scorer: Scorer = encoder
            if others:
                scorer = registry.get("backbones", "ensemble").of([encoder, *others], output=job.output.name)
            if inputs:
                job.validated.append(scorer.score(inputs))
            return scorer
        before = encoder.score(inputs) if inputs else None
        yield from _finetune.fine_tune(
            job,
            encoder,
            settings=_settings(job, options),
            c=None,
            embeddings=False,
            dropout=options.dropout,
            begun=True,
        )
        if before is not None and _worse(job, job.validated[-1], before):
            job.notes.append("training made it worse on validation rows; the untrained head is kept")
            job.chosen["epochs"] = 0.0
            encoder = _begin(job, job.open(), chosen[0])
            job.validated.append(encoder.score(inputs))
        tuned: Scorer = encoder
        return tuned


def _chosen(job: Job, encoder: Any, options: Options) -> Generator[Step, None, list[dict[str, Any]]]:
    """The prompts as data, each with its temperature: those of an earlier fit or of the user, or searched ones."""
    if "prompts" in job.settled:
        return list(job.settled["prompts"])
    kept = job.folder / "prompts.json"
    if kept.is_file():  # a trial that goes on
        known: list[dict[str, Any]] = json.loads(kept.read_text("utf-8"))["chosen"]
        return known
    names = _gaps.names_of(job.space.labels)
    words = {label: tuple((options.words or {}).get(label, own)) for label, own in names.items()}
    given = [Prompt(one.turns, {**words, **one.words}, one.origin) for one in of_form(job.prompts, "cloze")]
    if options.template is not None:
        given = [Prompt.of(options.template, words, origin="the user")]
    filler = encoder.read_gap(gapped(FIRST))
    facts = _gaps.facts_of(job.train, job.space.labels, goal=job.goal, filler=filler, seed=job.seed)
    until = (1.0 - SEARCH_SHARE) * job.remaining()
    search = _gaps.Search(replace(facts, names=words), has_time=lambda: job.remaining() > until)
    generators = [name.strip() for name in options.generators.split(",") if name.strip()]
    yield from search.run(generators, given=given)
    best = search.chosen(1 if options.epochs else options.together)
    job.notes.append(f"{len(search.tried)} prompts were tried; the best: {best[0].told()}")
    found = [one.plain() for one in best]
    files.write_json(kept, {"chosen": found, "tried": [one.plain() for one in search.tried]})
    return found


def _begin(job: Job, encoder: Any, told: Mapping[str, Any]) -> Any:
    """The encoder with a head of label words, centred on training texts."""
    prompt = Prompt.from_dict(told)
    gap = gapped(prompt.template)
    words = {label: prompt.words[label] for label in job.space.labels}  # columns of the head, whatever order was given
    weight, bias = encoder.read_gap(gap).rows_of(gap, words)
    drawn = np.random.default_rng([job.seed, 67]).permutation(len(job.train))[:CALIBRATED]
    states = np.asarray(encoder.features([job.train[place].inputs for place in drawn], exact=True))
    weight, bias = weight / told["temperature"], bias / told["temperature"]
    encoder.set_head(weight, bias - (states @ weight.T + bias).mean(axis=0))
    return encoder


def _settings(job: Job, options: Options) -> dict[str, Any]:
    """What the training loop takes; few rows are passed over more often than was asked, unless all is settled."""
    least = LEAST_STEPS * options.batch_rows / max(1, len(job.train)) if job.validation else 0.0
    return {
        "epochs": max(options.epochs, least),
        "learning_rate": options.learning_rate,
        "batch_rows": options.batch_rows,
        "prune": 0.0,
    }


def _worse(job: Job, after: Any, before: Any) -> bool:
    """Whether the metric of validation rows fell."""
    one, other = (job.judge(scores)[job.metric.name] for scores in (after, before))
    return one < other if job.metric.higher_is_better else one > other


def _words(prompt: Prompt) -> str:
    return "; ".join(f"{label}: {', '.join(own)}" for label, own in prompt.words.items())[:300]


plugin = Cloze()
