"""Add an entry of the zoo to the package: weights, description, history of the training.

    python -m benchmarks.publish_entry work_dirs/zoo/light_unet_sirst3/entry

An entry of the same name is replaced. Run tools/update_metafiles.py afterwards.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from mmirstd.io.outputs.atomic import write_atomically
from mmirstd.weights.registry import DESCRIPTION, ModelInfo

REPOSITORY = Path(__file__).parent.parent
LOGS = ('scores.json', 'history.jsonl', 'curves.png')


def publish(entry: Path, repository: Path = REPOSITORY) -> str:
    """Copy an entry into the package and its logs into the documentation; returns its name.

    Raises:
        ValueError: The entry uses a config that is not part of the package.
    """
    description = json.loads((entry / DESCRIPTION).read_text(encoding='utf-8'))
    name = description['name']
    if description['config'].endswith('.py'):
        raise ValueError(f'{entry}: move {description["config"]} into configs/ first')
    room = repository / 'mmirstd' / 'weights'
    file = room / 'files' / f'{name}.safetensors'
    file.parent.mkdir(exist_ok=True)
    shutil.copyfile(entry / description['file'], file)
    description['file'] = file.name
    ModelInfo.from_dict(description, file.parent, str(entry)).weights_file()  # checks the copy

    registry = room / 'registry.json'
    models = json.loads(registry.read_text(encoding='utf-8'))['models']
    names = [model['name'] for model in models]
    if name in names:
        models[names.index(name)] = description
    else:
        models.append(description)
    write_atomically(registry, json.dumps({'models': models}, indent=1) + '\n')

    logs = repository / 'docs' / 'results' / 'weights' / name
    logs.mkdir(parents=True, exist_ok=True)
    for log in LOGS:
        shutil.copyfile(entry / log, logs / log)
    return name


def main(argv: list[str] | None = None) -> int:
    """Run the tool."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('entry', type=Path, help='folder with model.json')
    parser.add_argument('--repository', type=Path, default=REPOSITORY, help='(this one)')
    args = parser.parse_args(argv)
    print(f'{publish(args.entry, args.repository)} is part of the package now')
    return 0


if __name__ == '__main__':
    sys.exit(main())
