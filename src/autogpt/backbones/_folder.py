"""An encoder on disk: a sentence-transformers or transformers folder, and `encoder.json` with what ours adds.

Parts that cannot be folded into the weights stand in the folder `adapter`, beside the plain body. The head is then no
module of sentence-transformers: without the parts its scores would be wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt.backbones import _adapters
from autogpt.backbones._network import Net, PooledNet
from autogpt.errors import ModelError

if TYPE_CHECKING:
    from autogpt.backbones.encoder import Encoder

ADAPTER = "adapter"
_ST = "sentence_transformers.models"


def save(encoder: Encoder, folder: Path) -> None:
    """Write body, tokenizer and head. Files are written in place: the caller stages and renames the folder."""
    from safetensors.torch import save_file

    net, apart = encoder.net, encoder.adapter is not None
    encoder.tokenizer.save_pretrained(folder)
    with _plain(encoder):
        net.saved.save_pretrained(folder)
        alone = net.saved is net.body
    if encoder.adapter is not None:
        _adapters.get(encoder.adapter).save(net.body, folder / ADAPTER)
    if isinstance(net, PooledNet) and alone:  # else sentence-transformers would read with the decoder beside it
        sentence_modules(net, folder, encoder.max_length, dense=_is_dense(net) and not apart)
    if net.own_head:
        target = _head_path(net, folder, apart=apart or not alone)
        state = {name: tensor.detach().float().cpu().contiguous() for name, tensor in net.head.state_dict().items()}
        save_file({f"linear.{name}": tensor for name, tensor in state.items()}, target)
    described = {
        "shape": asdict(encoder.shape),
        "source": asdict(encoder.source),
        "max_length": encoder.max_length,
        "adapter": encoder.adapter,
    }
    (folder / "encoder.json").write_text(json.dumps(described, indent=1, ensure_ascii=False), "utf-8")


@contextmanager
def _plain(encoder: Encoder) -> Iterator[None]:
    """The body without its parts stands in the net inside the block."""
    whole: Any = encoder.net.body
    if encoder.adapter is None:
        yield
        return
    with _adapters.get(encoder.adapter).removed(whole) as body:
        encoder.net.replace_body(body)
        try:
            yield
        finally:
            encoder.net.replace_body(whole)


def sentence_modules(net: PooledNet, folder: Path, max_length: int, *, dense: bool) -> None:
    """The module list that sentence-transformers reads; a head that reads several vectors stays outside."""
    width = int(net.head.in_features) // net.reading.parts
    modules: list[tuple[str, str, dict[str, Any] | None]] = [("", "Transformer", None)]
    pooling = {
        "word_embedding_dimension": width,
        "pooling_mode_cls_token": net.pooling == "cls",
        "pooling_mode_mean_tokens": net.pooling == "mean",
        "pooling_mode_lasttoken": net.pooling == "lasttoken",
    }
    modules.append(("1_Pooling", "Pooling", pooling))
    if net.normalize:
        modules.append(("2_Normalize", "Normalize", {}))
    if dense:
        head = {
            "in_features": width,
            "out_features": int(net.head.out_features),
            "bias": True,
            "activation_function": "torch.nn.modules.linear.Identity",
        }
        modules.append(("3_Dense", "Dense", head))
    for path, _, settings in modules:
        if settings is not None:
            (folder / path).mkdir(exist_ok=True)
            (folder / path / "config.json").write_text(json.dumps(settings, indent=1), "utf-8")
    listed = [
        {"idx": place, "name": str(place), "path": path, "type": f"{_ST}.{kind}"}
        for place, (path, kind, _) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed, indent=1), "utf-8")
    (folder / "sentence_bert_config.json").write_text(
        json.dumps({"max_seq_length": max_length, "do_lower_case": False}), "utf-8"
    )
    (folder / "config_sentence_transformers.json").write_text(
        json.dumps({"model_type": "SentenceTransformer", "similarity_fn_name": "cosine"}), "utf-8"
    )


def _is_dense(net: Net) -> bool:
    """Whether the head reads one plain text's vector, as the last module of a sentence-transformers model does."""
    return isinstance(net, PooledNet) and net.reading.name == "text"


def _head_path(net: Net, folder: Path, *, apart: bool) -> Path:
    return folder / "3_Dense" / "model.safetensors" if _is_dense(net) and not apart else folder / "head.safetensors"


def describe(folder: Path) -> dict[str, Any]:
    """`encoder.json` of a saved encoder."""
    path = folder / "encoder.json"
    if not path.is_file():
        raise ModelError(f"{folder} has no encoder.json; it was not saved by autogpt")
    described: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return described


def load_head(net: Net, folder: Path, *, apart: bool) -> None:
    """Fill a head of ours, which stands `apart` beside a body with parts; transformers' own came with its model."""
    from safetensors.torch import load_file

    if not net.own_head:
        return
    state = load_file(_head_path(net, folder, apart=apart or net.saved is not net.body))
    net.head.load_state_dict({key.removeprefix("linear."): value for key, value in state.items()})
