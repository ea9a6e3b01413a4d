"""Append the results of shards to tables and lists, in the order of the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmirstd.inference.sources import Source, sources_of_files
from mmirstd.io.outputs.guard import StrPath
from mmirstd.parallel.shards import Shard, read_results
from mmirstd.reporting.writers import DetectionWriter


class Merger:
    """Appends each finished shard as soon as all earlier shards are finished.

    Args:
        folder: The folder of results.
        shards: All shards, in order.
        writer: Receives every image.
        on_error: 'raise', or a function that receives every unusable image; see `Detector.stream`.
        tell: Receives the warnings about the first usable image.

    Attributes:
        images: Number of images appended so far.
        targets: Number of their targets.
        on_entry: Called with each image after it was written.
    """

    def __init__(
        self,
        folder: StrPath,
        shards: Sequence[Shard],
        writer: DetectionWriter,
        *,
        on_error: str | Callable[[Source, Exception], None],
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.images = self.targets = 0
        self.on_entry: Callable[[Mapping[str, Any]], None] = lambda entry: None
        self._folder = folder
        self._shards = shards
        self._writer = writer
        self._on_error = on_error
        self._tell = tell
        self._next = 0
        self._fingerprint: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all shards were appended."""
        return self._next == len(self._shards)

    def advance(self) -> None:
        """Append all shards that can be appended.

        Raises:
            ValueError: An image is unusable and ``on_error`` is 'raise', the range of values does
                not suit the first image, or a shard was made with another model.
            OSError: The disk is full; the message names the file.
        """
        while not self.is_complete and self.has(self._shards[self._next]):
            self._append(self._shards[self._next])
            self._next += 1

    def has(self, shard: Shard) -> bool:
        """Whether a shard is finished."""
        return (Path(self._folder) / shard.file).is_file()

    def _append(self, shard: Shard) -> None:
        header, *lines = read_results(self._folder, shard)
        self._check_model(shard, header['fingerprint'])
        for place, line in zip(shard.places, lines, strict=True):
            if 'entry' not in line:
                error = ValueError(line['skipped'])
                if not callable(self._on_error) or (line['unfit'] and not self.images):
                    raise error
                (source,) = sources_of_files([place])
                self._on_error(source, error)
                continue
            entry = line['entry']
            if not self.images:
                for text in header['told']:
                    self._tell(text)
            self._writer.add(entry)
            self.on_entry(entry)
            self.images += 1
            self.targets += len(entry['targets'])

    def _check_model(self, shard: Shard, fingerprint: str) -> None:
        if self._fingerprint is None:
            self._fingerprint = fingerprint
        elif fingerprint != self._fingerprint:
            raise ValueError(
                f'{self._folder}/{shard.file} was made with another model, other weights or other '
                'options than the earlier shards. Continue with those of the first run, or '
                'replace the results with --overwrite'
            )
