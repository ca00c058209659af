"""Parts that stand beside a writer's weights (see `_adapters`): where in it they belong, and how they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt.backbones import _adapters

if TYPE_CHECKING:
    from autogpt.backbones._writing import WriterNet

FOLDER = "adapter"


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of an `_adapters` kind, in the module called `place` of transformers' model (empty: in all of it)."""

    kind: str
    place: str = ""

    def to_dict(self) -> dict[str, str]:
        return asdict(self)

    def module(self, net: WriterNet) -> Any:
        """What stands there."""
        return net.model.get_submodule(self.place)

    def put(self, net: WriterNet, module: Any) -> None:
        """Let `module` stand there."""
        if not self.place:
            net.replace_body(module)
            return
        parent, _, last = self.place.rpartition(".")
        setattr(net.model.get_submodule(parent), last, module)

    def positions(self, net: WriterNet) -> int:
        """How many places of a text they take up."""
        return _adapters.get(self.kind).positions(self.module(net))

    @contextmanager
    def removed(self, net: WriterNet) -> Iterator[None]:
        """The model is the plain one inside the block."""
        whole = self.module(net)
        with _adapters.get(self.kind).removed(whole) as plain:
            self.put(net, plain)
            try:
                yield
            finally:
                self.put(net, whole)

    def save(self, net: WriterNet, folder: Path) -> None:
        """Write the parts alone."""
        _adapters.get(self.kind).save(self.module(net), folder)

    def settle(self, net: WriterNet, folder: Path) -> None:
        """Save the parts, and take them as they were saved."""
        self.save(net, folder)
        with _adapters.get(self.kind).removed(self.module(net)) as plain:
            bare = plain
        self.put(net, bare)
        self.load(net, folder)

    def load(self, net: WriterNet, folder: Path) -> None:
        """Give the plain model the parts that `save` wrote."""
        self.put(net, _adapters.get(self.kind).load(self.module(net), folder))


def attach(net: WriterNet, kind: str, settings: dict[str, Any]) -> Parts:
    """Give a plain model new parts; all else is frozen but what no pretraining has seen."""
    parts = _fitting(net, kind, settings)
    net.model.requires_grad_(False)
    parts.put(net, _adapters.get(parts.kind).attach(parts.module(net), **settings))
    for _, parameter in net.unseen():
        parameter.requires_grad_(True)
    return parts


def _fitting(net: WriterNet, kind: str, settings: dict[str, Any]) -> Parts:
    """Virtual tokens stand before what is read by an encoder, or are what a decoder remembers first."""
    if kind != "virtual_tokens":
        return Parts(kind)
    prefix = settings["config"].peft_type == "PREFIX_TUNING"
    before = net.kind == "encoder-decoder" and not prefix
    stack = net.model.get_encoder() if before else net.decoder
    place = next(name for name, module in net.model.named_modules() if module is stack)
    return Parts("virtual_tokens" if before else "remembered_tokens", place)
