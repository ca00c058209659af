"""autogpt: raw data and one sentence in, a tested, loadable model out. Importing this loads nothing heavy.

from autogpt import AutoGPT, datasets

train, test = datasets.load("banking77")
model = AutoGPT().train(train, test, time_limit="3m")
model.predict(["my card was swallowed by the machine"])
"""

from __future__ import annotations

from autogpt import datasets, runtime
from autogpt.api import AutoGPT, fine_tune, load, load_many
from autogpt.errors import AutoGPTError

__all__ = ["AutoGPT", "AutoGPTError", "__version__", "datasets", "fine_tune", "load", "load_many"]
__version__ = "0.1.0"

runtime.prepare_environment()
