"""What both clients remember."""

from __future__ import annotations

from tacit import _protocol
from tacit.errors import InvalidArgument

TIMEOUT_S = 60.0
RETRIES = 3


class Settings:
    """What both clients remember. The key goes to the transport and is kept nowhere else."""

    def __init__(self, url: str, dataset: str | None, retries: int, timeout_s: float) -> None:
        if retries < 0:
            raise InvalidArgument("retries is 0 or more")
        if not timeout_s > 0:
            raise InvalidArgument("timeout_s is above 0")
        self.url = _protocol.base_url(url)
        self.default_dataset = dataset
        self._retries = retries

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, dataset={self.default_dataset!r})"
