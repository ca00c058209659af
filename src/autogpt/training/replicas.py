"""Who computes the batches of a training beside the process that decides: replicas, each with a copy of the model.

They are the processes of executor `local`, started once and used by one training after another. What they do stands in
`parallel`; nothing heavy is imported here, so that they can load while their run does other things.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable

from autogpt import registry
from autogpt.orders import Crew
from autogpt.runtime import prepare_environment

logger = logging.getLogger(__name__)


def load() -> None:
    """Import what takes seconds, before there is anything to do."""
    prepare_environment()
    for name in ("autogpt.training.parallel", "transformers"):
        importlib.import_module(name)


class Replicas:
    """`size` processes compute each batch together: this one and its replicas. `say` is told whom they cannot help."""

    def __init__(self, size: int, *, say: Callable[[str], None] = logger.info) -> None:
        self.size, self.say = size, say
        self._crew: Crew | None = None

    def prepare(self) -> Crew:
        """The processes; they are started by the first who asks. ConfigError where the system has no such processes."""
        if self._crew is None:
            self._crew = registry.get("executors", "local").open(workers=self.size - 1, address=None, warm=load)
        return self._crew

    def close(self) -> None:
        """End all processes; the next training has new ones."""
        if self._crew is not None:
            self._crew.close()
            self._crew = None
