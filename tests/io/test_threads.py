"""Work on several cores with results in order."""

import threading
import time
from itertools import count

import cv2
import pytest
from PIL import Image

from mmirstd.io.images.quiet import quiet_decoders
from mmirstd.io.threads import map_in_order, usable_cores


@pytest.mark.parametrize('workers', [1, 3])
def test_results_come_in_order(workers: int) -> None:
    def work(number: int) -> int:
        time.sleep(0.002 * (number % 3 == 0))
        return number * number

    assert list(map_in_order(work, range(40), workers=workers)) == [n * n for n in range(40)]


def test_several_run_at_once() -> None:
    together = threading.Barrier(3, timeout=20)
    assert len(list(map_in_order(lambda _: together.wait(), range(3), workers=3))) == 3


def test_no_more_is_read_than_a_few_ahead() -> None:
    read = []
    results = map_in_order(lambda n: n, (read.append(n) or n for n in count()), workers=2)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(read) < 12
    results.close()


def test_an_error_comes_when_its_turn_comes() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise ValueError('bad file')
        return number

    results = map_in_order(work, range(100), workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match='bad file'):
        next(results)


def test_cores_are_those_that_the_process_may_use() -> None:
    assert usable_cores() >= 1


def test_several_threads_decode_at_once_and_leave_the_settings_as_they_were() -> None:
    before = cv2.utils.logging.getLogLevel(), Image.MAX_IMAGE_PIXELS
    together = threading.Barrier(3, timeout=20)

    def work(number: int) -> tuple:
        with quiet_decoders():
            together.wait()  # all are inside
            time.sleep(0.01 * number)
            return cv2.utils.logging.getLogLevel(), Image.MAX_IMAGE_PIXELS

    inside = set(map_in_order(work, range(3), workers=3))
    assert inside == {(cv2.utils.logging.LOG_LEVEL_SILENT, None)}
    assert (cv2.utils.logging.getLogLevel(), Image.MAX_IMAGE_PIXELS) == before
