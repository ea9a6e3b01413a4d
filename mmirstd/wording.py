"""Words that depend on a number, for messages, reports and pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def describe_names(name: str, names: Iterable[str], more: str, most: int = 10) -> str:
    """What to say about a name that does not exist: those that resemble it, or where to look.

    Args:
        name: The unknown name.
        names: Those that exist. All are listed if there are at most ``most``.
        more: Where to find all names.
        most: Names that are listed.

    Example:
        >>> describe_names('tinny', ['tiny', 'large'], 'see --help', most=1)
        'similar is tiny; see --help'
    """
    known = sorted(set(names))
    if len(known) <= most:
        return f'there are {", ".join(known)}; {more}' if known else more
    close = get_close_matches(name.lower(), known, most)
    close += [k for k in known if name.lower() in k.lower() and k not in close]
    if not close:
        return more
    return f'similar {"is" if len(close) == 1 else "are"} {", ".join(close[:most])}; {more}'


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
