"""One run in shards, from the list of images to complete tables."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmirstd.inference.sources import Source
from mmirstd.io.outputs.atomic import remove_interrupted_writes
from mmirstd.io.outputs.folder import OutputFolder, read_header
from mmirstd.io.outputs.guard import StrPath
from mmirstd.parallel.merge import Merger
from mmirstd.parallel.parts import part_file
from mmirstd.parallel.shards import Shard, describe_images, divide, shard_size
from mmirstd.reporting.writers import picture_files

Execute = Callable[[Sequence[Shard]], Iterator[Shard]]
"""Processes shards and yields each when it is finished."""


def plan(
    folder: StrPath,
    sources: Sequence[Source],
    *,
    workers: int,
    batch_size: int,
    settings: Mapping[str, Any],
    resume: bool,
) -> tuple[dict[str, Any], list[Shard]]:
    """Divide the images into shards, and describe everything that the results depend on.

    Args:
        folder: The folder of results; an earlier run there determines the size of shards.
        sources: All images, in files.
        workers: Number of workers.
        batch_size: Images per batch of the model.
        settings: Everything else that results depend on, as plain values.
        resume: Whether to continue an earlier run, possibly with more or fewer workers.

    Returns:
        The job for the record of the run, and the shards.
    """
    size = shard_size(len(sources), workers, batch_size)
    if resume:
        earlier = (read_header(folder) or {}).get('job', {}).get('shard_size')
        if isinstance(earlier, int) and earlier > 0 and earlier % batch_size == 0:
            size = earlier
    job = {
        **settings,
        'number of images': len(sources),
        'names, sizes and times of the images': describe_images(sources),
        'batch_size': batch_size,
        'shard_size': size,
    }
    return job, divide(sources, size)


def run_shards(
    files: OutputFolder,
    shards: Sequence[Shard],
    merger: Merger,
    execute: Execute,
    *,
    formats: Sequence[str],
    parts: str | None = None,
) -> None:
    """Process the unfinished shards, and append everything to the tables.

    Args:
        files: The folder of results, as an entered context manager.
        shards: All shards.
        merger: Appends to the tables.
        execute: Processes shards; may stop before all are finished.
        formats: Outputs for each image.
        parts: Format of the parts of the table, if they are written.
    """
    for shard in shards:
        _record(files, shard, formats, parts)
    merger.advance()
    missing = [shard for shard in shards if not merger.has(shard)]
    if missing:
        for _ in execute(missing):
            merger.advance()


def clean_up(folder: StrPath, shards: Sequence[Shard], formats: Sequence[str]) -> None:
    """Remove files that only an unfinished run needs, and those that killed workers have left."""
    folder = Path(folder)
    for shard in shards:
        (folder / shard.file).unlink(missing_ok=True)
    own = {Path(file).parts[0] for _, file in picture_files('', formats)}
    for name in (*own, Path(shards[0].file).parts[0], Path(part_file(shards[0], 'csv')).parts[0]):
        remove_interrupted_writes(folder / name, recursive=True)
    with contextlib.suppress(OSError):
        (folder / shards[0].file).parent.rmdir()


def _record(files: OutputFolder, shard: Shard, formats: Sequence[str], parts: str | None) -> None:
    """Add all files of a shard to the record before they are written."""
    files.path(shard.file)
    if parts is not None:
        files.path(part_file(shard, parts))
    for name, _, _ in shard.places:
        for _, relative in picture_files(name, formats):
            files.path(relative)
