"""What methods that train the body share: start from the linear head, then train with the loop.

"Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution" (Kumar et al. 2022): a head that is
solved before the body moves (LP-FT) keeps the features. Ours reuses the features that the run has cached anyway.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from autogpt import probe
from autogpt.core import Job, Step
from autogpt.methods import _linear
from autogpt.prompting import of_form, render

if TYPE_CHECKING:
    from autogpt.core import Scores


def instruct(job: Job, encoder: Any) -> None:
    """Tell a model that writes what the user's prompts ask for: part of what it is tuned to read."""
    if (given := of_form(job.prompts, "instruction")) and hasattr(encoder, "instruction"):
        encoder.instruction = render(given[0].template, {})


def fine_tune(
    job: Job,
    encoder: Any,
    *,
    settings: Mapping[str, Any],
    c: float | None,
    layers: int | None = None,
    embeddings: bool = True,
    dropout: bool = True,
    reread: bool = False,
    begun: bool = False,
    prepare: Callable[[], None] = lambda: None,
    rate_of: Callable[[str], float] = lambda name: 1.0,
    after_step: Callable[[int, int], None] = lambda step, total: None,
    after_validation: Callable[[float], None] = lambda score: None,
) -> Generator[Step, None, None]:
    """Train `encoder` in place. Afterwards it holds the best weights on validation (the last without validation).

    `prepare` is called between the linear head and the training (LoRA attaches its adapters there); with `reread` the
    head comes after it, on what the changed body reads. `begun`: the head knows something already, and is kept.
    `rate_of` scales learning rates by parameter name, `after_step` is told every step (from 1) and how many there are,
    `after_validation` the score that picks the best weights.
    """
    instruct(job, encoder)
    head: probe.Head | None = None
    known: tuple[list[int], Scores] | None = None
    if job.output.linear and not reread and not begun:
        head, _ = _linear.fit(job, c=c, least=0.0, most=0.4)
        encoder.set_head(head.weight, head.bias)
    prepare()
    if job.output.linear and reread:
        head, features = _linear.refit(job, encoder, c=c)
        encoder.set_head(head.weight, head.bias)
        known = [*range(len(job.train))], features
    shape = {"layers": layers, "embeddings": embeddings, "dropout": dropout}
    training = encoder.training(job.train, output=job.output, space=job.space, **shape)
    training.rate_of, training.after_step = rate_of, after_step
    if cut := getattr(training, "shortened", 0):
        told = f"{cut:,} of {len(job.train):,} texts to learn are longer than this model may write"
        job.notes.append(f"{told}; what is beyond is not learned")
    validate, best = None, None
    latest: deque[Scores] = deque(maxlen=1)
    if job.validation:
        held = encoder.training(job.validation, output=job.output, space=job.space, **shape)

        def read() -> Scores:
            with encoder.runtime.autocast():  # it picks and calibrates; what is tested and served is computed exactly
                scores: Scores = held.score()
            return scores

        def validate() -> Mapping[str, float]:
            latest.append(read())
            found = job.judge(latest[-1])
            after_validation(found[job.metric.name])
            return found

    if settings.get("prune") and head is not None:
        places, features = known or job.features.get([example.inputs for example in job.train], seconds=0.0)
        settings = {**settings, "losses": training.losses_of(places, head(features))}
    best_epoch = 0.0
    per_epoch = max(1, -(-len(training.lengths()) // int(settings["batch_rows"])))
    for step in job.loop(training, settings, validate):
        if step.is_best:
            best_epoch, best = step.step / per_epoch, latest[-1]
        yield step
    if best_epoch:
        job.chosen["epochs"] = best_epoch
    encoder.net.eval()
    if job.validation:  # reading these rows once more was in no plan: it overran a limit by a sixth
        job.validated.append(held.settled(read() if best is None else best, job))
    else:
        training.settle(job.settled)
