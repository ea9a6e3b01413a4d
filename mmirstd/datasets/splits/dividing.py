"""Divide the images of a folder into lists for training, validation and test.

The hash of its group alone decides to which list an image belongs. So the division is the same on
every machine, and images that are added later do not move others.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from mmirstd.datasets.layouts.pairing import Pair
from mmirstd.io.images.reading import read_image
from mmirstd.wording import format_count

GROUPS = ('name', 'folder', 'sequence')
"""What is kept together, see `group_names`."""


def group_names(names: Sequence[str], by: str = 'name') -> dict[str, str]:
    """Group the images that belong together: name -> group.

    Args:
        names: Names of images without suffix.
        by: 'name' makes every image its own group; 'folder' joins the images of a folder;
            'sequence' joins names that differ in their last number only, such as frames of a
            video; anything else is a regular expression whose first group, or whole match, names
            the group.

    Raises:
        ValueError: The expression is invalid or matches no part of a name.
    """
    if by == 'name':
        return {name: name for name in names}
    if by == 'folder':
        return {name: name.rpartition('/')[0] for name in names}
    if by == 'sequence':
        return {name: re.sub(r'\d+(\D*)$', r'#\1', name) for name in names}
    try:
        pattern = re.compile(by)
    except re.error as error:
        raise ValueError(f'{by!r} is not a regular expression: {error}') from error
    groups = {}
    for name in names:
        match = pattern.search(name)
        if match is None:
            raise ValueError(f'{by!r} matches no part of the name {name!r}')
        groups[name] = match[1] if pattern.groups else match[0]
    return groups


def join_copies(pairs: Sequence[Pair], groups: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """Join groups that share an image with the same pixels, so that no copy leaks.

    Returns:
        The joined groups (name -> group), and the number of images that are copies of others.

    Raises:
        OSError: An image cannot be opened.
        ValueError: An image cannot be decoded.
    """
    parent = {group: group for group in groups.values()}

    def root(group: str) -> str:
        while parent[group] != group:
            group = parent[group]
        return group

    first: dict[bytes, str] = {}
    copies = 0
    for pair in pairs:
        image = np.ascontiguousarray(read_image(pair.image))
        digest = hashlib.sha256(f'{image.shape} {image.dtype}'.encode())
        digest.update(image)
        other = first.setdefault(digest.digest(), pair.name)
        if other != pair.name:
            copies += 1
            # The smaller name, so that the result does not depend on the order.
            small, large = sorted((root(groups[other]), root(groups[pair.name])))
            parent[large] = small
    return {name: root(group) for name, group in groups.items()}, copies


def divide_names(
    groups: Mapping[str, str], parts: Mapping[str, float], salt: str = ''
) -> dict[str, list[str]]:
    """Divide images by the hash of their groups.

    Args:
        groups: Name -> group.
        parts: Name of the list -> share; shares sum to 1. Real shares differ from these by
            chance, the more the fewer groups there are.
        salt: Any text; another text gives another division.

    Returns:
        Sorted names of every part.

    Raises:
        ValueError: Shares do not sum to 1, a part would be empty, or a name cannot be written.
    """
    if any(share <= 0 for share in parts.values()) or not math.isclose(sum(parts.values()), 1):
        raise ValueError(f'shares must be above 0 and sum to 1, got {dict(parts)}')
    for name in groups:
        if not name.isprintable():
            raise ValueError(
                f'{name!r} cannot be written into a list: rename the file so that its name is '
                'printable UTF-8'
            )
    members: dict[str, list[str]] = defaultdict(list)
    for name, group in groups.items():
        members[group].append(name)
    divided: dict[str, list[str]] = {part: [] for part in parts}
    ends = np.cumsum(list(parts.values()))
    for group, names in members.items():
        digest = hashlib.sha256(f'{salt}{group}'.encode()).digest()
        place = int.from_bytes(digest[:8], 'big') / 2**64
        part = list(parts)[min(int(np.searchsorted(ends, place, 'right')), len(parts) - 1)]
        divided[part] += names
    empty = [part for part, names in divided.items() if not names]
    if empty:
        raise ValueError(
            f'{", ".join(empty)} would be empty with {format_count(len(members), "group")} of '
            'images: give larger shares, smaller groups, or another salt'
        )
    return {part: sorted(names) for part, names in divided.items()}
