"""Measure everything that docs/results/benchmark.md shows, and write its tables.

The machine must do nothing else. On two cores it takes about half an hour:

    python -m benchmarks.results_page

Every table is one process of ``benchmarks.speed``, whose JSON is written to ``--json``; with
``--reuse`` existing files there are used. The text of the page outside of the two comments is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.speed import mebibytes
from mmirstd.io.outputs.atomic import write_atomically

BEGIN, END = '<!-- measured: begin -->', '<!-- measured: end -->'
FULL, LITE, UIUNET, DNANET = (
    'simirstd_nudt', 'simirstd_lite_nudt', 'uiunet_nudt', 'dnanet_nudt'
)  # fmt: skip
SMALL = ['light_unet_sirst3', 'acm_nudt']
MODELS = [FULL, LITE, UIUNET, DNANET, *SMALL]
RUNS: dict[str, tuple[str, list[str]]] = {
    'one': (
        'One image of 256 x 256',
        [*MODELS, '--precision', 'float32', 'bfloat16', '--reference', 'plain', 'onnx',
         '--rounds', '7'],
    ),
    'one_thread': (
        'One image of 256 x 256 on one thread',
        [LITE, DNANET, *SMALL, '--rounds', '9', '--threads', '1'],
    ),
    'eight': (
        'Eight images of 256 x 256 at once',
        [FULL, LITE, UIUNET, DNANET, '--precision', 'float32', 'bfloat16', '--batch', '8',
         '--rounds', '2'],
    ),
    'large': (
        'One image of 512 x 512',
        [FULL, LITE, UIUNET, DNANET, '--precision', 'float32', 'bfloat16', '--size', '512',
         '--rounds', '3'],
    ),
    'camera': (
        'One frame of 640 x 512',
        [*SMALL, DNANET, '--reference', 'onnx', '--size', '512', '640', '--rounds', '7'],
    ),
    'full_hd': (
        'One frame of 1920 x 1080',
        [*SMALL, DNANET, '--reference', 'onnx', '--size', '1080', '1920', '--rounds', '3'],
    ),
    'training': (
        'Training step on two images of 128 x 128',
        [*MODELS, '--size', '128', '--train', '--rounds', '4'],
    ),
}  # fmt: skip
"""Name of a run -> its title and the arguments of benchmarks.speed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--page', type=Path, default=Path('docs/results/benchmark.md'))
    parser.add_argument('--json', type=Path, default=Path('work_dirs/benchmark'))
    parser.add_argument('--runs', nargs='+', choices=RUNS, default=list(RUNS))
    parser.add_argument('--threads', type=int, default=2, help='CPU threads of most runs (2)')
    parser.add_argument('--reuse', action='store_true', help='measure only what is missing')
    args = parser.parse_args(argv)
    for name in args.runs:
        folder = args.json / name
        if not (args.reuse and (folder / 'benchmark.json').is_file()):
            command = ['-m', 'benchmarks.speed', *RUNS[name][1]]
            if '--threads' not in command:
                command += ['--threads', str(args.threads)]
            _run([*command, '--out', str(folder)])
    plot = args.page.parent / 'accuracy_latency.png'
    if not (args.reuse and plot.is_file()):
        _run(['-m', 'benchmarks.accuracy_latency', '--out', str(plot.parent)])
    reports = {
        name: json.loads((args.json / name / 'benchmark.json').read_text()) for name in args.runs
    }
    write_page(args.page, reports)
    write_atomically(args.page.with_suffix('.json'), json.dumps(reports, indent=1) + '\n')
    print(f'written: {args.page}, {args.page.with_suffix(".json")}, {plot}')
    for line in marks(reports):
        print(line)
    return 0


def _run(arguments: Sequence[str]) -> None:
    # Choose the kernels again, because they may have been chosen on a busy machine.
    environment = {**os.environ, 'MMIRSTD_KERNEL_CACHE': '0'}
    subprocess.run([sys.executable, *arguments], check=True, env=environment)


def write_page(page: Path, reports: Mapping[str, dict]) -> None:
    """Replace the text between the two comments of ``page`` by the tables of ``reports``.

    Raises:
        ValueError: The page lacks one of the comments.
    """
    text = page.read_text(encoding='utf-8')
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f'{page} must contain the lines {BEGIN} and {END}')
    parts = [section(RUNS[name][0], report) for name, report in reports.items()]
    lines = marks(reports)
    if lines:
        parts.insert(0, '\n'.join(f'- {line}' for line in lines))
    write_atomically(page, f'{before}{BEGIN}\n\n' + '\n\n'.join(parts) + f'\n\n{END}{after}')


def section(title: str, report: Mapping) -> str:
    """One run as a heading, its setting and a table."""
    rows = report['models']
    training = 'training_step_s' in rows[0]
    units = [unit for unit in (UIUNET, DNANET) if _latency(rows, unit) is not None]
    columns = ['model', 'parameters M', 'GMACs', 'latency ms', *(f'to {unit}' for unit in units)]
    columns += ['images/s', 'peak MiB']
    columns += ['step s', 'peak of the step MiB'] if training else []
    table = [f'| {" | ".join(columns)} |', '|' + '---|' * len(columns)]
    for row in rows:
        cells = [
            row['model'],
            f'{row["parameters"] / 1e6:.2f}',
            f'{sum(row["macs"].values()) / 1e9:.2f}',
            f'{1e3 * row["latency_s"]:.0f} ± {1e3 * row["latency_spread_s"]:.0f}',
            *(_ratio(rows, row, unit) for unit in units),
            f'{row["images_per_s"]:.2f}',
            mebibytes(row['inference_peak_bytes']),
        ]
        if training:
            has_step = 'training_step_s' in row
            cells += (
                [
                    f'{row["training_step_s"]:.2f} ± {row["training_step_spread_s"]:.2f}',
                    f'{row["training_peak_bytes"] / 2**20:.0f}',
                ]
                if has_step
                else ['', '']
            )
        table.append(f'| {" | ".join(cells)} |')
    command = ' '.join(['python -m benchmarks.speed', *report['command'][1:]])
    return f'### {title}\n\n    {command}\n\n{report["setting"]}\n\n' + '\n'.join(table)


def _latency(rows: Sequence[Mapping], name: str) -> float | None:
    return next((row['latency_s'] for row in rows if row['model'] == name), None)


def _ratio(rows: Sequence[Mapping], row: Mapping, unit: str) -> str:
    return f'{row["latency_s"] / _latency(rows, unit):.2f}'


def marks(reports: Mapping[str, Mapping]) -> list[str]:
    """The speed targets of the project, with the ratios of the run on one image."""
    rows = reports.get('one', {}).get('models', [])
    half, plain = f'{FULL} (bfloat16)', f'{FULL} (not fused)'
    wanted = [
        ('the full model takes at most 3 times as long as UIU-Net', FULL, UIUNET, 3.0),
        ('and less time than without fusing', FULL, plain, 1.0),
        ('lite takes at most 0.7 times as long as DNANet', LITE, DNANET, 0.7),
        ('bfloat16 takes the full model at most 1/1.8 of the time of float32', half, FULL, 1 / 1.8),
    ]
    lines = []
    for text, first, second, bound in wanted:
        times = _latency(rows, first), _latency(rows, second)
        if None not in times:
            ratio = times[0] / times[1]
            verdict = 'holds' if ratio <= bound else 'missed'
            lines.append(f'{text}: {ratio:.2f} ({bound:.2f}), {verdict}')
    return lines


if __name__ == '__main__':
    raise SystemExit(main())
