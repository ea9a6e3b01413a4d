import io
import sys

import numpy as np

from mmirstd.cli.messages import SkippedImages, first_of_each_reason, reason_of
from mmirstd.cli.stopping import run_tool
from mmirstd.inference.sources import Source


def test_a_reason_has_no_names_and_numbers():
    assert reason_of('/a/b/7.png: has 3 of 12 pixels') == 'has N of N pixels'
    assert reason_of('clip [frame 3]: dark', 'clip [frame 3]') == 'dark'


def test_the_first_of_each_reason():
    messages = [f'x/{k}.png: empty' for k in range(5)] + ['x/9.png: torn']
    shown = list(first_of_each_reason(messages, 2))
    assert shown == [
        'x/0.png: empty', 'x/1.png: empty', 'x/9.png: torn',
        '3 more files for the same reason: empty',
    ]  # fmt: skip


def test_skipped_images():
    said = []
    skipped = SkippedImages(said.append)
    for k in range(7):
        source = Source(f'f_{k}', None, None, lambda: np.zeros(1))
        skipped(source, ValueError(f'f_{k}: the value {k} is odd'))
    skipped(source, ValueError('another reason'))
    skipped.finish()
    assert skipped.count == 8
    assert said == [
        'f_0: the value 0 is odd', 'f_1: the value 1 is odd', 'f_2: the value 2 is odd',
        'f_6: another reason',
        '4 more images for the same reason: the value N is odd',
    ]  # fmt: skip


def test_names_that_the_terminal_cannot_show_end_no_program(monkeypatch):
    content = io.BytesIO()
    monkeypatch.setattr(sys, 'stdout', io.TextIOWrapper(content, 'utf-8'))
    assert run_tool(lambda: print('\udcff.png') or 0) == 0
    sys.stdout.flush()
    assert content.getvalue() == b'\\udcff.png\n'
