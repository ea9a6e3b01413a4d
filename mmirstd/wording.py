"""Words that depend on a number, for messages, reports and pages."""

from __future__ import annotations

from collections.abc import Sequence


def format_count(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun, and with the verb where one follows.

    Args:
        number: How many there are; written with commas between thousands.
        singular: What follows the number 1.
        plural: What follows other numbers; by default ``singular`` with an s.

    Example:
        >>> format_count(1, 'image'), format_count(2000, 'image')
        ('1 image', '2,000 images')
        >>> format_count(1, 'image has', 'images have')
        '1 image has'
    """
    word = singular if number == 1 else f'{singular}s' if plural is None else plural
    return f'{number:,} {word}'


def list_some(items: Sequence[object], most: int = 10) -> str:
    """The first ``most`` items, separated by commas, and how many others there are.

    Example:
        >>> list_some(['a', 'b', 'c'], 2)
        'a, b and 1 more'
    """
    shown = ', '.join(str(item) for item in items[:most])
    return f'{shown} and {len(items) - most} more' if len(items) > most else shown
