"""Real models and data small enough for a test: seconds on one core, nothing downloaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autogpt import cells
from autogpt.core import Example, GoldAnswers, Span

_ENGLISH = """the a my is was not and red green blue round card money lost found good bad great awful cat dog runs
sleeps alice bob paris rome lives in saw one two three four five"""
WORDS = (*_ENGLISH.split(), *"好坏卡钱丢了")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


FAMILIES = (
    "bert", "roberta", "distilbert", "electra", "mpnet", "deberta", "deberta-v2", "modernbert", "xlm-roberta",
)  # fmt: skip
"""Families of encoders, as transformers' `model_type` spells them."""
DECODERS = (
    "gpt2", "llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi", "phi3", "smollm3", "gpt_neox", "opt",
    "mistral",
)  # fmt: skip
ENCODER_DECODERS = ("t5", "bart", "mt5", "umt5", "mbart", "marian", "pegasus")
KINDS = {"bert": "encoder", "gpt2": "decoder", "llama": "decoder", "t5": "encoder-decoder", "bart": "encoder-decoder"}
"""The families that the contract suite runs on, and what each is."""

_SIGNS = {
    "gpt2": ("$A", "$A $B:1"),
    "t5": ("$A </s>", "$A </s> $B:1 </s>"),
    "bart": ("<s> $A </s>", "<s> $A </s> </s> $B:1 </s>"),
}
"""What tokenizers put around one text and around two, by family; all other decoders do as Llama's."""

_SIDES = {"attention_heads": 2, "ffn_dim": 32}
"""Sizes of both sides of an encoder-decoder."""


def bert_folder(folder: Path, *, layers: int = 2, seed: int = 0, head: bool = True) -> Path:
    """A random BERT of width 16 with a whole-word tokenizer, saved as transformers saves it."""
    return encoder_folder(folder, "bert", layers=layers, seed=seed, head=head)


def encoder_folder(
    folder: Path, family: str, *, layers: int = 2, seed: int = 0, spread: float = 0.02, head: bool = True
) -> Path:
    """A random encoder of any family in `FAMILIES`, width 16, with a whole-word tokenizer and, with `head`, the head
    that tells hidden words; `spread` of its weights."""
    from transformers import BertTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *_LETTERS, "##s"]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(vocabulary)), "utf-8")
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    size = len(dict.fromkeys(vocabulary))
    made = _model(folder, family, vocabulary=size, layers=layers, seed=seed, special=_spread(spread))
    return _with_head(made, seed) if head else made


def family_folder(folder: Path, family: str, *, layers: int = 2, seed: int = 0) -> Path:
    """A random model of any family, width 16; decoders have tokenizers with no sign, or one, around a text.

    Its weights are wide apart, so that texts of almost the same words are not the same to it.
    """
    if family in FAMILIES:
        return encoder_folder(folder, family, layers=layers, seed=seed, spread=0.3)
    folder.mkdir(parents=True, exist_ok=True)
    kind = "t5" if family in ENCODER_DECODERS and family != "bart" else family
    vocabulary = list(dict.fromkeys(["<pad>", "<s>", "</s>", "<unk>", *WORDS, *_LETTERS]))
    _tokenizer(vocabulary, *_SIGNS.get(kind, ("<s> $A", "<s> $A <s> $B:1"))).save_pretrained(folder)
    special = {"bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 0, **_spread(0.3)}
    room = len(vocabulary) + 4  # some tokenizers have tokens of their own (Qwen)
    return _model(folder, family, vocabulary=room, layers=layers, seed=seed, special=special)


def _tokenizer(vocabulary: list[str], single: str, pair: str) -> Any:
    """A whole-word tokenizer without a padding token."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: place for place, word in enumerate(vocabulary)}, "<unk>"))
    words.normalizer = normalizers.BertNormalizer()
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    signs = [("<s>", 1), ("</s>", 2)]
    words.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=signs)
    named = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=64, **named)


def _spread(deviation: float) -> dict[str, float]:
    """What configurations call the deviation of first weights."""
    return {"initializer_range": deviation, "init_std": deviation}


def _model(folder: Path, family: str, *, vocabulary: int, layers: int, seed: int, special: Mapping[str, float]) -> Path:
    """Families call the same sizes by different names: each gets all of them."""
    import torch
    from transformers import AutoConfig, AutoModel

    sizes = {"hidden_size": 16, "num_hidden_layers": layers, "num_attention_heads": 2, "intermediate_size": 32}
    if family not in FAMILIES:
        sides = ("encoder", "decoder")
        sizes |= {"num_key_value_heads": 1 if family == "llama" else 2, "head_dim": 8, "d_kv": 8, "d_model": 16}
        sizes |= {"num_layers": layers, "d_ff": 32, "ffn_dim": 32, "word_embed_proj_dim": 16}
        sizes |= {f"{side}_{name}": size for side in sides for name, size in _SIDES.items()}
        sizes |= {f"{side}_layers": layers for side in sides}
    config = AutoConfig.for_model(
        family, vocab_size=vocabulary, max_position_embeddings=64, pad_token_id=0, **{**sizes, **special}
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: Any = AutoModel.from_config(config)
    model.save_pretrained(folder)
    settings = {"max_seq_length": 32, "do_lower_case": False}
    (folder / "sentence_bert_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


def _with_head(folder: Path, seed: int) -> Path:
    """The folder with a random head over the vocabulary beside its body, every weight of which stays as it was."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import AutoConfig, AutoModelForMaskedLM

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        whole: Any = AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(folder))
    body = load_file(folder / "model.safetensors")
    prefix = whole.base_model_prefix
    whole.base_model.load_state_dict(body, strict=False)
    whole.save_pretrained(folder)
    saved = load_file(folder / "model.safetensors")
    saved |= {f"{prefix}.{name}": tensor for name, tensor in body.items() if f"{prefix}.{name}" not in saved}
    save_file(
        saved, folder / "model.safetensors", metadata={"format": "pt"}
    )  # a pooler, which this head has no use for
    return folder


def examples(output: str, count: int = 48) -> list[Example]:
    """Rows that can be learned, for an output kind: the colour words decide (of choices: good)."""
    colours = ("red", "green", "blue")
    rows = []
    for place in range(count):
        colour, noun = colours[place % 3], ("card", "dog", "cat", "money")[place % 4]
        text = f"the {noun} is {colour} and {'round' if place % 5 else 'good in paris'}"
        if output == "ranking":
            text = f"{('one', 'two', 'three', 'four')[place // 12 % 4]} {noun} {colour}"
        if output == "choices":
            rows.append(_choice(place, f"the {noun} is {colour} and {'round' if place % 5 else 'good'}"))
            continue
        rows.append(Example(place, _inputs(output, text), _target(output, colour, noun, words=len(text.split()))))
    return rows


def _choice(place: int, text: str) -> Example:
    """Two to four things, of which the good one is right; three lists of four call them by number."""
    count = 2 + place % 3
    right = place % count
    things = tuple(f"{'good' if i == right else ('bad', 'awful')[i % 2]} {WORDS[20 + i]}" for i in range(count))
    inputs = {"text": text, "choices": things} | ({"names": tuple(range(count))} if place % 4 else {})
    return Example(place, inputs, tuple(float(i == right) for i in range(count)))


def _inputs(output: str, text: str) -> Mapping[str, Any]:
    if output == "span":
        found, offsets = cells.words(text)
        return {"question": "is a dog red", "tokens": found, "offsets": offsets, "text": text}
    if output == "text":
        return {"source": text}
    return {"tokens": tuple(text.split())} if output == "tokens" else {"text": text}


def _target(output: str, colour: str, noun: str, *, words: int) -> Any:
    if output == "classes":
        return colour
    if output == "text":
        return f"the {colour} one is good"
    if output == "path":
        return f"{'warm' if colour == 'red' else 'cold'} > {colour}"
    if output == "labels":
        return (colour, "animal") if noun in ("dog", "cat") else (colour,)
    if output == "value":
        return {"red": 1.0, "green": 2.0, "blue": 4.0}[colour]
    if output == "ranking":
        return (f"{noun} {noun} {colour} was in rome {colour}",)
    if output == "span":  # green things are not asked about
        place = 4 + len(noun) + len(" is ")
        answer = Span("answer", 3, 4, colour, place, place + len(colour))
        return GoldAnswers(() if colour == "green" else (answer,), words)
    return ("O", "B-THING", "O", "B-COLOUR", *["O"] * (words - 4))


FORMATTED: Mapping[str, tuple[str, ...]] = {
    "json": (
        '{"name": "Ann", "tags": [], "home": null}',
        '{"name": "王\\n\\"芳\\"", "tags": ["a", "b]"], "home": {"city": "北京", "zip": 5}}',
        '{"name": "", "tags": ["}"], "home": null}',
    ),
    "html": (
        '<div class="a"><p>one &amp; two<br></p><ul><li>北京</li><li></li></ul></div>',
        '<div class="b"><p>5 > 4</p><script>if (a) b()</script></div>',
        '<div class="a"><ul><li><div class="b"></div></li></ul></div>',
    ),
    "python": (
        "def add(a, b):\n    return a + b",
        "import os\n\nfor name in sorted(os.listdir('.')):\n    print(name)",
        "class A:\n    # 北京\n\n    def f(self):\n        return [x for x in self]",
    ),
}
"""Texts of each format, all of which its grammar has."""
PROSE = (
    "",
    "5",
    "true",
    "hello",
    "not good",
    "x = 5",
    "title: hello",
    "import duty",
    "it is so",
    "一句话。",
    "a < b > c",
)
"""Texts that happen to be well-formed in some format, or nearly, and are meant in none."""


NOUNS = ("card", "account", "payment", "transfer", "refund", "limit", "statement", "address")
MOODS = {"lost": "is gone and I cannot find my", "cost": "how much do I pay for a", "thanks": "thank you for the"}


def notes(rows: int = 240) -> list[dict[str, Any]]:
    """A table for whole runs: notes of three kinds, which their words tell."""
    named = ((place, list(MOODS)[place % 3]) for place in range(rows))
    return [{"note": f"{MOODS[label]} {NOUNS[place % 8]} number {place}", "kind": label} for place, label in named]
