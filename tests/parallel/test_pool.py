"""Who gets the work of a worker that ends."""

import multiprocessing
from types import SimpleNamespace

import pytest

from mmirstd.parallel import pool as module
from mmirstd.parallel.shards import Shard


def test_an_idle_worker_takes_over_from_one_that_ends(monkeypatch):
    """The second worker is finished, and no shard waits, when the first one is killed."""
    ends = []

    class Worker(module._Worker):
        def __init__(self, job):
            self.pipe, theirs = multiprocessing.Pipe()
            self.process = SimpleNamespace(exitcode=-9, join=lambda: None)
            self.shard, self.image, self.is_ready = None, '', False
            theirs.send(('ready', None))
            ends.append(theirs)

    monkeypatch.setattr(module, '_Worker', Worker)
    shards = [Shard(index=k, places=((f'{k}.png', 0),)) for k in range(2)]
    looks = 0

    def is_stopped():
        nonlocal looks
        looks += 1
        if looks > 50:
            pytest.fail('the shard of the worker that ended was not given to another')
        return False

    finished = module._Pool(None, shards, 2, lambda shard, name: None).run(is_stopped)
    # Both have got their shards when the first message of the second is handled.
    monkeypatch.setattr(module, '_PATIENCE', 0.01)

    def answer(place):
        given = Shard.from_json(ends[place].recv())
        ends[place].send(('done', None))
        return given.index

    answered = []

    def listen(self, worker, original=module._Pool._listen):
        result = original(self, worker)
        if all(each.shard is not None for each in self._workers) and len(ends) == 2:
            if not answered:
                answered.append(answer(1))
        elif result is not None and len(answered) == 1:
            ends[0].close()  # killed
            answered.append('killed')
        elif answered and answered[-1] == 'killed' and len(self._workers) == 1:
            answered.append('buried')
        return result

    monkeypatch.setattr(module._Pool, '_listen', listen)

    def give(self, shard, original=module._Worker.give):
        original(self, shard)
        if 'buried' in answered:
            answered.append(answer(-1))

    monkeypatch.setattr(Worker, 'give', give)
    assert sorted(shard.index for shard in finished) == [0, 1]
    assert answered[1:3] == ['killed', 'buried']
    assert len(ends) == 2  # no third worker was needed
