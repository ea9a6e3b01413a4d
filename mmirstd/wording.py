"""Words that depend on a number, for messages, reports and pages."""

from __future__ import annotations


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
