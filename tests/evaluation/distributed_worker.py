"""One of several processes that evaluate a set together; started by test_irstd_metric.py."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.evaluator import Evaluator
from torch.utils.data import DataLoader

METRIC = {'type': 'mmirstd.IRSTDMetric', 'matching': 'legacy', 'curves': True, 'curve_bins': 10}


def make_sample(index):
    """Sample ``index`` as MMSegmentation leaves it: every image differs from every other."""
    random = np.random.default_rng(index)
    gt_mask = random.random((20, 24)) < 0.02
    probability = np.clip(
        np.roll(gt_mask, index % 3, axis=1) * 0.7 + random.random((20, 24)) * 0.35, 0, 1
    )
    return {
        'img_path': f'images/{index}.png',
        'seg_logits': {'data': torch.from_numpy(probability[None].astype(np.float32))},
        'gt_sem_seg': {'data': torch.from_numpy(gt_mask[None].astype(np.uint8))},
    }


def evaluate(images, batch_size, **options):
    """Numbers of the set, as Runner.test would get them in this process."""
    indices = list(range(images))
    loader = DataLoader(
        indices,
        batch_size=batch_size,
        sampler=DefaultSampler(indices, shuffle=False),
        collate_fn=pseudo_collate,
    )
    evaluator = Evaluator({**METRIC, **options})
    for batch in loader:
        evaluator.process([make_sample(index) for index in batch])
    return evaluator.evaluate(images)


def main(rank, world_size, rendezvous, images, batch_size, output):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{rendezvous}', rank=int(rank), world_size=int(world_size)
    )
    masks = str(Path(output).parent / 'masks')
    numbers = evaluate(int(images), int(batch_size), output_dir=masks)
    Path(output).write_text(json.dumps(numbers))
    torch.distributed.destroy_process_group()
    sys.stdout.flush()
    os._exit(0)  # once in a while PyTorch's threads abort the ordinary end of the interpreter


if __name__ == '__main__':
    main(*sys.argv[1:])
