"""autogpt: raw data and one sentence in, a tested, loadable model out. Importing this loads nothing heavy."""

from __future__ import annotations

__version__ = "0.1.0"
