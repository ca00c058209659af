"""Fine-tuning that reads the two texts of a pair together: entailment, paraphrase, does this answer that.

"Passage Re-ranking with BERT" (Nogueira & Cho 2019) and BERT's own pair tasks. Ours starts from a linear head on what
the untrained encoder reads of the pairs, as `full` does; rows of one text are read as `full` reads them.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from autogpt.core import Job, Scorer, Step
from autogpt.methods import _finetune
from autogpt.methods._options import DROPOUT, FineTuning, loop_settings, option, peak_rate, step_rows


@dataclass(frozen=True, slots=True)
class Options(FineTuning):
    """Options of a cross-encoder."""

    learning_rate: float = peak_rate(1e-4, (1e-5, 5e-4))
    batch_rows: int = step_rows(16, (8, 64))
    dropout: bool = option(False, DROPOUT, [False, True])


class CrossEncoder:
    """See `core.Method`."""

    name = "cross-encoder"
    summary = "fine-tuning of all layers that reads the two texts of a pair together"
    needs_backbone = True
    outputs = frozenset({"classes", "path", "labels", "value"})
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        encoder = job.open()
        together = encoder.read_together()
        yield from _finetune.fine_tune(
            job,
            encoder,
            settings=loop_settings(options),
            c=options.c,
            embeddings=False,
            dropout=options.dropout,
            reread=together,
        )
        scorer: Scorer = encoder
        return scorer


plugin = CrossEncoder()
