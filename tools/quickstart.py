"""Draw procedural infrared scenes, train a small SimIRSTD on them, test it and show the result.

The last table compares it with the published weights on the same scenes.

Every step is a command that you could type; it is printed before it runs.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mmirstd.evaluation.scorer import Scorer
from mmirstd.io.images.masks import read_mask
from mmirstd.io.images.reading import read_image
from mmirstd.io.images.writing import write_image
from mmirstd.io.outputs.guard import check_output
from mmirstd.visualization.sheet import SheetRow, make_sheet
from mmirstd.weights import list_models
from mmirstd.wording import format_count

SIZE = 128  # of configs/_base_/datasets/synthetic.py
# Without the dimmest and the one-pixel targets, which need a longer training than a quick start.
SCENES = ('--scr', '5', '20', '--area', '4', '80')
REPOSITORY = Path(__file__).resolve().parents[1]
SCORES = {'IoU': '%', 'nIoU': '%', 'Pd': '%', 'Fa': '1e-6'}


def positive(text: str) -> int:
    """An integer of at least 1, for argparse."""
    if (value := int(text)) < 1:
        raise ValueError
    return value


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add(
        '--images',
        type=positive,
        default=400,
        help='training images; a tenth more to validate on',
    )
    add('--test-images', type=positive, default=100, help='unseen scenes to test on')
    add('--epochs', type=positive, help="length of the training instead of the config's")
    add('--data', type=Path, default=Path('data/synthetic'), help='folder for the images')
    add('--work-dir', type=Path, default=Path('work_dirs/quickstart'), help='folder for results')
    add('--config', type=Path, default=REPOSITORY / 'configs/simirstd_synthetic.py', help='config')
    add('--seed', type=int, default=0, help='of the scenes')
    add('--pictures', type=positive, default=8, help='rows of the final picture')
    return parser


def run(command: Sequence[str | Path], console: Console) -> float:
    """Run a command with its output on the terminal; return the seconds it took.

    Raises:
        subprocess.CalledProcessError: The command failed.
    """
    words = [str(word) for word in command]
    console.rule(style='dim')
    console.print(f'$ {shlex.join(words)}', style='bold', markup=False, soft_wrap=True)
    start = time.monotonic()
    subprocess.run(words, check=True)
    return time.monotonic() - start


def newest(files: Sequence[Path], what: str) -> Path:
    """The file that was written last.

    Raises:
        FileNotFoundError: There is none.
    """
    if not files:
        raise FileNotFoundError(f'{what} was not written')
    return max(files, key=lambda file: file.stat().st_mtime)


def draw_sheet(test_set: Path, masks: Path, target: Path, rows: int) -> None:
    """Write images, ground truth and predictions of the first ``rows`` test images side by side."""
    images = sorted((test_set / 'images').iterdir())[:rows]
    sheet = make_sheet(
        [
            SheetRow(
                image.stem,
                read_image(image),
                gt_mask=read_mask(test_set / 'masks' / image.name),
                predictions={'prediction': read_mask(masks / f'{image.stem}.png')},
            )
            for image in images
        ]
    )
    write_image(check_output(target), sheet[..., ::-1])


def score_published(name: str, test_set: Path) -> dict[str, float]:
    """Numbers of published weights on the same scenes, counted as the test counts."""
    from mmirstd.apis import IRSTDInferencer  # takes seconds, and only the end needs it

    scorer = Scorer()
    for detection in IRSTDInferencer(name)(test_set / 'images'):
        gt_mask = read_mask(test_set / 'masks' / Path(detection.source.path).name)
        scorer.update(detection.mask, gt_mask)
    return scorer.compute().numbers()


def main(argv: list[str] | None = None) -> int:
    """Run all steps and return the exit status of the first one that fails."""
    args = build_parser().parse_args(argv)
    console = Console()
    work_dir, data = args.work_dir, args.data.resolve()
    mim = Path(sys.executable).with_name('mim')
    roots = [f'{split}_dataloader.dataset.data_root={data}' for split in ('train', 'val', 'test')]
    length = []
    if args.epochs is not None:
        length = [f'train_cfg.max_epochs={args.epochs}', 'train_cfg.val_interval=1']
    seconds = {}
    try:
        make = [sys.executable, REPOSITORY / 'tools/make_synthetic.py', data, '--size', SIZE]
        make += ['--train', args.images, '--val', max(1, args.images // 10), *SCENES]
        seconds['scenes'] = run([*make, '--test', args.test_images, '--seed', args.seed], console)
        train = [mim, 'train', 'mmsegmentation', args.config, '--work-dir', work_dir]
        seconds['training'] = run([*train, '--cfg-options', *roots, *length], console)
        best = newest([*work_dir.glob('best_*.pth')], f'A best checkpoint in {work_dir}')
        test = [mim, 'test', 'mmsegmentation', args.config, '--checkpoint', best]
        test += ['--work-dir', work_dir / 'test', '--out', work_dir / 'masks']
        again = 'test_evaluator.output_overwrite=True'
        seconds['test'] = run([*test, '--cfg-options', *roots, again], console)
    except subprocess.CalledProcessError as error:
        console.print(f'This step failed with exit status {error.returncode}.', style='bold red')
        return error.returncode if error.returncode > 0 else 1
    scores = json.loads(newest([*work_dir.glob('test/*/*.json')], 'The test result').read_text())
    picture = work_dir / 'predictions.png'
    draw_sheet(data / 'test', work_dir / 'masks', picture, args.pictures)

    console.rule(style='dim')
    table = Table(title=f'{format_count(args.test_images, "unseen scene")}')
    table.add_column('weights')
    for name, unit in SCORES.items():
        table.add_column(f'{name} [{unit}]', justify='right')
    table.add_row('trained here', *(f'{scores[f"irstd/{name}"]:.2f}' for name in SCORES))
    for name in list_models():
        published = score_published(name, data / 'test')
        table.add_row(f'published: {name}', *(f'{published[key]:.2f}' for key in SCORES))
    console.print(table, markup=False)
    console.print('  '.join(f'{name} {spent:.0f} s' for name, spent in seconds.items()))
    console.print(f'weights      {best}', soft_wrap=True)
    console.print(f'masks        {work_dir / "masks"}', soft_wrap=True)
    console.print(f'picture      {picture} (image, ground truth, prediction)', soft_wrap=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
