"""Write procedural scenes as datasets, in the layouts of the real ones.

A folder belongs to one configuration, recorded in ``manifest.json`` before the first image.
Every file is complete or absent, and an interrupted run continues where it stopped.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmirstd.io.images.writing import write_image
from mmirstd.io.outputs.atomic import (
    append_line,
    is_interrupted_write,
    remove_interrupted_writes,
    write_atomically,
)
from mmirstd.io.outputs.guard import check_output
from mmirstd.io.outputs.lock import locked_folder

from .scene import GENERATOR_VERSION, Scene, SceneConfig, generate_scene

MANIFEST = 'manifest.json'
_FORMAT = 'mmirstd synthetic dataset'


@dataclass(frozen=True)
class Item:
    """The files of one scene: paths relative to the dataset root."""

    split: str
    index: int
    name: str
    image: str
    mask: str


class WrittenLayout(NamedTuple):
    """Paths of a layout, with the fields split, index, number (from 1) and name."""

    name: str
    image: str
    mask: str
    lists: str | None
    """Folder of the lists ``{split}.txt``, None for no lists."""


WRITTEN_LAYOUTS = {
    'folders': WrittenLayout(
        '{split}_{index:05d}', '{split}/images/{name}.png', '{split}/masks/{name}.png', None
    ),
    'lists': WrittenLayout('{number:06d}', 'images/{name}.png', 'masks/{name}.png', ''),
    'sirst': WrittenLayout(
        'Misc_{number}', 'images/{name}.png', 'masks/{name}_pixels0.png', 'idx_427'
    ),
}
"""Name -> paths; 'sirst' is as the authors of SIRST pack it."""


def dataset_items(splits: Mapping[str, int], layout: str) -> Iterator[Item]:
    """Every scene of a dataset in order, with the paths that ``layout`` gives it."""
    paths = WRITTEN_LAYOUTS[layout]
    places = ((split, index) for split, count in splits.items() for index in range(count))
    for number, (split, index) in enumerate(places, start=1):
        name = paths.name.format(split=split, index=index, number=number)
        image, mask = (path.format(split=split, name=name) for path in (paths.image, paths.mask))
        yield Item(split, index, name, image, mask)


def write_dataset(
    root: str | os.PathLike,
    splits: Mapping[str, int],
    *,
    config: SceneConfig | None = None,
    seed: int = 0,
    layout: str = 'folders',
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a procedural dataset, or complete one that was cut short.

    Besides images and masks (8-bit PNG, 0 and 255), the root contains ``manifest.json`` (seed,
    configuration, generator version) and for each split ``scenes_{split}.jsonl``: one line per
    image with its name, background and the ground truth of every target.

    Args:
        root: Folder to write to; created if it is missing.
        splits: Split name -> number of images.
        config: What to draw; None for the defaults of :class:`SceneConfig`.
        seed: Images depend on seed, split name and index only, not on how many there are.
        layout: A key of :data:`WRITTEN_LAYOUTS`.
        overwrite: Remove scenes of another seed or configuration from ``root``.
        progress: Called with (images done, images in all) after every image.

    Returns:
        Path of the manifest.

    Raises:
        ValueError: Unknown layout, or a split without a valid name or count.
        FileExistsError: ``root`` contains other scenes and ``overwrite`` is False, or files that
            this function did not write, or another process is writing there.
        OutputError: A link in ``root`` is in the place of a file or folder to write.
        OSError: A file cannot be written; a full disk is named as such.
    """
    config = config or SceneConfig()
    _check_request(splits, layout)
    root = Path(root)
    manifest = {
        'format': _FORMAT,
        'generator_version': GENERATOR_VERSION,
        'seed': seed,
        'layout': layout,
        'splits': dict(splits),
        'config': config.as_dict(),
    }
    if root.exists() and not root.is_dir():
        raise FileExistsError(f'{root} is a file, not a folder')
    root.mkdir(parents=True, exist_ok=True)
    with locked_folder(root):
        _claim(root, manifest, overwrite)
        remove_interrupted_writes(root, recursive=True)
        _write_scenes(root, splits, config, seed, layout, progress)
    return root / MANIFEST


def _write_scenes(
    root: Path,
    splits: Mapping[str, int],
    config: SceneConfig,
    seed: int,
    layout: str,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Write what is missing of the scenes, their records and lists."""
    items = list(dataset_items(splits, layout))
    records = {split: _read_journal(root, split) for split in splits}
    for done, item in enumerate(items):
        finished = item.index in records[item.split]
        if not (finished and (root / item.image).is_file() and (root / item.mask).is_file()):
            scene = generate_scene(config, seed, item.split, item.index)
            for name, content in (
                (item.mask, scene.mask.astype(np.uint8) * 255),
                (item.image, scene.image),
            ):
                write_image(check_output(name, folder=root), content)
            record = _record(item, scene)
            append_line(_journal(root, item.split), json.dumps(record))
            records[item.split][item.index] = record
        if progress is not None:
            progress(done + 1, len(items))

    for split in splits:
        # Written again because a repaired run appends out of order.
        lines = [json.dumps(records[split][index]) for index in range(splits[split])]
        write_atomically(_journal(root, split), ''.join(f'{line}\n' for line in lines))
    _write_lists(root, items, splits, layout)


def _check_request(splits: Mapping[str, int], layout: str) -> None:
    if layout not in WRITTEN_LAYOUTS:
        raise ValueError(f'layout={layout!r}: choose one of {sorted(WRITTEN_LAYOUTS)}')
    if not splits or sum(splits.values()) == 0:
        raise ValueError(f'splits={dict(splits)}: request at least one image')
    for split, count in splits.items():
        if not split.isidentifier():
            raise ValueError(f'splits: {split!r} cannot name a folder; use letters and digits')
        if count < 0:
            raise ValueError(f'splits[{split!r}]={count}: give a count >= 0')


def _record(item: Item, scene: Scene) -> dict:
    return {
        'index': item.index,
        'name': item.name,
        'image': item.image,
        'mask': item.mask,
        'background': scene.background,
        'targets': [
            {
                # JSON has no infinity: a perfectly flat neighbourhood gives null.
                key: None if isinstance(value, float) and not math.isfinite(value) else value
                for key, value in asdict(target).items()
            }
            for target in scene.targets
        ],
    }


def _journal(root: Path, split: str) -> Path:
    return check_output(f'scenes_{split}.jsonl', folder=root)


def _read_journal(root: Path, split: str) -> dict[int, dict]:
    """Finished scenes by index; a last line cut by a kill is dropped from the file."""
    path = _journal(root, split)
    if not path.is_file():
        return {}
    records, kept = {}, []
    for line in path.read_text().splitlines(keepends=True):
        try:
            record = json.loads(line) if line.endswith('\n') else None
        except json.JSONDecodeError:
            record = None
        if isinstance(record, dict) and 'index' in record:
            records[record['index']] = record
            kept.append(line)
    write_atomically(path, ''.join(kept))
    return records


def _claim(root: Path, manifest: dict, overwrite: bool) -> None:
    """Make ``root`` the folder of this manifest, or raise an error with the reason."""
    path = check_output(MANIFEST, folder=root)
    if not path.is_file():
        # A run killed while it wrote the manifest leaves the partial file: still our folder.
        if root.is_dir() and not all(map(is_interrupted_write, root.iterdir())):
            raise FileExistsError(
                f'{root} is not empty and has no {MANIFEST}: choose an empty or new folder'
            )
    else:
        present = _read_manifest(path)
        # The order of the splits counts: running numbers follow it.
        if present == manifest and list(present['splits']) == list(manifest['splits']):
            return
        if not overwrite:
            raise FileExistsError(
                f'{root} contains other synthetic scenes ({_differences(present, manifest)}). '
                'Choose another folder, or overwrite it (--overwrite).'
            )
        _remove(root, present)
    write_atomically(path, json.dumps(manifest, indent=2) + '\n')


def _read_manifest(path: Path) -> dict:
    try:
        present = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError):
        present = None
    if not isinstance(present, dict) or present.get('format') != _FORMAT:
        raise FileExistsError(
            f'{path} is not the manifest of a synthetic dataset: choose another folder'
        )
    return present


def _differences(present: dict, wanted: dict) -> str:
    def flat(manifest: dict) -> dict:
        nested = manifest.get('config', {})
        return {**{k: v for k, v in manifest.items() if k != 'config'}, **nested}

    old, new = flat(present), flat(wanted)
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return ', '.join(f'{key} {old.get(key)} there, {new.get(key)} requested' for key in keys)


def _remove(root: Path, manifest: dict) -> None:
    """Delete the files that ``manifest`` describes and nothing else, the manifest last."""
    splits, layout = manifest['splits'], manifest['layout']
    paths = [Path(p) for i in dataset_items(splits, layout) for p in (i.image, i.mask)]
    lists = WRITTEN_LAYOUTS[layout].lists
    if lists is not None:
        paths += [Path(lists) / f'{name}.txt' for name in [*splits, 'trainval']]
    paths += [Path(_journal(root, split).name) for split in splits]
    for path in [*paths, Path(MANIFEST)]:
        check_output(path, folder=root).unlink(missing_ok=True)
    for folder in sorted(
        {p.parent for p in paths} | {p.parent.parent for p in paths}, reverse=True
    ):
        if folder != Path('.') and (root / folder).is_dir() and not any((root / folder).iterdir()):
            (root / folder).rmdir()


def _write_lists(root: Path, items: list[Item], splits: Mapping[str, int], layout: str) -> None:
    folder = WRITTEN_LAYOUTS[layout].lists
    if folder is None:
        return
    names = {split: [item.name for item in items if item.split == split] for split in splits}
    if {'train', 'val'} <= set(splits):
        names['trainval'] = names['train'] + names['val']
    for split, lines in names.items():
        text = ''.join(f'{line}\n' for line in lines)
        write_atomically(check_output(Path(folder) / f'{split}.txt', folder=root), text)
