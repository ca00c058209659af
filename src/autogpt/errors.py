"""Every error a user can meet, as one tree.

```
AutoGPTError                    exit code 1
├── InputError                  2   what the user gave cannot be used
│   ├── SourceError             2   a file, table or query cannot be read
│   ├── SchemaError             2   a named column, task or label is not there
│   ├── AmbiguityError          3   several readings are possible; candidates are listed
│   └── ConfigError             2   an option has a value that is not allowed
├── ModelError                  4   a saved model is missing, damaged or of another version
├── ResourceError               5   disk, memory or time do not suffice
├── OfflineError                6   the network is needed and forbidden (or absent)
├── EndpointError               7   an endpoint that the user named gives no usable answers
└── Interrupted                 130 the run was stopped and can be resumed
```

A message is one line with three parts: what was wrong (file, row, column, value), what is allowed, and what to do.
"""

from collections.abc import Sequence


class AutoGPTError(Exception):
    """Root of the tree. `exit_code` is what the command line ends with."""

    exit_code = 1


class InputError(AutoGPTError):
    """What the user gave cannot be used."""

    exit_code = 2


class SourceError(InputError):
    """A file, table or query cannot be read."""


class SchemaError(InputError):
    """A named column, task or label is not in the data."""


class ConfigError(InputError):
    """An option has a value that is not allowed."""


class AmbiguityError(InputError):
    """Several readings of the data are possible; the caller has to choose.

    `question` names what is open ("target", "task", ...), `candidates` the allowed answers, best first, and
    `flag` the command-line option that settles it.
    """

    exit_code = 3

    def __init__(self, message: str, *, question: str, candidates: Sequence[str], flag: str) -> None:
        super().__init__(message)
        self.question = question
        self.candidates = tuple(candidates)
        self.flag = flag


class ModelError(AutoGPTError):
    """A saved model is missing, damaged or of another version."""

    exit_code = 4


class ResourceError(AutoGPTError):
    """Disk, memory or time do not suffice; the message has the number that is needed."""

    exit_code = 5


class OfflineError(AutoGPTError):
    """The network is needed, and it is forbidden or absent."""

    exit_code = 6


class EndpointError(AutoGPTError):
    """An endpoint that the user named gives no usable answers."""

    exit_code = 7


class Interrupted(AutoGPTError):  # noqa: N818  (it is no failure)
    """The run was stopped by a signal after saving; `resume` is the command that goes on."""

    exit_code = 130

    def __init__(self, message: str, *, resume: str) -> None:
        super().__init__(message)
        self.resume = resume
