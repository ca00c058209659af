"""What every plug-in of a kind promises, as functions over its name. A new plug-in is tested before its author does."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry, written
from autogpt.autopilot.trial import Bench, Candidate, load_scorer, run_trial
from autogpt.core import ONE_LABEL, Decision, Example, GoldAnswers, LabelSpace, Scorer
from autogpt.endpoint import Client, Remote, named
from autogpt.errors import AutoGPTError
from autogpt.evaluation.errors import is_right
from autogpt.experts import Averaging
from autogpt.memory import Guard
from autogpt.prompting import Facts, Judged, Prompt, gapped
from autogpt.queries import Pool
from autogpt.runtime import Runtime, best_device
from autogpt.spending import Ledger, Prices
from autogpt.testing import tiny
from autogpt.testing.endpoint_server import Server
from autogpt.training.features import FeatureCache

if TYPE_CHECKING:
    from autogpt.core import Scores

_MAIN_METRIC = {
    "classes": "accuracy",
    "path": "hierarchical-f1",
    "labels": "micro-f1",
    "value": "mae",
    "tokens": "token-f1",
    "ranking": "ndcg-at-10",
    "choices": "choice-accuracy",
    "span": "answer-f1",
    "text": "chrf",
}
QUICK: Mapping[str, Mapping[str, Any]] = {
    "full": {"epochs": 6.0, "learning_rate": 2e-3, "batch_rows": 8},
    "cross-encoder": {"epochs": 6.0, "learning_rate": 2e-3, "batch_rows": 8},
    "gradual": {"epochs": 6.0, "learning_rate": 2e-3, "batch_rows": 8},
    "stepwise": {"epochs": 12.0, "learning_rate": 2e-3, "batch_rows": 8},
    "lora": {"epochs": 4.0, "learning_rate": 2e-2, "batch_rows": 8, "rank": 4},
    "adalora": {"epochs": 4.0, "learning_rate": 2e-2, "batch_rows": 8, "rank": 4},
    "ia3": {"epochs": 4.0, "learning_rate": 5e-2, "batch_rows": 8},
    "bitfit": {"epochs": 4.0, "learning_rate": 2e-2, "batch_rows": 8},
    "adapter": {"epochs": 4.0, "learning_rate": 2e-2, "batch_rows": 8, "size": 8},
    "prefix": {"epochs": 4.0, "learning_rate": 2e-2, "batch_rows": 8, "tokens": 4},
    "prompt": {"epochs": 4.0, "learning_rate": 2e-2, "batch_rows": 8, "tokens": 4},
    "p-tuning": {"epochs": 4.0, "learning_rate": 2e-2, "batch_rows": 8, "tokens": 4},
    "contrastive": {"anchors": 96, "learning_rate": 5e-3, "batch_rows": 8},
    "cloze": {"epochs": 6.0, "learning_rate": 2e-3, "batch_rows": 8},
    "retriever": {"epochs": 4.0, "learning_rate": 5e-3, "batch_rows": 8},
}


WRITING: Mapping[str, Any] = {"epochs": 24.0, "learning_rate": 2e-2, "prune": 0.0}
"""A vocabulary's worth of words takes more steps than a head's few columns."""


def quick(name: str, output: str) -> dict[str, Any]:
    """Options with which a method learns the tiny rows of an output kind."""
    own = dict(QUICK.get(name, {}))
    return {**own, **WRITING} if output == "text" and own else own


def bench(output: str, backbone: Path, *, seed: int = 0, guard: Guard | None = None) -> Bench:
    """Tiny rows of an output kind with a tiny encoder, ready for trials within what `guard` allows of memory."""
    runtime = Runtime(device=best_device(), memory=guard or Guard())
    kind = registry.get("outputs", output)
    rows = tiny.examples(output)
    space = kind.space([row.target for row in rows])
    family = registry.trained(output)

    def opened() -> Any:
        return family.open(
            str(backbone),
            output=output,
            size=kind.size(space),
            labels=space.labels,
            like=rows[0].inputs,
            runtime=runtime,
            offline=True,
        )

    return Bench(
        train=rows[12:],
        validation=rows[:12],
        output=kind,
        space=space,
        metrics=(registry.get("metrics", _MAIN_METRIC[output]),),
        open=opened,
        features=FeatureCache(opened, guard=runtime.memory),
        runtime=lambda: runtime,
        seed=seed,
        listen=lambda event: None,
        stop=lambda: False,
        remote=lambda: Remote(asked_here()),
    )


@cache
def asked_here() -> Client:
    """A client of a tiny language model's endpoint in this process."""
    return Client(Server().__enter__().address, "tiny", Ledger(Prices()))


def taught(folder: Path, family: str = "qwen2") -> Path:
    """A tiny writer that knows two answers to each of the tiny rows, and not which of them is wanted.

    Methods that change few numbers of a body have nothing to begin with in one of random weights. This family has
    biases, and places that are relative: so short a training knows no places but those that it saw.
    """
    told = bench("text", tiny.family_folder(folder / "random", family))
    nouns, held = (
        [replace(row, target=f"the {row.inputs['source'].split()[1]} one is good") for row in rows]
        for rows in (told.train, told.validation)
    )
    told = replace(told, train=[*told.train, *nouns], validation=held)
    run_trial(told, Candidate("full", quick("full", "text")), folder=folder / "taught", remaining=lambda: 120.0)
    return folder / "taught" / "scorer"


def check_method(name: str, output: str, *, backbone: Path, folder: Path) -> None:
    """A method beats the constant answer on rows that can be learned, and what its backbone could write already; its
    saved scorer gives the same scores."""
    method = registry.get("methods", name)
    check_options(method.options)
    told = bench(output, backbone)
    found, scorer = run_trial(told, Candidate(name, quick(name, output)), folder=folder / name, remaining=lambda: 120.0)
    inputs = [row.inputs for row in told.validation]
    again = load_scorer(folder / name / "scorer", found.family)
    with named(told.remote().client):
        same(scorer.score(inputs), again.score(inputs), tolerance=1e-4)
    if name == "majority":
        return
    floor, _ = run_trial(told, Candidate("majority"), folder=folder / "floor", remaining=lambda: 120.0)
    metric = told.metric
    known = [floor.scores[metric.name]]
    if output == "text" and method.needs_backbone:
        gold = [row.target for row in told.validation]
        known.append(_measure(metric, told.output, told.open().score(inputs), gold, inputs, told.space))
    for before in known:
        gain = found.scores[metric.name] - before
        if not (gain if metric.higher_is_better else -gain) > 0:
            raise AssertionError(f"{name} on {output}: {found.scores} is not better than {before} without it")


def check_output(name: str) -> None:
    """Encoding, per-example loss, probabilities and decoding of an output kind fit together."""
    import torch

    kind = registry.get("outputs", name)
    rows = tiny.examples(name, 6)
    targets, inputs = [row.target for row in rows], [row.inputs for row in rows]
    space = kind.space(targets)
    scores = _certain(kind, kind.encode(targets, space), kind.size(space))
    answers = kind.decode(scores, space, Decision(), inputs)
    for answer, row in zip(answers, rows, strict=True):
        right = is_right(row, answer) if "choices" in row.inputs else _equal(answer.value, row.target)
        if not right:
            raise AssertionError(f"{name}: {row.target!r} was decoded as {answer.value!r}")
    # Row by row: tables of rows with different numbers of tokens or candidates cannot be stacked.
    encoded = kind.encode(targets, space)
    logits = [20.0 * np.eye(256)[code] for code in encoded] if name == "text" else scores  # over what writes it
    each = [
        (torch.tensor(row[None]).float(), torch.tensor(np.asarray(code)[None]))
        for row, code in zip(logits, encoded, strict=True)
    ]
    losses = torch.cat([kind.loss(logits, target, None) for logits, target in each])
    if losses.shape != (len(rows),) or not bool((losses < 1e-3).all()):
        raise AssertionError(f"{name}: certain and right scores have losses {losses.tolist()}, one per row below 1e-3")
    if isinstance(kind, Averaging):
        _check_mean(kind, scores, space)
    prior = kind.prior(kind.encode(targets, space), space)
    if len(prior) % kind.size(space) or not np.isfinite(prior).all():
        raise AssertionError(f"{name}: the prior {prior} needs one finite score per column")


def _check_mean(kind: Any, scores: Scores, space: LabelSpace) -> None:
    """What the mean of tables says is the mean of what they say, by weight."""
    mild, other = ([np.asarray(row) / by for row in scores] for by in (8.0, -16.0))
    found = kind.probabilities(kind.average([mild, other], [3.0, 1.0]), space, Decision())
    one, two = (kind.probabilities(table, space, Decision()) for table in (mild, other))
    same(found, [0.75 * np.asarray(a) + 0.25 * np.asarray(b) for a, b in zip(one, two, strict=True)], tolerance=1e-9)


def check_metric(name: str) -> None:
    """A metric is best on perfect answers of some output kind, and worse on others."""
    metric = registry.get("metrics", name)
    formatted = [Example(place, {"source": ""}, text) for place, text in enumerate(tiny.FORMATTED["json"])]
    for output, rows in [*((o, tiny.examples(o, 12)) for o in registry.names("outputs")), ("text", formatted)]:
        kind = registry.get("outputs", output)
        gold, inputs = [row.target for row in rows], [row.inputs for row in rows]
        space = kind.space(gold)
        right = _certain(kind, kind.encode(gold, space), kind.size(space))
        wrong = _certain(kind, kind.encode([*gold[1:], gold[0]], space), kind.size(space))
        if output in ("tokens", "choices", "span"):
            wrong = [-table for table in right]
        if space.format:
            wrong = [written.of_bytes(list(b"no"), 0.0) for _ in right]
        try:
            best = _measure(metric, kind, right, gold, inputs, space)
            worse = _measure(metric, kind, wrong, gold, inputs, space)
        except (AutoGPTError, TypeError, ValueError, KeyError):  # a metric need not know every output kind
            continue
        if math.isfinite(best) and (best > worse if metric.higher_is_better else best < worse):
            return
    raise AssertionError(f"{name}: on no output kind are perfect answers better than wrong ones")


def check_format(name: str) -> None:
    """Whole texts are left as they are, cut ones become whole or stay, prose shows no format; and a grammar has all
    examples, closes what any of them begins with, and has what is well-formed only."""
    form: written.Format = registry.get("formats", name)
    texts = tiny.FORMATTED[name]
    for text in texts:
        if form.fault(text) is not None or not form.shows(text) or form.repair(text) != text:
            raise AssertionError(f"{name}: {text!r} is well-formed, and not left as it is: {form.fault(text)}")
    for text in (whole[:end] for whole in texts for end in range(len(whole))):
        mended = form.repair(text)
        if (mended != text and form.fault(mended) is not None) or form.repair(mended) != mended:
            raise AssertionError(f"{name}: {text!r} was mended to {mended!r}: {form.fault(mended)}")
    if meant := [text for text in tiny.PROSE if form.shows(text) and form.fault(text) is None]:
        raise AssertionError(f"{name}: {meant[0]!r} is prose")
    if (grammar := form.grammar(texts)) is not None:
        _check_grammar(form, grammar, texts)


def _check_grammar(form: written.Format, grammar: str, texts: Sequence[str]) -> None:
    from autogpt.backbones import _scratch
    from autogpt.backbones._constraint import Constraint

    tokenizer = _scratch.tokenizer(texts, None)
    end, size = tokenizer.eos_token_id, len(tokenizer)
    constraint = Constraint(grammar, tokenizer, vocabulary=size, end=end, closing=form.closing)
    for text in texts:
        tokens = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        if not constraint.accepts(tokens):
            raise AssertionError(f"{form.name}: its grammar has no {text!r}, which it was learned from")
        for count in range(len(tokens)):
            closed = tokenizer.decode(constraint.closed(tokens[:count])).strip()
            if form.fault(closed) is not None:
                raise AssertionError(f"{form.name}: its grammar has {closed!r}: {form.fault(closed)}")


def check_options(options: type[Any]) -> None:
    """Options are a frozen dataclass of at most 8 fields, each with a default."""
    if not is_dataclass(options) or not options.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise AssertionError(f"{options.__name__} must be a frozen dataclass")
    if len(fields(options)) > 8:
        raise AssertionError(f"{options.__name__} has {len(fields(options))} fields; at most 8 are allowed")
    options()


def same(a: Scores, b: Scores, *, tolerance: float) -> None:
    """Two score tables are equal up to `tolerance`, or to the rounding of scores in the thousands."""
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one, other, atol=tolerance, rtol=1e-6)


def _measure(metric: Any, kind: Any, scores: Any, gold: Any, inputs: Any, space: Any) -> float:
    values = [answer.value for answer in kind.decode(scores, space, Decision(), inputs)]
    return float(metric(gold, values, kind.probabilities(scores, space, Decision()), space))


def _certain(kind: Any, encoded: Any, size: int) -> Any:
    """Scores that say `encoded` with certainty."""
    if kind.name == "text":
        return [written.of_bytes(row, 0.0) for row in encoded]
    if kind.name == "span":
        return [20.0 * np.stack([row & 1, row >> 1 & 1], axis=-1) for row in encoded]
    if kind.name == "tokens":
        return [20.0 * np.eye(size)[row] for row in encoded]
    if kind.name in ONE_LABEL:
        return 20.0 * np.eye(size)[encoded]
    if kind.name == "ranking":
        return 20.0 * np.stack([np.eye(size)[row[row >= 0]].sum(axis=0) for row in encoded])
    if kind.name == "choices":
        return [40.0 * row[:, None] - 20.0 for row in encoded]
    return 40.0 * encoded - 20.0 if kind.name == "labels" else np.asarray(encoded)[:, None]


def _equal(a: Any, b: Any) -> bool:
    if isinstance(b, GoldAnswers):
        return a in [span.text for span in b.spans] if b.spans else a == ""
    if isinstance(b, float):
        return bool(abs(a - b) < 1e-5)
    if isinstance(a, str) and isinstance(b, tuple):  # a ranking's first answer is one of the right ones
        return a in b
    return bool(sorted(a) == sorted(b) if isinstance(b, tuple) else a == b)


def check_query(name: str) -> None:
    """A strategy gives different open rows, as many as are wanted and there, the same for the same seed; whether
    nothing, one label or several are known, and also where all rows are equal. It leaves the pool as it was."""
    query = registry.get("queries", name)
    for label, pool in _pools().items():
        for k in (1, 7, len(pool.open), len(pool.open) + 5):
            before = [np.array(value) for value in (pool.vectors, pool.closed)]
            rows, again = (np.asarray(query.choose(pool, k, np.random.default_rng(3))) for _ in range(2))
            told = f"{name}, {label}, k={k}: {rows.tolist()}"
            if len(rows) != min(k, len(pool.open)) or len(set(rows.tolist())) != len(rows):
                raise AssertionError(f"{told}: {min(k, len(pool.open))} different rows are wanted")
            if pool.closed[rows].any():
                raise AssertionError(f"{told}: row {rows[pool.closed[rows]][0]} may not be asked")
            if rows.tolist() != again.tolist():
                raise AssertionError(f"{told}: the same seed gave {again.tolist()}")
            same(before, [pool.vectors, pool.closed], tolerance=0.0)


def check_reward(name: str, *, source: str) -> None:
    """A number from 0 to 1 for each text, the same at every call and whatever stands beside it; a row that lacks what
    is needed is an InputError. `source` is what a reward may be given that needs a file."""
    reward = registry.get("rewards", name)
    row, column = {"wanted": "1"}, "wanted" if reward.columns else None
    source = "" if reward.columns else source
    texts = ["1", "", "你好", "{}", "1" * 1000, "def f():", "\x00"]
    found = reward.score(texts, row, column=column, source=source)
    if len(found) != len(texts) or not all(isinstance(one, float) and 0 <= one <= 1 for one in found):
        raise AssertionError(f"{name} gave {found} for {len(texts)} texts")
    back = reward.score(texts[::-1], row, column=column, source=source)[::-1]
    alone = [reward.score([text], row, column=column, source=source)[0] for text in texts]
    if not found == back == alone or reward.score([], row, column=column, source=source):
        raise AssertionError(f"{name} is not of each text alone: {found}, {back}, {alone}")
    try:
        reward.score(texts, {}, column=None, source="")
    except AutoGPTError:
        return
    if reward.columns:
        raise AssertionError(f"{name} needs a column of {reward.columns}, and is content without")


def _pools() -> dict[str, Pool]:
    """Pools of 40 rows in three heaps, in every state that a session goes through."""
    rng = np.random.default_rng(0)
    heap = np.arange(40) % 3
    vectors = np.eye(8)[heap] + 0.2 * rng.normal(size=(40, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    def pool(known: int, vectors: Any = vectors, aside: int = 0, probabilities: Any = None) -> Pool:
        closed = np.arange(40) < known + aside
        return Pool(vectors, np.arange(known), heap[:known], closed, probabilities)

    sure = np.exp(4 * vectors[:, :3])
    sure /= sure.sum(axis=1, keepdims=True)
    return {
        "nothing known": pool(0),
        "nothing known, some put aside": pool(0, aside=5),
        "one label": Pool(vectors, np.array([0, 3]), np.array([0, 0]), np.isin(np.arange(40), [0, 3])),
        "three labels": pool(9, aside=4, probabilities=sure),
        "equal rows": pool(6, vectors=np.tile(vectors[:1], (40, 1)), probabilities=np.full((40, 3), 1 / 3)),
        "one row left": pool(39, probabilities=sure),
    }


def scorer_contract(scorer: Scorer, inputs: Sequence[Any], folder: Path) -> None:
    """Scores do not depend on the batch a row stands in, and survive saving and loading."""
    together = scorer.score(inputs)
    alone = [scorer.score([row])[0] for row in inputs]
    same(together, alone, tolerance=1e-4)
    scorer.save(folder)
    same(together, load_scorer(folder, scorer.family).score(inputs), tolerance=1e-5)


def check_prompts(name: str) -> None:
    """A generator writes prompts of its form that can be rendered for every label, the same ones for the same facts, in
    English and Chinese, with and without a goal; braces in names stay text, and no text of the pool is copied into a
    template. One that needs a model writes nothing without it."""
    generator, count = registry.get("prompts", name), 0
    for facts in _prompt_facts():
        prompts, again = (list(generator.write(facts)) for _ in range(2))
        if [one.to_dict() for one in prompts] != [one.to_dict() for one in again]:
            raise AssertionError(f"{name}: the same facts gave other prompts")
        bare = replace(facts, filler=None, think=None, judge=None)
        if generator.learns and list(generator.write(bare)):
            raise AssertionError(f"{name}: it learns, and wrote prompts without a model to ask")
        count += len(prompts)
        for prompt in prompts:
            if prompt.form != generator.form:
                raise AssertionError(f"{name}: {prompt.template!r} is no {generator.form}")
            if prompt.form == "cloze":
                gapped(prompt.template)
            told = prompt.descriptions()
            if list(told) != list(facts.names) or not all(text.strip() for own in told.values() for text in own):
                raise AssertionError(f"{name}: {prompt.template!r} describes {list(told)}, not {list(facts.names)}")
            if copied := next((text for text in facts.texts if text in prompt.template), None):
                raise AssertionError(f"{name}: the text {copied!r} stands in the template {prompt.template!r}")
            if not prompt.origin.startswith(name):
                raise AssertionError(f"{name}: the origin of {prompt.template!r} is {prompt.origin!r}")
    if not count:
        raise AssertionError(f"{name} wrote nothing of any facts")


def _prompt_facts() -> list[Facts]:
    """Facts of 40 texts in two languages; vectors are drawn by what stands in a text, and so is what models answer."""

    def read(texts: Sequence[str]) -> Any:
        draws = [np.random.default_rng(list(text.encode())).normal(size=16) for text in texts]
        return np.stack([row / np.linalg.norm(row) for row in draws])

    found = []
    for goal, names, words in (
        ("is the review {good} or bad", {"a{0}": ("good {x}",), "b": ("bad",)}, ("lovely", "awful", "phone", "card")),
        ("", {"x": ("x",), "y": ("y",), "z": ("z",)}, ("red", "green", "blue", "grey")),
        ("判断评论是好评还是差评", {"好评": ("好评",), "差评": ("差评",)}, ("很好用", "太差了", "一般般", "还可以")),
    ):
        texts = [f"{words[i % 4]} {words[i * 7 % 3]} {words[i % 4]}{'abcdefgh'[i % 8] * 2} {i}" for i in range(40)]
        rows = [({"text": text}, list(names)[place % len(names)]) for place, text in enumerate(texts)]
        facts = Facts(goal, ("text",), names, texts, read(texts), read, rows=rows, filler=_Words(), think=_rewritten)
        found.append(replace(facts, judge=_by_length))
    return found


class _Words:
    """`prompting.Filler` of a few words, drawn by template and row."""

    tokens = ("lovely", "awful", "fine", "dull", "##ly", "", ".", ":", "很", "差")

    def _drawn(self, template: str, rows: Sequence[Any], size: int) -> Any:
        seeds = [list(repr((template, sorted(row.items()))).encode()) for row in rows]
        return np.stack([np.random.default_rng(seed).normal(size=size) for seed in seeds])

    def states(self, template: str, rows: Sequence[Any]) -> Any:
        return self._drawn(template, rows, 4)

    def likely(self, template: str, rows: Sequence[Any]) -> Any:
        return self._drawn(template, rows, len(self.tokens)) - 5.0

    def rows_of(self, template: str, words: Mapping[str, Sequence[str]]) -> tuple[Any, Any]:
        return self._drawn(template, [{"label": label} for label in words], 4), np.zeros(len(words))


def _rewritten(system: str, user: str) -> str:
    """An instruction that is a word longer than the one before."""
    return f"<instruction>{json.loads(user)['instruction']} {{again}}</instruction>"


def _by_length(prompt: Prompt, places: Sequence[int]) -> list[Judged]:
    """Longer instructions are better."""
    good = min(1.0, len(prompt.template) / 200)
    return [Judged("x", good) for _ in places]
