"""Telling about unusable images without repeating one reason for hundreds of files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from mmirstd.cli.repeated import reason_of
from mmirstd.inference.sources import Source
from mmirstd.wording import format_count

MOST_SHOWN = 3
"""Files that are named for each reason."""


class SkippedImages:
    """Reports images that were left out; see `Detector.stream`, ``on_error``.

    Args:
        say: Receives one line of text.

    Attributes:
        count: Number of images that were left out.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.count = 0
        self._say = say
        self._reasons: Counter[str] = Counter()

    def __call__(self, source: Source, error: Exception) -> None:
        """Report one image, unless others were skipped for the same reason often enough."""
        self.count += 1
        reason = reason_of(str(error), str(source), str(source.path), source.name)
        self._reasons[reason] += 1
        if self._reasons[reason] <= MOST_SHOWN:
            self._say(f'{source}: {error}' if str(source) not in str(error) else str(error))

    def finish(self) -> None:
        """Say how many images were not named."""
        for reason, count in self._reasons.items():
            if count > MOST_SHOWN:
                self._say(
                    f'{format_count(count - MOST_SHOWN, "more image")} for the same reason: '
                    f'{reason}'
                )
