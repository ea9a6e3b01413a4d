"""Running MMSegmentation's own train.py and test.py in this process, with a quiet terminal."""

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
    """Add what training and test share: folder, changes of the config, processes, output."""
    add = parser.add_argument
    add('--work-dir', metavar='DIR', help='folder for results (work_dirs/NAME)')
    add(
        '--cfg-options',
        nargs='+',
        metavar='KEY=VALUE',
        help='change the config, for example train_dataloader.batch_size=4',
    )
    # Not called --gpus: mim looks for that word in the help and would add the option by itself.
    add(
        '--processes',
        type=int,
        metavar='N',
        help='start N processes on this machine, one for each GPU',
    )
    add(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='what has started this process as one of several',
    )
    add('--verbose', action='store_true', help="show all of MMEngine's log lines")
    add('--local-rank', '--local_rank', type=int, default=0, help=argparse.SUPPRESS)


def run_mmseg(name: str, args: argparse.Namespace, words: Sequence[str]) -> int:
    """Run MMSegmentation's tool on a config with the shared arguments.

    Args:
        name: ``'train'`` or ``'test'``.
        args: With ``config``, perhaps ``checkpoint``, and the arguments of
            :func:`add_run_arguments`.
        words: The options that only this tool has.

    Returns:
        The exit code. Errors are printed in one paragraph; the log file has the traceback.
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
    if args.processes is not None:
        return _start_processes(name, args, words)
    if args.work_dir is not None:
        words += ['--work-dir', args.work_dir]
    words += ['--launcher', args.launcher, '--local-rank', str(args.local_rank)]
    if args.cfg_options:
        words += ['--cfg-options', *args.cfg_options]
    console = Console(stderr=True)
    try:
        with _quiet(args.verbose, console):
            from mmirstd.configs import know_config_scope
            from mmirstd.stack import mmseg_tool, run_mmseg_tool

            know_config_scope()

            with mock.patch.object(sys, 'argv', [str(mmseg_tool(name)), *words]):
                run_mmseg_tool(name)
    except KeyboardInterrupt:
        console.print('stopped by SIGINT; files that were complete are kept')
        return 128 + signal.SIGINT
    except Exception as error:  # configs and models can raise anything
        log = None if args.verbose else _log_traceback()
        if args.verbose or (log is None and not isinstance(error, EXPECTED_ERRORS)):
            raise
        print_error(error, console)
        if log is not None:
            console.print(f'the traceback is in {log}', markup=False, soft_wrap=True)
        return FAILED
    return OK


def _start_processes(name: str, args: argparse.Namespace, words: Sequence[str]) -> int:
    command = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    command += ['--nproc-per-node', str(args.processes), '-m', 'mmirstd', name, *words]
    command += ['--launcher', 'pytorch']
    if args.work_dir is not None:
        command += ['--work-dir', args.work_dir]
    if args.verbose:
        command.append('--verbose')
    if args.cfg_options:
        command += ['--cfg-options', *args.cfg_options]
    return subprocess.run(command, check=False).returncode


@contextlib.contextmanager
def _quiet(verbose: bool, console: Console) -> Iterator[None]:
    """Let the tool build a :class:`mmirstd.engine.runner.QuietRunner`, unless told otherwise."""
    if verbose:
        os.environ['MMIRSTD_VERBOSE'] = '1'
        yield
        return
    restore = load_libraries(console)
    import mmengine.runner

    from mmirstd.engine.runner import QuietRunner

    try:
        # The tools do `from mmengine.runner import Runner`.
        with mock.patch.object(mmengine.runner, 'Runner', QuietRunner):
            yield
    finally:
        restore()


def _log_traceback() -> str | None:
    """Write the current traceback to the log file of the run; returns its name, if there is one."""
    hold(traceback.format_exc())
    return log_file()
