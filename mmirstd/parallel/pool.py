"""Workers on this machine: one process each, which is replaced if it is killed."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait

from mmirstd.io.threads import usable_cores
from mmirstd.parallel.shards import Shard
from mmirstd.parallel.work import Job, ShardWorker
from mmirstd.stack import StackError

MOST_DEATHS = 3
"""The run fails after this many workers end on one shard, or before their model is loaded."""

_PATIENCE = 0.2  # seconds between two checks whether to stop
_THREAD_VARIABLES = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS')


class WorkersEndedError(OSError):
    """Workers repeatedly end or are killed."""


class WorkerFaultError(RuntimeError):
    """A worker has failed unexpectedly; the message is its traceback."""


def threads_per_worker(workers: int) -> int:
    """An equal share of the CPU cores that this process may use, at least one."""
    limit = os.environ.get('OMP_NUM_THREADS', '')
    share = max(1, usable_cores() // workers)
    return min(share, int(limit)) if limit.isdigit() and int(limit) else share


def run_pool(
    job: Job,
    shards: Sequence[Shard],
    workers: int,
    *,
    is_stopped: Callable[[], bool] = lambda: False,
    on_image: Callable[[Shard, str], None] = lambda shard, name: None,
) -> Iterator[Shard]:
    """Process shards with worker processes.

    Args:
        job: The job of the workers.
        shards: Shards to process.
        workers: Number of processes.
        is_stopped: Called several times a second; the workers are ended when it returns True.
        on_image: Called with a shard and the name of each image that a worker starts.

    Yields:
        Finished shards.

    Raises:
        WorkersEndedError: `MOST_DEATHS` workers ended on one shard or while loading the model.
        Exception: An exception of a worker, such as a ValueError about the model.
    """
    pool = _Pool(job, shards, workers, on_image)
    try:
        yield from pool.run(is_stopped)
    finally:
        pool.close()


class _Worker:
    """A process, and the shard that it works on."""

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context('spawn')
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(job, theirs), daemon=True)
        with _environment({name: str(job.threads) for name in _THREAD_VARIABLES}):
            self.process.start()
        theirs.close()
        self.shard: Shard | None = None
        self.image = ''
        self.is_ready = False

    def give(self, shard: Shard) -> None:
        self.shard, self.image = shard, ''
        with contextlib.suppress(OSError):  # the end of the process is handled elsewhere
            self.pipe.send(shard.to_json())


class _Pool:
    def __init__(
        self,
        job: Job,
        shards: Sequence[Shard],
        workers: int,
        on_image: Callable[[Shard, str], None],
    ) -> None:
        self._job = job
        self._on_image = on_image
        self._waiting = deque(shards)
        self._deaths: Counter[int] = Counter()
        self._failed_starts = 0
        self._workers: list[_Worker] = []
        self._wanted = min(workers, len(shards))

    def run(self, is_stopped: Callable[[], bool]) -> Iterator[Shard]:
        while True:
            for worker in self._workers:  # one may have run out of work before another ended
                if worker.is_ready and worker.shard is None and self._waiting:
                    worker.give(self._waiting.popleft())
            busy = sum(worker.shard is not None for worker in self._workers)
            if is_stopped() or not (busy or self._waiting):
                return
            while len(self._workers) < min(self._wanted, busy + len(self._waiting)):
                self._workers.append(_Worker(self._job))
            ready = wait([worker.pipe for worker in self._workers], timeout=_PATIENCE)
            for worker in [worker for worker in self._workers if worker.pipe in ready]:
                finished = self._listen(worker)
                if finished is not None:
                    yield finished

    def _listen(self, worker: _Worker) -> Shard | None:
        """Handle one message and return the shard that it reports as finished, or None."""
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return None
        if kind == 'error':
            raise content
        if kind == 'image':
            worker.image = content
            self._on_image(worker.shard, content)
            return None
        finished, worker.shard = worker.shard, None  # None after loading the model
        worker.is_ready = True
        if self._waiting:
            worker.give(self._waiting.popleft())
        return finished

    def _bury(self, worker: _Worker) -> None:
        """Reassign the shard of a worker that has ended."""
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        how = _describe_end(worker.process.exitcode)
        if worker.shard is not None:
            self._waiting.appendleft(worker.shard)
            self._deaths[worker.shard.index] += 1
            if self._deaths[worker.shard.index] >= MOST_DEATHS:
                raise WorkersEndedError(
                    f'{MOST_DEATHS} worker processes ended on the same images, the last one {how} '
                    f'at {worker.image or worker.shard.places[0][0]}. Is there enough memory for '
                    'this many workers? Leave the image out, or use fewer --workers'
                )
        elif not worker.is_ready:
            self._failed_starts += 1
            if self._failed_starts >= MOST_DEATHS:
                raise WorkersEndedError(
                    f'{MOST_DEATHS} worker processes ended before their model was loaded, the last '
                    f'one {how}. Is there enough memory for this many workers?'
                )

    def close(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()
        self._workers.clear()


def _describe_end(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f'by {signal.Signals(-code).name}'
    return f'with exit code {code}'


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables for processes that start within the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _work(job: Job, pipe: Connection) -> None:
    """Main function of a worker process."""
    # Ctrl-C reaches the whole group of processes, but only the first one decides what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Only the first process writes to the screen.
    sys.stdout = sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), 'w')
    try:
        worker = ShardWorker(job)
        pipe.send(('ready', None))
        while True:
            shard = Shard.from_json(pipe.recv())
            worker.process(shard, lambda name: pipe.send(('image', name)))
            pipe.send(('done', None))
    except (EOFError, BrokenPipeError):
        return
    except Exception as error:
        with contextlib.suppress(OSError):
            pipe.send(('error', portable_error(error)))


def _end_with_parent() -> None:
    """End this process together with its parent, even if the parent is killed."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def portable_error(error: Exception) -> Exception:
    """An error that can be raised in another process, with its traceback if it is unexpected."""
    for kind in (ValueError, OSError, ImportError, StackError):
        if isinstance(error, kind):
            return kind(str(error))
    if isinstance(error, KeyError) and error.args:
        return KeyError(str(error.args[0]))
    return WorkerFaultError(''.join(traceback.format_exception(error)))
