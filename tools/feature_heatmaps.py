"""Heat maps of the pyramid levels without and with the queries (paper Fig. 4).

python tools/feature_heatmaps.py configs/simirstd_nudt.py CHECKPOINT IMAGE heatmaps.png
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmseg.apis import init_model
from mmseg.apis.inference import _preprare_data
from rich.console import Console

from mmirstd.io.images.reading import read_image
from mmirstd.io.outputs.atomic import atomic_path
from mmirstd.io.outputs.guard import check_output
from mmirstd.models.logits import predict_logits
from mmirstd.visualization.feature_heatmap import draw_feature_heatmaps
from mmirstd.visualization.pyramid import pyramid_before_and_after


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a model with a query FPN')
    parser.add_argument('checkpoint', help='trained weights')
    parser.add_argument('image', type=Path)
    parser.add_argument('out', type=Path, help='picture to write (.png, .pdf, .svg)')
    parser.add_argument('--levels', nargs='+', default=['P2', 'P3', 'P4', 'P5'])
    parser.add_argument('--device', default='cpu')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the figure; returns the exit code."""
    args = parse(argv)
    console = Console()
    out = check_output(args.out, inputs=[args.image, args.config, args.checkpoint])
    image = read_image(args.image)
    init_default_scope('mmseg')
    model = init_model(args.config, args.checkpoint, device=args.device)
    batch, _ = _preprare_data(str(args.image), model)
    inputs = model.data_preprocessor(batch, False)['inputs']
    levels = pyramid_before_and_after(model, inputs)
    unknown = sorted(set(args.levels) - set(levels))
    if unknown:
        console.print(f'there is no level {unknown[0]}; this model has {", ".join(levels)}')
        return 2
    with torch.no_grad():
        probability = predict_logits(model, inputs).sigmoid()
    before, after = (
        [(f'{name}, {how}', levels[name][index]) for name in args.levels]
        for index, how in enumerate(('queries left out', 'with queries'))
    )
    maps = [*before, ('prediction', probability), *after]
    figure = draw_feature_heatmaps(
        image,
        [(title, np.asarray(feature[0].float().cpu())) for title, feature in maps],
        columns=len(args.levels) + 1,
    )
    with atomic_path(out, keep_suffix=True) as path:
        figure.savefig(path, dpi=150)
    console.print(f'written: {args.out}')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
