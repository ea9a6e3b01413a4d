"""Messages about many files, without repeating the same reason hundreds of times."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from mmirstd.inference.sources import Source
from mmirstd.wording import format_count


def reason_of(message: str, *names: str) -> str:
    """A message without what differs between files: paths, numbers and ``names``."""
    for name in names:
        message = message.replace(name, '')
    message = re.sub(r'\S*/\S*', '', message)
    message = re.sub(r'^\W+', '', message)
    return re.sub(r'\d+', 'N', message)


class _Reasons:
    """Counts messages by their reasons and lets the first ``most`` of each reason through."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()

    def admit(self, reason: str) -> bool:
        """Count one message, and return whether it is among the first."""
        self._counts[reason] += 1
        return self._counts[reason] <= self._most

    def rest(self, thing: str) -> Iterator[str]:
        """How many more messages of each reason there were."""
        for reason, count in self._counts.items():
            if count > self._most:
                left = format_count(count - self._most, f'more {thing}')
                yield f'{left} for the same reason: {reason}'


def first_of_each_reason(messages: Sequence[str], most: int = 20) -> Iterator[str]:
    """The first ``most`` messages of each reason, and how many more there are."""
    reasons = _Reasons(most)
    yield from (message for message in messages if reasons.admit(reason_of(message)))
    yield from reasons.rest('file')


class SkippedImages:
    """Reports images that were left out; see `Detector.stream`, ``on_error``.

    Args:
        say: Receives one line of text.
        most: Number of images that are named for each reason.

    Attributes:
        count: Number of images that were left out.
    """

    def __init__(self, say: Callable[[str], None], most: int = 3) -> None:
        self.count = 0
        self._say = say
        self._reasons = _Reasons(most)

    def __call__(self, source: Source, error: Exception) -> None:
        """Report one image, unless ``most`` others were skipped for the same reason."""
        self.count += 1
        if self._reasons.admit(reason_of(str(error), str(source), str(source.path), source.name)):
            self._say(f'{source}: {error}' if str(source) not in str(error) else str(error))

    def finish(self) -> None:
        """Say how many images were skipped without being named."""
        for text in self._reasons.rest('image'):
            self._say(text)
