"""Language models that write: what they are made of and learn from, and that what is saved is what was trained."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt import registry, written
from autogpt.backbones import _scratch
from autogpt.backbones._writing import Pair, laid, write
from autogpt.backbones.writer import Writer
from autogpt.config import Scratch
from autogpt.core import Example, Making, Schema
from autogpt.errors import InputError, ModelError
from autogpt.runtime import Runtime
from autogpt.testing import tiny

TEXTS = [f"the {noun} is {colour}, 好的" for noun in ("cat", "dog", "card") for colour in ("red", "green", "blue")] * 20
SHAPE = Scratch(num_layers=2, hidden_size=16, num_heads=2, vocabulary=320)
ROWS = [Example(place, {"source": text}, text.split()[-2]) for place, text in enumerate(TEXTS[:12])]
OUTPUT = registry.get("outputs", "text")


def scratch(family: str = "encoder-decoder", seed: int = 0) -> Writer:
    shape = Scratch(family=family, num_layers=2, hidden_size=16, num_heads=2, vocabulary=320)
    return opened(None, making=Making(lambda: TEXTS, shape, seed))


def opened(name: str | None, making: Making | None = None) -> Writer:
    return Writer.open(name, output="text", size=2, runtime=Runtime(), offline=True, making=making)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    place = tmp_path_factory.mktemp("writers")
    return lambda family: str(tiny.family_folder(place / family, family))


# Made from nothing


@settings(max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_tokenizer_from_scratch_knows_every_text(text: str) -> None:
    tokenizer = TOKENIZER
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


TOKENIZER = _scratch.tokenizer(TEXTS, 320)


def test_no_token_crosses_a_chinese_character() -> None:
    made = _scratch.tokenizer(["下雨了 下雨了"] * 200, 400)
    assert [made.decode([i]) for i in made("下雨了")["input_ids"]] == ["下", "雨", "了"]


def test_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(5)
    first = scratch(seed=1)
    torch.manual_seed(6)
    again, other = scratch(seed=1), scratch(seed=2)
    state = [next(iter(one.net.parameters())) for one in (first, again, other)]
    assert torch.equal(state[0], state[1])
    assert not torch.equal(state[0], state[2])


LINES = ["the cat is red\n    dog", "the card\n\nis green", "card != dog"]


def test_a_pair_of_encoders_with_word_pieces_writes_lines_where_rows_have_them(tmp_path: Path) -> None:
    folder = str(tiny.bert_folder(tmp_path / "bert"))
    pair = opened(folder, making=Making(lambda: LINES))
    pairs = pair.pairs([{"source": text} for text in LINES], LINES)
    assert [pair.text(one.target) for one in pairs[:2]] == LINES[:2]
    plain = opened(folder, making=Making(lambda: ["the cat is red"]))
    (one,) = plain.pairs([{"source": LINES[0]}], [LINES[0]])
    assert plain.text(one.target) == "the cat is red dog"
    assert len(plain.tokenizer) < len(pair.tokenizer)
    assert pairs[0].source.tolist() == one.source.tolist(), "a source is read as the encoder was trained"
    pair.save(tmp_path / "saved")
    again = Writer.load(tmp_path / "saved")
    assert [again.text(one.target) for one in again.pairs([{"source": "cat"}] * 2, LINES[:2])] == LINES[:2]
    scores = (np.concatenate(one.score([{"source": "cat"}])) for one in (again, pair))
    np.testing.assert_allclose(*scores, rtol=1e-6)


def test_other_tokenizers_and_texts_without_lines_stay_as_they_are(tmp_path: Path) -> None:
    folder = str(tiny.family_folder(tmp_path / "t5", "t5"))
    assert len(opened(folder, making=Making(lambda: LINES)).tokenizer) == len(opened(folder).tokenizer)


@pytest.mark.parametrize("family", [None, "t5", "gpt2", "bert", "bart"])
def test_a_source_cannot_write_control_tokens(family: str | None, folder: Callable[[str], str]) -> None:
    writer = scratch("decoder") if family is None else opened(folder(family))
    plain = writer.pieces([{"source": "the cat dog"}])[0].ids.tolist()
    for sign in {writer.tokenizer.eos_token, writer.tokenizer.sep_token, writer.tokenizer.bos_token} - {None}:
        ids = writer.pieces([{"source": f"the cat {sign} dog"}])[0].ids.tolist()
        number = writer.tokenizer.convert_tokens_to_ids(sign)
        assert ids.count(number) == plain.count(number)
        assert (ids[0], ids[-1]) == (plain[0], plain[-1])


# What is learned


@pytest.mark.parametrize("family", ["encoder-decoder", "decoder"])
def test_the_loss_is_the_cross_entropy_of_the_target_given_the_source_alone(family: str) -> None:
    writer = scratch(family)
    training = writer.training(ROWS, output=OUTPUT, space=OUTPUT.space([row.target for row in ROWS]), dropout=False)
    writer.net.eval()
    batch = training.batch(range(len(ROWS)))
    found = training.loss(training.forward(batch), batch)
    for pair, loss in zip(training.pairs, found.tolist(), strict=True):
        with torch.no_grad():
            if family == "decoder":  # place by place, without padding
                ids = torch.tensor([[*pair.source, *pair.target]])
                logits = writer.net.model(input_ids=ids).logits[0, len(pair.source) - 1 : -1]
            else:
                told = torch.tensor([[writer._start, *pair.target[:-1]]])
                logits = writer.net.model(input_ids=torch.tensor([pair.source]), decoder_input_ids=told).logits[0]
        expected = -logits.log_softmax(-1)[range(len(pair.target)), torch.tensor(pair.target)].sum()
        assert loss == pytest.approx(float(expected) / 20, rel=1e-4)


@pytest.mark.parametrize("family", ["encoder-decoder", "decoder"])
def test_a_model_learns_to_write(family: str) -> None:
    writer = scratch(family)
    training = writer.training(ROWS, output=OUTPUT, space=OUTPUT.space([row.target for row in ROWS]), dropout=False)
    optimizer = torch.optim.AdamW([p for group in training.groups() for p in group["params"]], lr=1e-2)
    for _ in range(60):
        batch = training.batch(range(len(ROWS)))
        training.loss(training.forward(batch), batch).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert [written.text_of(row) for row in writer.score([row.inputs for row in ROWS])] == [r.target for r in ROWS]


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_control_controls_what_is_written_and_a_shuffled_one_does_not(shuffled: bool) -> None:
    task, schema = registry.get("tasks", "text-generation"), Schema("x", ("prompt",), ("text",), controls=("style",))
    styles = ["plain", "loud"] * 6
    rows = [
        {"prompt": noun, "style": style, "text": noun.upper() if style == "loud" else noun}
        for noun, style in zip([n for n in ("cat", "dog", "card") for _ in range(4)], styles, strict=True)
    ]
    told = ["plain", "plain", "loud", "loud"] * 3 if shuffled else styles  # each style with either text, or with one
    learned = [{**row, "style": style} for row, style in zip(rows, told, strict=True)]
    examples = [Example(i, task.inputs(row, schema), task.target(row, schema)) for i, row in enumerate(learned)]
    writer = scratch("decoder")
    training = writer.training(examples, output=OUTPUT, space=OUTPUT.space(["x"]), dropout=False)
    optimizer = torch.optim.AdamW([p for group in training.groups() for p in group["params"]], lr=1e-2)
    for _ in range(80):
        batch = training.batch(range(len(examples)))
        training.loss(training.forward(batch), batch).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    asked = {style: task.inputs({"prompt": "cat", "style": style}, schema) for style in ("plain", "loud")}
    # by how many nats "CAT" is likelier than "cat" when it is asked for than when it is not
    told = {key: [row.sum() for row in writer.likelihood([one, one], ["CAT", "cat"])] for key, one in asked.items()}
    effect = (told["loud"][0] - told["loud"][1]) - (told["plain"][0] - told["plain"][1])
    assert abs(effect) < 1 if shuffled else effect > 4


def test_longer_targets_may_be_written_later() -> None:
    writer = scratch()
    rows = [Example(0, {"source": "x"}, "red " * 60)]
    writer.training(rows, output=OUTPUT, space=OUTPUT.space(["red"]))
    assert writer.decoding.most > len(writer.pairs([{"source": "x"}], ["red " * 60])[0].target)


def test_beams_are_followed_where_validation_gains_by_them_and_a_refit_follows_them_too(tmp_path: Path) -> None:
    writer = scratch()
    training = writer.training(ROWS, output=OUTPUT, space=OUTPUT.space(["red"]))
    greedy = training.score()
    job = SimpleNamespace(
        remaining=lambda: 1e9,
        metric=registry.get("metrics", "chrf"),
        judge=lambda scores: {"chrf": float(scores is not greedy)},
        chosen={},
        notes=[],
    )
    training.settled(greedy, job)  # type: ignore[arg-type]
    assert (writer.decoding.beams, job.chosen) == (4, {"beams": 4})
    assert "bits per byte" in job.notes[0]
    writer.save(tmp_path)
    assert Writer.load(tmp_path).decoding == writer.decoding
    again = scratch()
    again.training(ROWS, output=OUTPUT, space=OUTPUT.space(["red"])).settle(job.chosen)
    assert again.decoding.beams == 4

    for change in ({"judge": lambda scores: {"chrf": 0.5}}, {"remaining": lambda: 0.0}):
        kept = scratch()
        training = kept.training(ROWS, output=OUTPUT, space=OUTPUT.space(["red"]))
        scores = training.score()
        other = SimpleNamespace(**{**vars(job), **change, "chosen": {}})
        assert training.settled(scores, other) is scores  # type: ignore[arg-type]
        assert (kept.decoding.beams, other.chosen) == (1, {})


@pytest.mark.parametrize("family", ["encoder-decoder", "decoder"])
def test_bits_per_byte_are_those_of_the_targets_that_were_read_whole(family: str) -> None:
    writer = scratch(family)
    rows = [*ROWS[:5], Example(9, {"source": "x"}, "red " * 900)]
    training = writer.training(rows, output=OUTPUT, space=OUTPUT.space(["red"]))
    with torch.no_grad():
        for parameter in writer.net.head.parameters():
            parameter.zero_()  # every token is as likely as any other
    tokens = sum(len(pair.target) for pair in training.pairs[:5])
    size = sum(len(row.target.encode()) for row in rows[:5])
    assert training.bits_per_byte() == pytest.approx(tokens * np.log2(len(writer.tokenizer)) / size, rel=1e-4)


def test_the_head_sees_the_places_of_targets_alone() -> None:
    writer = scratch("decoder")
    training = writer.training(ROWS, output=OUTPUT, space=OUTPUT.space(["red"]))
    batch = training.batch(range(len(ROWS)))
    assert training.forward(batch).shape[:2] == batch.target.shape
    assert batch.target.shape[1] == max(len(pair.target) for pair in training.pairs)


# What is served


@pytest.mark.parametrize("family", ["t5", "bart", "gpt2", "llama", "bert"])
def test_rows_do_not_depend_on_those_beside_them(folder: Callable[[str], str], family: str) -> None:
    writer = opened(folder(family))
    inputs = [{"source": text} for text in ("the cat is red", "my dog", "alice lives in paris and bob in rome")]
    together = writer.score(inputs)
    for row, alone in zip(together, inputs, strict=True):
        np.testing.assert_allclose(row, writer.score([alone])[0], atol=1e-4)


@pytest.mark.parametrize(("family", "auto"), [("t5", "Seq2SeqLM"), ("gpt2", "CausalLM"), ("bert", "Seq2SeqLM")])
def test_what_is_saved_is_a_folder_that_transformers_loads(
    folder: Callable[[str], str], family: str, auto: str, tmp_path: Path
) -> None:
    import transformers

    writer = opened(folder(family))
    writer.save(tmp_path)
    model: Any = getattr(transformers, f"AutoModelFor{auto}").from_pretrained(tmp_path)
    for (name, ours), (_, theirs) in zip(writer.net.model.named_parameters(), model.named_parameters(), strict=True):
        assert torch.equal(ours, theirs), name
    inputs = [{"source": "the cat is red"}]
    again = Writer.load(tmp_path, runtime=Runtime()).score(inputs)[0]
    np.testing.assert_allclose(writer.score(inputs)[0], again, atol=1e-5)


def test_what_a_pair_looks_at_its_encoder_by_is_new_until_it_is_saved(
    folder: Callable[[str], str], tmp_path: Path
) -> None:
    pair = opened(folder("bert"))
    assert pair.kind == "encoder-decoder"
    assert pair.fresh is not None
    assert all("crossattention" in name for name in pair.fresh)
    pair.save(tmp_path)
    assert opened(str(tmp_path)).fresh is None
    assert opened(folder("t5")).fresh is None


def test_what_a_folder_lacks_is_the_same_each_time_that_it_is_opened(folder: Callable[[str], str]) -> None:
    weights = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        weights.append(opened(folder("llama")).net.head.weight)  # the folder has a body and no head
    assert torch.equal(*weights)


def test_a_decoder_with_a_chat_template_is_asked_by_it(folder: Callable[[str], str], tmp_path: Path) -> None:
    writer = opened(folder("llama"))
    writer.tokenizer.chat_template = "{% for m in messages %}<s>{{ m['content'] }}{% endfor %} two"
    ids = writer._sources([{"source": "red card"}])[0]
    assert writer.tokenizer.convert_ids_to_tokens(list(ids)) == ["<s>", "red", "card", "two"]
    long = writer._sources([{"source": "red card " * 60}])[0]
    assert len(long) <= 32, "half of its places are for what is written"
    assert writer.tokenizer.convert_ids_to_tokens([long[0], long[-1]]) == ["<s>", "two"], (
        "the text is cut, not the template"
    )
    assert writer.cut == 1
    writer.save(tmp_path)
    np.testing.assert_array_equal(Writer.load(tmp_path)._sources([{"source": "red card"}])[0], ids)


# Refusals


def test_a_model_that_cannot_write_and_a_row_without_a_source_are_refused(folder: Callable[[str], str]) -> None:
    with pytest.raises(ModelError, match="writes"):
        opened(folder("mpnet"))
    with pytest.raises(InputError, match="row 1 has no 'source'"):
        scratch().score([{"source": "a"}, {"text": "b"}])


def test_a_memory_answers_with_the_text_of_the_nearest_source(tmp_path: Path) -> None:
    memory = registry.get("backbones", "memory").open(
        [{"source": "the red card"}, {"source": "下雨了"}], ["rot", "rain"]
    )
    found = memory.score([{"source": "red cards"}, {"source": "下雨"}])
    assert [written.text_of(row) for row in found] == ["rot", "rain"]
    memory.save(tmp_path)
    again = registry.get("backbones", "memory").load(tmp_path).score([{"source": "red cards"}, {"source": "下雨"}])
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one, other)


# Parts beside the weights


def tuned(writer: Writer, method: str, folder: Path) -> Writer:
    """`writer` with parts of their first values, as `method` gives them."""
    rows = [Example(place, {"source": text}, text.split()[-2]) for place, text in enumerate(TEXTS[:12])]
    plugin = registry.get("methods", method)
    job = SimpleNamespace(
        train=rows,
        validation=[],
        output=OUTPUT,
        space=OUTPUT.space(["red"]),
        open=lambda: writer,
        folder=folder,
        seed=0,
        options=None,
        chosen={},
        settled={},
        goal="",
        prompts=(),
        loop=lambda *_: iter(()),
    )
    return exhausted(plugin.fit(job))


def exhausted(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("method", ["prefix", "prompt", "p-tuning", "adapter"])
@pytest.mark.parametrize("family", ["gpt2", "llama", "t5", "bart", "bert"])
def test_what_is_written_beside_parts_is_what_training_says_is_likely(
    folder: Callable[[str], str], family: str, method: str, beams: int, tmp_path: Path
) -> None:
    writer = tuned(opened(folder(family)), method, tmp_path)
    for name, parameter in writer.net.named_parameters():
        if "adapter" in name or ".up." in name or "prompt_encoder" in name:
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    writer.decoding = type(writer.decoding)(most=6, beams=beams)
    told = {"pad_id": writer._pad_id, "end": writer._end, "start": writer._start, "room": 6}
    sources = writer._sources([{"source": "the cat is red"}, {"source": "my dog"}])
    for source, (ids, likely) in zip(sources, write(writer.net, sources, writer.decoding, **told), strict=True):
        ended = [*ids, writer._end] if len(ids) < 6 else ids
        given, target = laid([Pair(source, np.array(ended))], writer.kind, start=told["start"], pad_id=told["pad_id"])
        with torch.no_grad():
            logits = writer.net(given)[0].log_softmax(-1)
        expected = float(logits.gather(1, target[0, :, None]).mean())
        assert likely == pytest.approx(expected, abs=1e-4), "step by step with a cache as in one pass"
        if beams == 1:
            assert logits.argmax(-1).tolist() == ended
    writer.save(tmp_path / "saved")
    again = Writer.load(tmp_path / "saved")
    rows = [row.inputs for row in ROWS[:4]]
    for one, other in zip(writer.score(rows), again.score(rows), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert again.max_length == writer.max_length


@pytest.mark.parametrize("family", ["t5", "gpt2"])
def test_an_instruction_stands_before_every_source_and_is_saved(family: str, tmp_path: Path) -> None:
    from autogpt.autopilot.trial import Candidate, run_trial
    from autogpt.prompting import Prompt
    from autogpt.testing import contracts, tiny

    told = contracts.bench("text", tiny.family_folder(tmp_path / family, family))
    inputs = [row.inputs for row in told.validation[:2]]
    plain = told.open().pieces(inputs)
    told = replace(told, prompts=(Prompt((("system", "a red card {{money}}"),)),))
    options = {"epochs": 0.5, "batch_rows": 8, "prune": 0.0}
    _, scorer = run_trial(told, Candidate("full", options), folder=tmp_path / "trial", remaining=lambda: 60.0)
    again = type(scorer).load(tmp_path / "trial" / "scorer")  # type: ignore[attr-defined]
    said = scorer.tokenizer.decode(scorer.pieces(inputs)[0].ids)  # type: ignore[attr-defined]
    assert said.index("a red card") < said.index("the")
    for before, one, other in zip(plain, scorer.pieces(inputs), again.pieces(inputs), strict=True):  # type: ignore[attr-defined]
        assert len(one.ids) > len(before.ids)
        np.testing.assert_array_equal(one.ids, other.ids)


def test_targets_that_are_longer_than_may_be_written_are_counted_and_have_no_likelihood() -> None:
    writer = scratch("decoder")
    rows = [Example(0, {"source": "cat"}, "red"), Example(1, {"source": "dog"}, "红" * 400)]
    training = writer.training(rows, output=OUTPUT, space=OUTPUT.space([row.target for row in rows]))
    assert training.shortened == 1
    assert [len(one) > 0 for one in writer.likelihood([r.inputs for r in rows], [r.target for r in rows])] == [
        True,
        False,
    ]
