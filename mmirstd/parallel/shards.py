"""Dividing a list of images into shards, and the file with the results of one shard."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmirstd.inference.sources import Source
from mmirstd.io.hashing import digest_of
from mmirstd.io.outputs.atomic import write_atomically
from mmirstd.io.outputs.guard import StrPath

FOLDER = 'shards'
"""Subfolder of the results with the files of finished shards, until the run is complete."""

MOST_IMAGES = 64
"""Largest number of images in a shard, which a worker repeats after a kill."""

_SHARDS_PER_WORKER = 4  # so that no worker waits long for the last one

Place = tuple[str, str, 'int | None']
"""Name, path and frame of a source."""


@dataclass(frozen=True)
class Shard:
    """Consecutive images of the list.

    Attributes:
        index: Running number from 0.
        places: Its images, see `mmirstd.inference.sources.sources_of_files`.
    """

    index: int
    places: tuple[Place, ...]

    @property
    def file(self) -> str:
        """Path of its results, relative to the folder of results."""
        return f'{FOLDER}/{self.index:06d}.jsonl'

    def to_json(self) -> str:
        """The shard as text, even if names of files are not valid Unicode."""
        return json.dumps([self.index, self.places])

    @classmethod
    def from_json(cls, text: str) -> Shard:
        """The shard from the text of :meth:`to_json`."""
        index, places = json.loads(text)
        return cls(index, tuple(map(tuple, places)))


def shard_size(images: int, workers: int, batch_size: int) -> int:
    """Images per shard: at most `MOST_IMAGES`, several shards per worker, complete batches."""
    size = max(1, min(MOST_IMAGES, images // (workers * _SHARDS_PER_WORKER)))
    return -(-size // batch_size) * batch_size


def divide(sources: Sequence[Source], size: int) -> list[Shard]:
    """Divide a list of sources in files into shards of ``size`` images."""
    places = [(source.name, str(source.path), source.frame) for source in sources]
    starts = range(0, len(places), size)
    return [Shard(k, tuple(places[s : s + size])) for k, s in enumerate(starts)]


def describe_images(sources: Sequence[Source]) -> str:
    """Digest of names, paths, sizes and modification times of all images."""
    facts = []
    for source in sources:
        try:
            status = os.stat(source.path)
            version = [status.st_size, status.st_mtime_ns]
        except OSError:  # reading the image will report it
            version = [-1, -1]
        facts.append([source.name, os.path.abspath(source.path), source.frame, *version])
    return digest_of(facts)


def write_results(
    folder: StrPath, shard: Shard, fingerprint: str, told: list[str], lines: list[dict[str, Any]]
) -> None:
    """Write the results of a shard: all of them, or no file.

    Args:
        folder: The folder of results.
        shard: The shard.
        fingerprint: Fingerprint of the detector.
        told: Warnings about the first image.
        lines: One for each image in order: ``{'entry': ...}`` or ``{'skipped': ...}``.
    """
    header = {'shard': shard.index, 'fingerprint': fingerprint, 'told': told}
    text = ''.join(json.dumps(line) + '\n' for line in (header, *lines))
    write_atomically(Path(folder) / shard.file, text, sync=False)


def read_results(folder: StrPath, shard: Shard) -> Iterator[dict[str, Any]]:
    """The header and then the line of each image, see :func:`write_results`.

    Raises:
        ValueError: The file is damaged or belongs to other images.
        FileNotFoundError: The shard is not finished.
    """
    path = Path(folder) / shard.file
    with path.open(encoding='utf-8') as file:
        try:
            lines = [json.loads(line) for line in file]
        except ValueError as error:
            raise ValueError(f'{path} is damaged: {error}. Remove it and use --resume') from error
    if len(lines) != 1 + len(shard.places) or lines[0].get('shard') != shard.index:
        raise ValueError(f'{path} is damaged or belongs to another run. Remove it and use --resume')
    yield from lines
