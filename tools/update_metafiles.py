"""Write the files that follow from configs and published weights.

These are model-index.yml and configs/metafile.yml, which `mim search` reads, and the tables in
README.md and docs/reference/weights.md. Run it after adding a config or weights. `--check` only
says whether the files are current.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config
from rich.console import Console

from mmirstd.weights import Score, get_model_info, list_models
from mmirstd.wording import format_count

REPOSITORY = Path(__file__).resolve().parents[1]
BEGIN, END = '<!-- weights: begin -->', '<!-- weights: end -->'

TITLE = (
    'Unleashing the Power of Generic Segmentation Models: A Simple Baseline for Infrared Small '
    'Target Detection'
)
SIMIRSTD = ('SimIRSTD', TITLE, '2409.04714')
# Folder of the configs -> name, paper and arXiv number of the model (None: no paper there).
COLLECTIONS: dict[str, tuple[str, str | None, str | None]] = {
    '.': SIMIRSTD,
    'ablation': SIMIRSTD,
    'distill': SIMIRSTD,
}
DATASETS = {
    'sirst': 'SIRST',
    'nudt': 'NUDT-SIRST',
    'irstd1k': 'IRSTD-1k',
    'mdfa': 'MDFA',
    'synthetic': 'procedural scenes',
}


def collection_of(config: Path, configs: Path) -> tuple[str, str | None, str | None]:
    """Name, paper title and arXiv number that a config belongs to; unknown folders stand alone."""
    folder = config.parent.relative_to(configs).as_posix()
    return COLLECTIONS.get(folder, (folder, None, None))


def describe(config: Path, configs: Path) -> dict[str, Any]:
    """The entry of one config, with scores and weights where they are published."""
    cfg = Config.fromfile(config)
    published = [info for info in map(get_model_info, list_models()) if info.config == config.stem]
    return {
        'Name': config.stem,
        'In Collection': collection_of(config, configs)[0],
        'Config': config.relative_to(configs.parent).as_posix(),
        'Metadata': _training(config, cfg),
        'Results': [_result(score) for info in published for score in info.scores] or None,
        'Weights': f'mmirstd/weights/files/{published[0].file}' if published else None,
    }


def _result(score: Score) -> dict[str, Any]:
    return {
        'Task': 'Infrared small target segmentation',
        'Dataset': f'{score.dataset} ({score.split})',
        'Metrics': {
            'IoU': score.iou,
            'nIoU': score.niou,
            f'Pd ({score.matching})': score.pd,
            f'Fa 1e-6 ({score.matching})': score.fa,
        },
    }


def _training(config: Path, cfg: Config) -> dict[str, Any] | None:
    if 'train_cfg' not in cfg:
        return None  # a config that only tests
    return {
        'Training Data': DATASETS.get(config.stem.rsplit('_', 1)[-1], 'see the config'),
        'Batch Size': cfg.train_dataloader.batch_size,
        'Epochs': cfg.train_cfg.max_epochs,
    }


def metafile(configs: Path) -> dict[str, Any]:
    """The content of configs/metafile.yml for all configs below ``configs``."""
    files = sorted(path for path in configs.rglob('*.py') if '_base_' not in path.parts)
    collections: dict[str, dict[str, Any]] = {}
    for config in files:
        name, title, arxiv = collection_of(config, configs)
        entry: dict[str, Any] = {'Name': name}
        if title and arxiv:
            entry['Paper'] = {'Title': title, 'URL': f'https://arxiv.org/abs/{arxiv}'}
        collections[name] = entry
    models = [describe(config, configs) for config in files]
    models = [{k: v for k, v in model.items() if v is not None} for model in models]
    return {'Collections': list(collections.values()), 'Models': models}


def weights_tables() -> str:
    """The generated part of docs/reference/weights.md."""
    lines = []
    for info in map(get_model_info, list_models()):
        names = ' or '.join(f"`'{name}'`" for name in (info.name, *info.aliases))
        lines += [f'### {info.name}', '', f'{info.summary}. Name: {names}.', '']
        lines += ['| dataset | split | images | targets | IoU | nIoU | Pd | Fa, 1e-6 |']
        lines += ['|---|---|---|---|---|---|---|---|']
        lines += [
            f'| {s.dataset} | `{s.split}` | {s.images} | {s.targets} | {s.iou:.2f} | {s.niou:.2f} '
            f'| {s.pd:.2f} | {s.fa:.2f} |'
            for s in info.scores
        ]
        conventions = sorted({f'{s.matching} matching, {s.size} size' for s in info.scores})
        made = info.training
        lines += [
            '',
            f'Scored with {"; ".join(conventions)}. {info.parameters / 1e3:.0f} k parameters, '
            f'{info.macs / 1e9:.2f} GMACs at 256 x 256, {info.size / 1e3:.0f} kB. '
            f'[Model card](model_cards/{info.name}.md).',
            '',
            f'- Trained on: {info.trained_on}.',
            f'- Training: {format_count(made["epochs"], "epoch")} in {made["hours"]:.1f} h, '
            f'{made["precision"]}, seed {made["seed"]}, {made["hardware"]}.',
            f'- Licence: {info.licence}',
            f'- SHA-256 `{info.sha256}`',
            '',
        ]
    return '\n'.join(lines).rstrip('\n')


def weights_summary() -> str:
    """The generated part of README.md: one row per set of weights."""
    lines = ['| name | trained on | IoU / Pd, % on the test split of | GMACs | size |']
    lines += ['|---|---|---|---|---|']
    for info in map(get_model_info, list_models()):
        scores = ', '.join(f'{s.dataset} {s.iou:.1f} / {s.pd:.1f}' for s in info.scores)
        name = info.aliases[0] if info.aliases else info.name
        lines.append(
            f"| `'{name}'` | {info.summary.partition(', trained on ')[2]} | {scores} "
            f'| {info.macs / 1e9:.2f} | {info.size / 1e3:.0f} kB |'
        )
    return '\n'.join(lines)


def with_tables(page: str, tables: str) -> str:
    """``page`` with the current tables between its two markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f'{before}{BEGIN}\n\n{tables}\n\n{END}{after}'


def contents(root: Path) -> dict[Path, str]:
    """File -> text of the generated files of the repository at ``root``."""
    tables = {'docs/reference/weights.md': weights_tables, 'README.md': weights_summary}
    pages = {
        root / page: with_tables((root / page).read_text(), make())
        for page, make in tables.items()
        if (root / page).is_file()
    }
    head = '# Written by tools/update_metafiles.py.\n'
    index = {'Import': ['configs/metafile.yml']}
    return pages | {
        root / 'model-index.yml': head + yaml.safe_dump(index),
        root / 'configs/metafile.yml': head
        + yaml.safe_dump(metafile(root / 'configs'), sort_keys=False),
    }


def main(argv: list[str] | None = None) -> int:
    """Run the tool; 1 when ``--check`` finds an outdated file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing')
    parser.add_argument('--root', type=Path, default=REPOSITORY, help='of the repository')
    args = parser.parse_args(argv)
    console = Console(stderr=True)
    outdated = []
    for path, text in contents(args.root).items():
        if not path.is_file() or path.read_text() != text:
            outdated.append(path)
            if not args.check:
                path.write_text(text)
    for path in outdated:
        state = 'is outdated: run python tools/update_metafiles.py' if args.check else 'written'
        console.print(f'{path.relative_to(args.root)} {state}', highlight=False)
    return int(bool(outdated) and args.check)


if __name__ == '__main__':
    sys.exit(main())
