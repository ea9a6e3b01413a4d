"""The public datasets: names, aliases and the defects that their files are known to have.

A defect declared here is tolerated and counted in the log. The same defect anywhere else is an
error. Each entry was seen in the published files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmirstd.datasets.resampling import Size


@dataclass(frozen=True)
class Dataset:
    """Facts about a dataset that are the same in every copy.

    Attributes:
        key: Name used by this package, e.g. in the names of splits.
        title: Name used by the literature.
        aliases: Other names in use; upper and lower case, '-', '_' and spaces do not count.
        damaged: Image stems that official lists name but whose files are damaged or absent in
            every known copy.
        mismatched_masks: Image stem -> (image size, mask size) of pairs whose mask was published at
            another resolution than the image.
    """

    key: str
    title: str
    aliases: tuple[str, ...]
    damaged: frozenset[str] = frozenset()
    mismatched_masks: Mapping[str, tuple[Size, Size]] = field(default_factory=dict)


_MISC_111 = {'Misc_111': ((220, 325), (400, 592))}

_MDFA_HOLES = (239, 245, 260, 264, 2543, 2553, 2561, 2808, 2817, 2819, 3503, 3504, 3947, 3949,
               3962, 7389, 7395, 8094, 8105, 8112, 8757, 8772)  # fmt: skip

DATASETS = (
    Dataset('sirst', 'SIRST', ('NUAA-SIRST', 'NUAA', 'SIRST-v1'), mismatched_masks=_MISC_111),
    Dataset('sirst_v2', 'SIRST-v2', ('open-sirst-v2',), mismatched_masks=_MISC_111),
    Dataset('nudt', 'NUDT-SIRST', ('NUDT-SIRST',)),
    Dataset('irstd1k', 'IRSTD-1k', ('IRSTD1k', 'IRSTD')),
    Dataset(
        'mdfa',
        'MDFA',
        ('MDEA', 'MDvsFA', 'MDvsFA_cGAN', 'NUST-SIRST', 'NUST'),
        damaged=frozenset(f'{number:06d}_1' for number in _MDFA_HOLES),
    ),
    Dataset('irdst', 'IRDST', ()),
)


def _bare(name: str) -> str:
    return re.sub(r'[-_\s]', '', name).lower()


_BY_NAME = {
    _bare(name): dataset
    for dataset in DATASETS
    for name in (dataset.key, dataset.title, *dataset.aliases)
}


def find_dataset(name: str) -> Dataset | None:
    """Return the dataset that ``name`` or one of its aliases means, None if there is none."""
    return _BY_NAME.get(_bare(name))


def get_dataset(name: str) -> Dataset:
    """Return the dataset that ``name`` or one of its aliases means.

    Raises:
        ValueError: Nothing has that name; the message lists the known ones.
    """
    dataset = find_dataset(name)
    if dataset is None:
        known = '; '.join(', '.join((entry.key, *entry.aliases)) for entry in DATASETS)
        raise ValueError(f'no dataset is called {name!r}. Known names and aliases: {known}')
    return dataset
