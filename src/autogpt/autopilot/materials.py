"""What trials are made of, as plain data that can be sent to another process; and the bench that is made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from autogpt import endpoint, prompting, registry
from autogpt.autopilot.described import described
from autogpt.autopilot.trial import Bench
from autogpt.autopilot.unlabelled import advised
from autogpt.config import RunConfig
from autogpt.core import Example, Inputs, LabelSpace, Making
from autogpt.events import Event, Listener
from autogpt.memory import SHARE, Guard
from autogpt.pipeline import Prepared, main_metrics, texts
from autogpt.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Materials:
    """Rows, label space and settings of a run. `train` and `validation` may be others than the run's own (a fold)."""

    config: RunConfig
    shape: Any
    output: str
    space: LabelSpace
    metrics: tuple[str, ...]
    train: Sequence[Example]
    validation: Sequence[Example]
    seed: int
    rows: Sequence[Example]
    """All rows to learn from: a language model that is made from nothing has their texts' tokens."""
    unlabelled: Sequence[Inputs]
    test_count: int
    prompts: Sequence[prompting.Prompt]
    columns: Sequence[str]
    """Of the text, as the table calls them."""
    taught: Sequence[Example] = ()
    """Rows whose target a teacher wrote, which this bench's methods learn from as well (`regimes.teaching`)."""

    @classmethod
    def of(cls, config: RunConfig, shape: Any, prepared: Prepared) -> Self:
        """The materials of a run."""
        return cls(
            config=config,
            shape=shape,
            output=prepared.output.name,
            space=prepared.space,
            metrics=tuple(one.name for one in main_metrics(prepared.task, config.search.metric, prepared.space)),
            train=prepared.train,
            validation=prepared.validation,
            seed=config.seed,
            rows=prepared.train,
            unlabelled=[row.inputs for row in prepared.unlabelled],
            test_count=prepared.test.count,
            prompts=prompting.read(config.source.prompts),
            columns=prepared.profile.schema.text,
        )

    def like(self, bench: Bench) -> Self:
        """The same with the rows and the seed of a bench."""
        return replace(
            self, train=bench.train, validation=bench.validation, seed=bench.seed, taught=tuple(bench.taught)
        )

    def bench(
        self,
        *,
        place: Path | None,
        guard: Guard,
        runtime: Callable[[], Runtime],
        listen: Listener,
        stop: Callable[[], bool],
        remaining: Callable[[], float],
        client: endpoint.Client | None = None,
    ) -> Bench:
        """What all trials share; nothing heavy is loaded too early. `place` is the run's folder."""
        from autogpt.training.features import FeatureCache

        config, output = self.config, registry.get("outputs", self.output)
        family = registry.trained(self.output)
        making = Making(lambda: texts([*self.rows, *self.taught]), self.shape, config.seed)

        def open_encoder(name: str | None = config.search.backbone) -> Any:
            return family.open(
                name,
                output=output.name,
                size=output.size(self.space),
                labels=self.space.labels if output.token_level else (),
                like=self.train[0].inputs,
                runtime=runtime(),
                revision=config.search.revision,
                offline=config.source.offline,
                making=making,
            )

        bench = Bench(
            train=self.train,
            validation=self.validation,
            output=output,
            space=self.space,
            metrics=tuple(registry.get("metrics", name) for name in self.metrics),
            open=open_encoder,
            features=FeatureCache(open_encoder, folder=None if place is None else place / "features", guard=guard),
            runtime=runtime,
            seed=self.seed,
            listen=listen,
            stop=stop,
            report_to=config.search.report_to,
            goal=config.goal,
            prompts=self.prompts,
            taught=self.taught,
            room=lambda: int(SHARE * guard.room().bytes),
            remote=endpoint.none_named
            if client is None
            else partial(endpoint.Remote, client, config.goal, self.test_count),
        )

        if config.adaptive.adapt_joint:
            from autogpt.regimes._beside import Beside

            rows = lambda: [*(row.inputs for row in self.train), *self.unlabelled]  # noqa: E731
            bench = replace(bench, beside=Beside(config, rows, runtime, stop, self.seed))

        def say(kind: str, message: str, **data: Any) -> None:
            listen(Event(kind, message, data))

        if config.compute.data_parallel > 1:
            from autogpt.training.replicas import Replicas

            bench = replace(bench, replicas=Replicas(config.compute.data_parallel, say=partial(say, "decision")))
        services: dict[str, Any] = {"goal": config.goal, "columns": self.columns, "say": say, "remaining": remaining}
        kept = None if place is None else place / "descriptions.json"
        return advised(described(bench, **services, kept=kept), self.unlabelled, **services)
