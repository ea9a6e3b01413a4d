"""Workers on the machines of a Ray cluster, managed by Ray Data.

Only numbers of shards are sent through Ray. Images are read from folders that all machines see
under the same path, and results are written to such folders.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mmirstd.parallel.pool import portable_error
from mmirstd.parallel.shards import Shard
from mmirstd.parallel.work import Job, ShardWorker

LOCAL = 'local'
"""Address that starts a cluster on this machine, only for this run."""

_STORE_BYTES = 200 * 2**20  # of a local cluster, through which nothing large is sent
_MOST_BLOCKS = 1000


def import_ray() -> Any:
    """The package ray with Ray Data.

    Raises:
        ImportError: It is not installed; the message says how to install it.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError(f"--ray needs Ray Data: pip install 'mmirstd[ray]' ({error})") from error
    return ray


class _ShardActor:
    """A worker of Ray Data."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._worker: ShardWorker | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Process shards; errors are returned as text, because Ray would repeat or wrap them."""
        indices, errors = [], []
        for text in batch['shard']:
            shard = Shard.from_json(str(text))
            error = None
            try:
                if self._worker is None:
                    os.chdir(self._job.working_dir)
                    self._worker = ShardWorker(self._job)
                self._worker.process(shard)
            except Exception as raised:
                error = portable_error(raised)
            indices.append(shard.index)
            errors.append('' if error is None else str(error) or type(error).__name__)
        return {'index': indices, 'error': errors}


def run_ray(
    job: Job,
    shards: Sequence[Shard],
    workers: int | None,
    *,
    address: str = LOCAL,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Shard]:
    """Process shards with actors of Ray Data, which are replaced if they are killed.

    Args:
        job: The job of the workers; the folder must be the same on all machines.
        shards: Shards to process.
        workers: Number of actors, one CPU each; None for the number of CPUs.
        address: Address of the cluster, as for ``ray.init``, or `LOCAL`.
        is_stopped: Called after each shard.

    Yields:
        Finished shards.

    Raises:
        ImportError: Ray is not installed.
        OSError: The cluster cannot be reached, or has lost its workers permanently.
        ValueError: A worker has failed, for instance because the model cannot be loaded.
    """
    ray = import_ray()
    _connect(ray, address, workers)
    try:
        count = workers or int(ray.cluster_resources().get('CPU', 1))
        logging.getLogger('ray.data').setLevel(logging.ERROR)  # we have our own progress bar
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = False
        rows = [{'shard': shard.to_json()} for shard in shards]
        finished = ray.data.from_items(
            rows, override_num_blocks=min(len(rows), _MOST_BLOCKS)
        ).map_batches(
            _ShardActor,
            fn_constructor_args=(job,),
            batch_size=1,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=max(1, min(count, len(rows)))),
        )
        by_index = {shard.index: shard for shard in shards}
        with _explained(ray):
            for row in finished.iter_rows():
                if row['error']:
                    raise ValueError(row['error'])
                yield by_index[row['index']]
                if is_stopped():
                    return
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str, workers: int | None) -> None:
    options: dict[str, Any] = {'log_to_driver': False, 'logging_level': logging.ERROR}
    if address == LOCAL:
        options |= {
            'num_cpus': workers,
            'object_store_memory': _STORE_BYTES,
            'include_dashboard': False,
        }
    try:
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise OSError(f'--ray {address}: the cluster cannot be reached: {error}') from error


@contextlib.contextmanager
def _explained(ray: Any) -> Iterator[None]:
    try:
        yield
    except ray.exceptions.RayError as error:
        raise OSError(
            f'Ray has given up: {error}. Finished images are kept: --resume continues'
        ) from error
