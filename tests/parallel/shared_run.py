"""Runs of the bright detector in shards, to compare with what one process leaves."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from bright_model import scene

SCRIPT = Path(__file__).resolve().parents[1] / 'bright_detect.py'
FORMATS = ('mask', 'probability', 'overlay', 'csv', 'json', 'coco')
RECORD = 'mmirstd_run.jsonl'


def write_images(folder, count):
    """``count`` images, a sequence of five pages, and one broken file in the middle."""
    folder.mkdir()
    for k in range(count):
        image = scene(targets=[(20, 10 + k % 40)])
        cv2.imwrite(str(folder / f'{k:04d}.png'), image - (image > 0) * np.uint8(k * 7919 % 97))
    cv2.imwritemulti(str(folder / f'{count // 2:04d}_pages.tif'), [scene() for _ in range(5)])
    (folder / f'{count // 2:04d}_broken.png').write_bytes(b'nothing')
    return folder


def start(images, out, *words, pause=0.0):
    command = [sys.executable, str(SCRIPT), str(pause), str(images), '--out', str(out)]
    return subprocess.Popen(
        [*command, '--write', *FORMATS, *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process, timeout=300):
    _, said = process.communicate(timeout=timeout)
    return process.returncode, ' '.join(said.split())


def run(images, out, *words, pause=0.0, timeout=300):
    return end(start(images, out, *words, pause=pause), timeout)


def tree(folder):
    """Content of all files below a folder, except for the record."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file() and path.name != RECORD
    }


def wait_for(out, pattern, count, process):
    while len(list(out.glob(pattern))) < count:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)


def descendants(pid, word):
    """Processes below a process whose command line contains a word."""
    found = []
    for task in Path(f'/proc/{pid}/task').glob('*'):
        try:
            children = (task / 'children').read_text().split()
        except OSError:
            continue
        for child in children:
            try:
                command = Path(f'/proc/{child}/cmdline').read_bytes().decode()
            except OSError:
                continue
            if word in command:
                found.append(int(child))
            found += descendants(child, word)
    return found


def workers_of(process):
    return descendants(process.pid, 'spawn_main')


def kill_one_worker(process):
    victim = workers_of(process)[0]
    os.kill(victim, signal.SIGKILL)
    return victim


def is_alive(pid):
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def write_value(path, value, dtype=np.uint8):
    cv2.imwrite(str(path), np.full((16, 16), value, dtype))
