"""Print versions, devices and settings, for bug reports."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import mmirstd
from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import OK, OutputConsole, facts_table
from mmirstd.io.threads import usable_cores
from mmirstd.stack import FAMILIES, StackError, installed_family, installed_versions
from mmirstd.version import __version__
from mmirstd.wording import format_count

PACKAGES = (
    *(name for family in FAMILIES.values() for name in family),
    'onedl-mim', 'openmim', 'onedl-mmpretrain', 'torch', 'torchvision', 'timm', 'numpy', 'scipy',
    'opencv-python', 'opencv-python-headless', 'pillow', 'tifffile', 'onnx', 'onnxruntime',
    'onnxruntime-gpu', 'onnxscript', 'gradio', 'tensorboard', 'peft',
)  # fmt: skip
"""Distributions whose version matters."""

VARIABLES = (
    'CUDA_VISIBLE_DEVICES', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'PYTORCH_CUDA_ALLOC_CONF',
)  # fmt: skip
"""Environment variables that change results or speed, besides ``MMIRSTD_*``."""

CPU_FLAGS = ('avx', 'avx2', 'fma', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_tile', 'asimd')


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = make_parser('info', __doc__, '', '--json > info.json', codes=False)
    parser.add_argument('--json', action='store_true', help='print JSON')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the facts; returns the exit code."""
    args = build_parser().parse_args(argv)
    facts = collect()
    if args.json:
        print(json.dumps(facts, indent=2))
        return OK
    OutputConsole(highlight=False).print(facts_table(facts))
    return OK


def collect() -> dict[str, str]:
    """Name -> fact; works without PyTorch and with a broken installation."""
    facts = {
        'mmirstd': f'{__version__}, {Path(mmirstd.__file__).parent}',
        'python': f'{platform.python_version()}, {sys.executable}',
        'system': platform.platform(),
        'processor': _processor(),
        'memory': _memory(),
    }
    try:
        facts['family'] = installed_family()
    except StackError as error:
        facts['family'] = f'BROKEN: {error}'
    versions = installed_versions(PACKAGES)
    facts['packages'] = ', '.join(f'{name} {version}' for name, version in versions.items())
    facts |= _torch_facts()
    with suppress(ImportError):
        import onnxruntime

        facts['onnxruntime'] = ', '.join(onnxruntime.get_available_providers())
    for name in sorted(os.environ):
        if name in VARIABLES or name.startswith('MMIRSTD_'):
            facts[name] = os.environ[name]
    return facts


def _processor() -> str:
    name, flags = platform.processor() or platform.machine(), set()
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors='replace').splitlines():
            key, _, value = line.partition(':')
            if key.strip() == 'model name':
                name = value.strip()
            elif key.strip().lower() in ('flags', 'features'):
                flags = set(value.split())
                break
    known = [flag for flag in CPU_FLAGS if flag in flags]
    return f'{name}, {usable_cores()} of {format_count(os.cpu_count(), "core")} usable' + (
        f', {" ".join(known)}' if known else ''
    )


def _memory() -> str:
    try:
        total = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    except (AttributeError, ValueError, OSError):
        return 'unknown'
    return f'{total / 2**30:.1f} GiB'


def _torch_facts() -> dict[str, str]:
    try:
        import torch
    except (ImportError, OSError) as error:
        return {'torch': f'cannot be imported: {error}'}
    facts = {
        'torch': f'{torch.__version__}, built for CUDA {torch.version.cuda or "no"}, '
        f'{format_count(torch.get_num_threads(), "thread")}, CPU capability '
        f'{torch.backends.cpu.get_cpu_capability()}'
    }
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            gpu = torch.cuda.get_device_properties(index)
            facts[f'cuda:{index}'] = (
                f'{gpu.name}, {gpu.total_memory / 2**30:.1f} GiB, '
                f'compute capability {gpu.major}.{gpu.minor}'
            )
        facts['cudnn'] = str(torch.backends.cudnn.version())
    else:
        facts['cuda'] = 'no device'
    try:
        from mmcv import _ext  # noqa: F401

        facts['mmcv operators'] = 'compiled'
    except ImportError:
        facts['mmcv operators'] = 'not compiled (not needed)'
    return facts
