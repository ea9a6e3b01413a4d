"""The work of a worker: load the model once, then process one shard after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from mmirstd.datasets.intensity import IntensityRangeError
from mmirstd.inference.detector import Detector
from mmirstd.inference.frames.first_frame import tell_warnings
from mmirstd.inference.results import Detection
from mmirstd.inference.sources import Source, sources_of_files
from mmirstd.io.images.writing import write_image
from mmirstd.io.outputs.guard import check_output
from mmirstd.parallel.parts import part_file, write_part
from mmirstd.parallel.shards import Shard, write_results
from mmirstd.reporting.writers import describe, picture_files


@dataclass(frozen=True)
class Job:
    """The settings of all workers; can be pickled.

    Attributes:
        build: Loads the detector, given the number of threads.
        folder: The folder of results, the same for all workers.
        formats: Outputs, see `mmirstd.reporting.writers.FORMATS`.
        batch_size: Images or tiles per batch of the model.
        threads: Threads of one worker.
        parts: 'csv' or 'parquet' to also write the table of each shard; None for no parts.
        working_dir: Folder of relative paths.
        environment: Environment variables that each worker sets before it loads the model.
    """

    build: Callable[[int], Detector]
    folder: str
    formats: tuple[str, ...]
    batch_size: int = 1
    threads: int = 1
    parts: str | None = None
    working_dir: str = '.'
    environment: tuple[tuple[str, str], ...] = ()


class ShardWorker:
    """Processes shards; loads the model when it is created."""

    def __init__(self, job: Job) -> None:
        self.job = job
        os.environ.update(job.environment)
        cv2.setNumThreads(job.threads)
        self._detector = job.build(job.threads)
        self._fingerprint = self._detector.fingerprint()

    def process(self, shard: Shard, report: Callable[[str], None] = lambda name: None) -> None:
        """Write pictures and results of a shard, unless its results already exist.

        Args:
            shard: The images.
            report: Receives the name of each image before it is read.
        """
        if (Path(self.job.folder) / shard.file).exists():
            return
        sources = sources_of_files(shard.places)
        position = {source.name: k for k, source in enumerate(sources)}
        lines = {}

        def skip(source: Source, error: Exception) -> None:
            lines[position[source.name]] = {
                'skipped': str(error), 'unfit': isinstance(error, IntensityRangeError)
            }  # fmt: skip

        def reported() -> Iterator[Source]:
            for source in sources:
                report(source.name)
                yield source

        detector = self._detector.with_options()  # which has not warned of anything yet
        told: list[str] = []
        with tell_warnings(told.append, only=True):
            for detection in detector.stream(
                reported(),
                batch_size=self.job.batch_size,
                on_error=skip,
                strict_range=False,
            ):
                self._write_pictures(detection)
                entry = describe(detection, self.job.formats)
                lines[position[detection.source.name]] = {'entry': entry}
        ordered = [lines[k] for k in range(len(sources))]
        if self.job.parts is not None:
            entries = [line['entry'] for line in ordered if 'entry' in line]
            place = check_output(part_file(shard, self.job.parts), folder=self.job.folder)
            write_part(place, entries)
        check_output(shard.file, folder=self.job.folder)
        write_results(self.job.folder, shard, self._fingerprint, told, ordered)

    def _write_pictures(self, detection: Detection) -> None:
        own = (detection.source.path,)
        for what, relative in picture_files(detection.source.name, self.job.formats):
            place = check_output(relative, folder=self.job.folder, inputs=own)
            write_image(place, detection.picture(what))
