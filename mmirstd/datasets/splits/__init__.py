"""The published splits of training, validation and test images, and splits derived from them.

The ``*.txt`` files here are byte for byte as published (file names only). ``SHA256SUMS`` contains
their checksums, also for ``sha256sum -c``; a list that does not match is refused.

A derived list is computed from a published one and says so in its name and note:

- ``sirst/sirst85``: the 85 test images of the SimIRSTD paper (108 targets). Its Pd column only
  fits idx_427_test without Misc_111.
- ``mdfa/dnanet_10000_100_train_9978``: without the 22 images that are damaged in every copy.
- ``..._train_fit`` and ``..._train_val``: NUDT-SIRST, IRSTD-1k and MDFA, and SIRST as DNANet splits
  it, were published without a validation split. To select checkpoints without looking at the test
  split, a tenth of the training split is set aside: the names with the smallest SHA-256 of their
  UTF-8 bytes. That choice needs no random generator and does not depend on the order of the list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from mmirstd.datasets.catalog import find_dataset, get_dataset
from mmirstd.datasets.lists import parse_list

VALIDATION_FRACTION = 0.1
"""Part of a training split that its ``_val`` list takes."""


@dataclass(frozen=True)
class Split:
    """A named list of images.

    Attributes:
        name: ``<dataset>/<list>``.
        dataset: Key of the dataset in :mod:`mmirstd.datasets.catalog`.
        names: Image stems in the order of the list.
        note: Where the list comes from.
    """

    name: str
    dataset: str
    names: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class _Derived:
    base: str
    choose: Callable[[Sequence[str]], list[str]]
    note: str


def set_aside(names: Sequence[str], fraction: float = VALIDATION_FRACTION) -> set[str]:
    """Choose the validation part of a training split: the names with the smallest SHA-256 digests.

    The number of names is the ``fraction`` of all, rounded.
    """
    ranked = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    return set(ranked[: round(fraction * len(names))])


def _without_damaged(dataset: str) -> Callable[[Sequence[str]], list[str]]:
    damaged = get_dataset(dataset).damaged
    return lambda names: [name for name in names if name not in damaged]


def _fit(names: Sequence[str]) -> list[str]:
    validation = set_aside(names)
    return [name for name in names if name not in validation]


def _val(names: Sequence[str]) -> list[str]:
    validation = set_aside(names)
    return [name for name in names if name in validation]


def _carve_validation(base: str, prefix: str) -> dict[str, _Derived]:
    percent = f'{VALIDATION_FRACTION:.0%}'
    return {
        f'{prefix}_fit': _Derived(base, _fit, f'{base} without its {percent} validation part'),
        f'{prefix}_val': _Derived(base, _val, f'{percent} of {base}, smallest SHA-256 of the name'),
    }


_MDFA_TRAIN = 'mdfa/dnanet_10000_100_train'

_DERIVED: dict[str, _Derived] = {
    'sirst/sirst85': _Derived(
        'sirst/idx_427_test',
        lambda names: [name for name in names if name != 'Misc_111'],
        'sirst/idx_427_test without Misc_111: the test set of the SimIRSTD paper',
    ),
    f'{_MDFA_TRAIN}_9978': _Derived(
        _MDFA_TRAIN,
        _without_damaged('mdfa'),
        f'{_MDFA_TRAIN} without the images that are damaged in every copy',
    ),
    **_carve_validation('nudt/dnanet_50_50_train', 'nudt/dnanet_50_50_train'),
    **_carve_validation('sirst/dnanet_50_50_train', 'sirst/dnanet_50_50_train'),
    **_carve_validation('irstd1k/basicirstd_train', 'irstd1k/basicirstd_train'),
    **_carve_validation(f'{_MDFA_TRAIN}_9978', _MDFA_TRAIN),
}


@lru_cache(maxsize=1)
def _checksums() -> dict[str, str]:
    """Name of each published split -> its SHA-256, in the order of SHA256SUMS."""
    text = resources.files(__package__).joinpath('SHA256SUMS').read_text(encoding='ascii')
    lines = (line.split() for line in text.splitlines())
    return {file.removesuffix('.txt'): digest for digest, file in lines}


def split_names(dataset: str | None = None) -> list[str]:
    """Return the names of all lists, or of those of one dataset (key or alias)."""
    names = [*_checksums(), *_DERIVED]
    if dataset is None:
        return names
    return [name for name in names if name.startswith(f'{get_dataset(dataset).key}/')]


def canonical_split_name(name: str) -> str | None:
    """Return ``name`` with its dataset's key instead of an alias, None if there is no such list."""
    prefix, slash, rest = name.partition('/')
    dataset = find_dataset(prefix)
    if not slash or dataset is None:
        return None
    canonical = f'{dataset.key}/{rest}'
    return canonical if canonical in split_names() else None


def _verify(name: str, content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    if digest != _checksums()[name]:
        raise RuntimeError(
            f'{name}.txt of the installed package is not the published split: its SHA-256 is '
            f'{digest}, expected {_checksums()[name]}. Reinstall mmirstd.'
        )
    return content


def load_split(name: str) -> Split:
    """Return the published or derived list called ``name``, e.g. 'nudt/dnanet_50_50_test'.

    Raises:
        ValueError: There is no such list; the message names the known ones.
        RuntimeError: The file differs from the published one.
    """
    canonical = canonical_split_name(name)
    if canonical is None:
        dataset = find_dataset(name.partition('/')[0])
        known = ', '.join(split_names(dataset.key if dataset else None))
        raise ValueError(f'no list of images is called {name!r}. Known lists: {known}')
    key = canonical.partition('/')[0]
    if canonical in _DERIVED:
        derived = _DERIVED[canonical]
        chosen = derived.choose(load_split(derived.base).names)
        return Split(canonical, key, tuple(chosen), derived.note)
    file = resources.files(__package__).joinpath(*f'{canonical}.txt'.split('/'))
    names = parse_list(_verify(canonical, file.read_bytes()), f'{canonical}.txt')
    return Split(canonical, key, tuple(names), 'as published')
