"""Running MMSegmentation's train.py and test.py in this process, with a quiet terminal."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from unittest import mock

from rich.console import Console

from mmirstd.cli.terminal import EXPECTED_ERRORS, FAILED, OK, load_libraries, print_error
from mmirstd.io.held_warnings import hold, hold_warnings, log_file


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that training and test share."""
    add = parser.add_argument
    add('--work-dir', metavar='DIR', help='folder for results (work_dirs/NAME)')
    options = 'change the config, for example train_dataloader.batch_size=4'
    add('--cfg-options', nargs='+', metavar='KEY=VALUE', help=options)
    # Not called --gpus: mim would find that word in the help and add its own option.
    processes = 'start N processes on this machine, one per GPU'
    add('--processes', type=int, metavar='N', help=processes)
    add(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='program that started this process as one of several (none)',
    )
    add('--verbose', action='store_true', help="show all of MMEngine's log lines")
    add('--local-rank', '--local_rank', type=int, default=0, help=argparse.SUPPRESS)


def run_mmseg(name: str, args: argparse.Namespace, words: Sequence[str]) -> int:
    """Run MMSegmentation's tool on a config with the shared arguments.

    Args:
        name: ``'train'`` or ``'test'``.
        args: ``config``, for a test ``checkpoint``, and those of :func:`add_run_arguments`.
        words: The options that only this tool has.

    Returns:
        The exit code. Errors are printed in one paragraph; the log file has their traceback.
    """
    if not args.verbose:
        hold_warnings()  # before MMCV is imported
    from mmirstd.inference.configs import find_config

    try:
        files = [str(find_config(args.config))]
    except EXPECTED_ERRORS as error:
        print_error(error)
        return FAILED
    if 'checkpoint' in args:
        files.append(args.checkpoint)
    return _run(name, args, [*files, *words])


def _run(name: str, args: argparse.Namespace, words: list[str]) -> int:
    """Run the tool on files and options, in this process or in several."""
    if args.work_dir is not None:
        words += ['--work-dir', args.work_dir]
    if args.cfg_options:
        words += ['--cfg-options', *args.cfg_options]
    if args.processes is not None:
        start = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
        start += ['--nproc-per-node', str(args.processes), '-m', 'mmirstd', name]
        words += ['--launcher', 'pytorch', *(['--verbose'] if args.verbose else [])]
        return subprocess.run([*start, *words], check=False).returncode
    words += ['--launcher', args.launcher, '--local-rank', str(args.local_rank)]
    console = Console(stderr=True)
    try:
        with _quiet(args.verbose):
            from mmirstd.configs import know_config_scope
            from mmirstd.stack import mmseg_tool, run_mmseg_tool

            know_config_scope()

            with mock.patch.object(sys, 'argv', [str(mmseg_tool(name)), *words]):
                run_mmseg_tool(name)
    except KeyboardInterrupt:
        console.print('stopped by SIGINT; complete files are kept')
        return 128 + signal.SIGINT
    except Exception as error:  # configs and models can raise anything
        if args.verbose:
            raise
        hold(traceback.format_exc())
        log = log_file()
        if log is None and not isinstance(error, EXPECTED_ERRORS):
            raise
        print_error(error)
        if log is not None:
            console.print(f'the traceback is in {log}', markup=False, soft_wrap=True)
        return FAILED
    return OK


@contextlib.contextmanager
def _quiet(verbose: bool) -> Iterator[None]:
    """Let the tool build a :class:`mmirstd.engine.runner.QuietRunner`, unless ``verbose``."""
    if verbose:
        os.environ['MMIRSTD_VERBOSE'] = '1'
        yield
        return
    load_libraries()
    import mmengine.runner

    from mmirstd.engine.runner import QuietRunner

    # The tools do `from mmengine.runner import Runner`.
    with mock.patch.object(mmengine.runner, 'Runner', QuietRunner):
        yield
