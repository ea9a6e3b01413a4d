"""Compute the cost of a distillation config in multiply-accumulates, without running it.

python -m benchmarks.measure_distillation semantic_sam_swinl_repvit_m1_1_sa1b --images 111853
"""

from __future__ import annotations

import argparse
import sys

from mmengine.registry import init_default_scope
from rich.console import Console
from rich.table import Table

from benchmarks.distillation_cost import step_cost
from mmirstd.inference.configs import load_config
from mmirstd.registry import MODELS
from mmirstd.wording import format_count


def main(argv: list[str] | None = None) -> int:
    """Print a table; 0, or 1 with a message if the config is not a distillation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a distillation, by path or name')
    parser.add_argument(
        '--images', type=int, default=111_853, help='per epoch (111853, 1 %% of SA-1B)'
    )
    parser.add_argument('--epochs', type=int, help="passes over the images (the config's)")
    parser.add_argument('--size', type=int, help="side of the images (the config's)")
    parser.add_argument('--prompts', type=int, help="per image (the config's)")
    args = parser.parse_args(argv)
    console = Console()
    try:
        config = load_config(args.config)
    except (ValueError, FileNotFoundError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    if 'teacher' not in (config.get('train_cfg') or {}):
        print(f'error: {args.config} has no train_cfg.teacher', file=sys.stderr)
        return 1
    init_default_scope(config.default_scope)
    config.model.backbone.weights = None
    teacher = MODELS.build(config.train_cfg.teacher.semantic_sam)
    student = MODELS.build(config.model)
    dataset = config.train_dataloader.dataset
    size, prompts = args.size or dataset.size, args.prompts or dataset.num_prompts
    epochs = args.epochs or config.train_cfg.max_epochs
    cost = step_cost(teacher, student, size, prompts)
    table = Table(title=f'{size} x {size} pixels, {format_count(prompts, "prompt")}, per image')
    for column in ('part', 'GMAC'):
        table.add_column(column, justify='right' if column == 'GMAC' else 'left')
    for name, macs in (
        ('teacher: backbone', cost.teacher_backbone),
        ('teacher: decoder', cost.decoder),
        ('student: forward and backward', cost.student),
        ('step', cost.total),
    ):
        table.add_row(name, f'{macs / 1e9:.1f}')
    console.print(table)
    seen = args.images * epochs
    cached = cost.student * seen + cost.teacher * args.images
    console.print(
        f'{format_count(epochs, "epoch")} of {format_count(args.images, "image")}: '
        f'{cost.total * seen:.3g} MAC'
    )
    console.print(
        f'with a cache filled in the first: {cached:.3g} MAC '
        f'({100 * cached / (cost.total * seen):.0f} %)',
        highlight=False,
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
