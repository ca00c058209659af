"""What a model loses on each row, by its output kind's own loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from autogpt.core import Array, Scores


def row_losses(output: Any, scores: Scores, code: Any) -> Array:
    """Loss of each row [N]; of rows with a table of their own, each by itself."""
    import torch

    if isinstance(scores, list):
        each = [
            output.loss(torch.tensor(np.asarray(row))[None], torch.tensor(np.asarray(one))[None], None)
            for row, one in zip(scores, code, strict=True)
        ]
        return np.asarray(torch.cat(each))
    return np.asarray(output.loss(torch.tensor(np.asarray(scores)), torch.tensor(np.asarray(code)), None))
