"""A data set of the Hugging Face Hub: `owner/name`, with a configuration as `owner/name:config`. Needs the network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from autogpt.errors import OfflineError, SourceError
from autogpt.sources import Item, Part, Request, is_there
from autogpt.sources._values import shown

_NAME = re.compile(r"(hf://(datasets/)?)?(?P<name>[\w][\w.-]{0,95}(/[\w.-]{1,96})?)(:(?P<config>[\w.-]+))?", re.ASCII)


class Hub:
    name = "hub"
    summary = "a Hub data set (owner/name)"
    suffixes: tuple[str, ...] = ()
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return isinstance(source, str) and _NAME.fullmatch(source) is not None and not is_there(source)

    def claims(self, head: bytes) -> bool:
        return False

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        match = _NAME.fullmatch(source)
        if match is None:
            raise SourceError(f"{shown(source)} is no Hub name; write owner/name")
        if request.offline:
            raise OfflineError(
                f"{shown(source)} is no file here and no bundled data set; as a Hub name it needs the network, which "
                "--offline forbids: give a path, or leave --offline out"
            )
        yield Part(_load(match["name"], match["config"], request.revision), None)


def _load(name: str, config: str | None, revision: str | None) -> Any:
    import datasets
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    at = f"{shown(name)} at revision {shown(revision)}" if revision else shown(name)
    try:
        return datasets.load_dataset(name, config, revision=revision)
    except (ConnectionError, OfflineModeIsEnabled, TimeoutError) as error:
        raise OfflineError(
            f"{at} is no file here, and the Hub cannot be reached ({shown(str(error), 80)}); "
            "check the path or the network"
        ) from None
    except (datasets.exceptions.DatasetNotFoundError, FileNotFoundError, HFValidationError, HfHubHTTPError) as error:
        raise SourceError(
            f"{at} is no file here and no data set of the Hub ({shown(str(error), 80)}); check the spelling"
        ) from None
    except (ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SourceError(f"{at} cannot be loaded from the Hub: {first}") from None


plugin = Hub()
