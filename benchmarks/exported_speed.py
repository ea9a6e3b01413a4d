"""Compare onnxruntime with PyTorch on the CPU in deviation and speed, for one or several models.

Each model is exported as by `mmirstd export`, which verifies it to 1e-4. Then both sides take
turns in one process, so that their ratio is meaningful on a busy machine. PyTorch runs the same
merged model on the same images. Weights and batch norms are random, so that merging matters.

    python -m benchmarks.exported_speed simirstd_nudt simirstd_lite_nudt dnanet_nudt --size 128
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnxruntime
import torch
from mmengine.logging import print_log
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.side_by_side import export_pair, to_row
from benchmarks.timing import interleave
from mmirstd.export.onnx_file import DYNAMIC, ExportError
from mmirstd.wording import format_count

COLUMNS = (
    'model', 'input', 'open', 'logits vary by', 'logits', 'probability', 'whole way', 'MiB',
    'PyTorch ms', 'onnxruntime ms', 'ratio',
)  # fmt: skip
TEXTS = ('model', 'input', 'open')


def cells(row: dict) -> list[str]:
    """A row as strings, one for each of `COLUMNS`."""
    return [
        row['model'],
        'x'.join(map(str, row['input'])),
        row['open'],
        f'{row["logit_spread"]:.1e}',
        f'{row["logits"]:.1e}',
        f'{row["probability"]:.1e}',
        f'{row["whole_way"]:.1e}',
        f'{row["file_bytes"] / 2**20:.1f}',
        f'{1e3 * row["torch_s"]:.0f} ± {1e3 * row["torch_spread_s"]:.0f}',
        f'{1e3 * row["onnx_s"]:.0f} ± {1e3 * row["onnx_spread_s"]:.0f}',
        f'{row["ratio"]:.2f}',
    ]


def screen_tables(rows: Sequence[dict], setting: str) -> list[Table]:
    """The same as two tables that fit into 80 columns: deviations and times."""
    tables = []
    exact = ('model', 'input', *COLUMNS[3:7])
    fast = ('model', 'open', *COLUMNS[7:])
    for title, columns in ((setting, exact), (None, fast)):
        table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for column in columns:
            table.add_column(
                column, overflow='fold', justify='left' if column in TEXTS else 'right'
            )
        for row in rows:
            texts = dict(zip(COLUMNS, cells(row), strict=True))
            table.add_row(*(texts[column] for column in columns))
        tables.append(table)
    return tables


def markdown(rows: Sequence[dict]) -> str:
    """The table for a document."""
    lines = [COLUMNS, ['---'] * len(COLUMNS), *map(cells, rows)]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def describe_setting(rounds: int) -> str:
    """The conditions of the measurement."""
    return (
        f'{format_count(rounds, "interleaved round")}, CPU {platform.machine()}, '
        f'{format_count(torch.get_num_threads(), "thread")} each, load average '
        f'{os.getloadavg()[0]:.1f}, torch {torch.__version__}, onnxruntime '
        f'{onnxruntime.__version__}, float32'
    )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('configs', nargs='+', help='names of configs, or config files')
    add('--size', type=int, help="side of the images (the pipeline's, or 256)")
    add('--dynamic', choices=DYNAMIC, default='none', help='what the file leaves open (none)')
    add('--batch', type=int, default=1, help='images at once (1)')
    add('--rounds', type=int, default=5, help='timed rounds (5)')
    add('--threads', type=int, help='CPU threads of each side (what torch chooses)')
    add('--out', type=Path, metavar='DIR', help='also write export.json and export.md there')
    args = parser.parse_args(argv)
    if args.dynamic == 'none' and args.batch != 1:
        parser.error('--batch needs --dynamic batch, multiple or size')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 if a model could not be exported or deviates."""
    args = parse(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    console = Console(highlight=False)
    pairs, failed = [], []
    with tempfile.TemporaryDirectory(prefix='benchmark_export_') as folder:
        for config in args.configs:
            try:
                pairs.append(
                    export_pair(
                        config,
                        Path(folder),
                        size=args.size,
                        dynamic=args.dynamic,
                        batch=args.batch,
                    )
                )
            except (ValueError, OSError, ExportError) as error:
                failed.append(config)
                print_log(f'{config}: {error}', logger='current', level=logging.ERROR)
        sides = {(pair.name, 'torch'): pair.run_torch for pair in pairs}
        sides |= {(pair.name, 'onnx'): pair.run_onnx for pair in pairs}
        order = sorted(sides, key=lambda side: side[0])  # the two of a model, then the next
        times = interleave({side: sides[side] for side in order}, args.rounds)
        rows = [to_row(p, times[p.name, 'torch'], times[p.name, 'onnx']) for p in pairs]
    setting = describe_setting(args.rounds)
    console.print(*screen_tables(rows, setting), sep='\n')
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        report = {'setting': setting, 'command': sys.argv, 'models': rows, 'failed': failed}
        (args.out / 'export.json').write_text(json.dumps(report, indent=1) + '\n')
        (args.out / 'export.md').write_text(f'{setting}\n\n{markdown(rows)}')
    if failed:
        console.print(f'[bold red]error:[/] not exported: {escape(", ".join(failed))}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
