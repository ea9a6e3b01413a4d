"""Base class of batch samplers that wrap another one."""

from __future__ import annotations

from typing import Any


class WrappedBatches:
    """A batch sampler around another one; lengths and other attributes are those of the inner one.

    Args:
        batches: The batch sampler inside.
    """

    def __init__(self, batches: Any) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getattr__(self, name: str) -> Any:
        if name == 'batches':  # not yet set, while a copy is made
            raise AttributeError(name)
        return getattr(self.batches, name)
