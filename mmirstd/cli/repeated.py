"""Messages about many files without repeating one reason for hundreds of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from mmirstd.wording import format_count

_MOST_SHOWN = 20


def reason_of(message: str, *names: str) -> str:
    """A message without what differs from file to file: names, paths and numbers.

    Args:
        message: What was said about a file.
        names: What the file is called in it, beside its paths.
    """
    for name in names:
        message = message.replace(name, '')
    message = re.sub(r'\S*/\S*', '', message)
    message = re.sub(r'^\W+', '', message)
    return re.sub(r'\d+', 'N', message)


def first_of_each_reason(messages: Sequence[str], most: int = _MOST_SHOWN) -> Iterator[str]:
    """The first messages of each reason, and how many more there are.

    Args:
        messages: One per file.
        most: Messages that are shown for each reason.
    """
    counts: Counter[str] = Counter()
    for message in messages:
        reason = reason_of(message)
        counts[reason] += 1
        if counts[reason] <= most:
            yield message
    for reason, count in counts.items():
        if count > most:
            yield f'{format_count(count - most, "more file")} for the same reason: {reason}'
