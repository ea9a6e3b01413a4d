"""Counting, interleaved timing and peak memory, against values by hand."""

import os
import platform
import subprocess
import sys

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from benchmarks import timing as timing_module
from benchmarks.complexity import BACKBONE, CONVOLUTION, POINTWISE, REST, count
from benchmarks.timing import interleave, peak_memory
from mmirstd.models.fuse import fuse_for_inference


class Plain(nn.Module):
    """A model with the interface that counting needs: 3x3 body, 1x1 and 3x3 head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False))
        self.decode_head = Head()

    def extract_feat(self, images: torch.Tensor) -> torch.Tensor:
        return self.backbone(images)


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(4, 2, 1, bias=False)
        self.mix = nn.Conv2d(2, 3, 3, padding=1, bias=False)
        self.project = nn.Linear(3, 3, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.project(self.mix(self.narrow(features)).movedim(1, -1)).movedim(-1, 1)


def test_counts_by_hand() -> None:
    complexity = count(Plain(), torch.randn(2, 3, 8, 10))
    pixels = 2 * 8 * 10
    assert complexity.parameters == 3 * 4 * 9 + 4 * 2 + 2 * 3 * 9 + 3 * 3
    assert complexity.macs == {
        BACKBONE: pixels * 3 * 4 * 9,
        CONVOLUTION: pixels * 2 * 3 * 9,
        POINTWISE: pixels * 4 * 2,
        REST: pixels * 3 * 3,
    }


def test_counting_leaves_the_model_alone() -> None:
    model = Plain().train()
    count(model, torch.randn(1, 3, 8, 8))
    assert model.training
    assert all(p.requires_grad for p in model.parameters())


def test_sides_take_turns() -> None:
    order = []
    sides = {'a': lambda: order.append('a'), 'b': lambda: order.append('b')}
    timings = interleave(sides, 2, warmup=1)
    assert order == ['a', 'b'] * 3
    assert all(len(timing.times) == 2 for timing in timings.values())


def test_timing_measures_time(monkeypatch) -> None:
    """By a clock of the test's own: the real one depends on what else the machine does."""
    clock = [0.0]
    monkeypatch.setattr(timing_module, 'timer', lambda: clock[0])

    def work(seconds: float) -> None:
        clock[0] += seconds

    timings = interleave({'slow': lambda: work(0.5), 'fast': lambda: work(0.25)}, 3)
    assert timings['slow'].times == [0.5] * 3
    assert timings['fast'].times == [0.25] * 3
    assert timings['slow'].median == 0.5


def test_peak_memory_counts_what_lives_together() -> None:
    def together() -> torch.Tensor:
        a, b = torch.ones(2**18), torch.ones(2**18)
        return a + b

    def one_after_the_other() -> None:
        for _ in range(3):
            torch.ones(2**18)

    assert peak_memory(together) == pytest.approx(3 * 2**20, rel=0.01)
    assert peak_memory(one_after_the_other) < 2.1 * 2**20


def test_fusing_keeps_the_outputs_and_parts_that_are_called_fuse() -> None:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    backbone = MODELS.build(
        {
            'type': 'mmirstd.QueryEncoder',
            'backbone': {
                'type': 'mmirstd.RepViT',
                'embed_dims': (8, 16, 24, 32),
                'depths': (1, 1, 2, 1),
            },
            'embed_dims': 16,
            'num_heads': 2,
            'ffn_dims': 16,
        }
    )
    backbone.fuse = nn.Identity()  # a sub-module of this name is not the method
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.3, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    backbone.eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        fused = fuse_for_inference(backbone)
        for a, b in zip(fused(image), backbone(image), strict=True):
            torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in fused.modules())
    assert any(isinstance(m, nn.BatchNorm2d) for m in backbone.modules())


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='an option of the GNU C library')
@pytest.mark.parametrize('way', ['call', 'environment'])
def test_freed_memory_is_kept(way):
    code = (
        'import resource, sys, torch\n'
        'from mmirstd.models.memory import keep_freed_memory\n'
        'if sys.argv[1] == "call": assert keep_freed_memory()\n'
        'faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n'
        'def count():\n'
        '    before = faults()\n'
        '    for _ in range(4): torch.ones(2**24)\n'
        '    return faults() - before\n'
        'print(min(count() for _ in range(5)))  # the heap grows at first\n'
    )
    options = {'MALLOC_MMAP_MAX_': '0', 'MALLOC_TRIM_THRESHOLD_': '-1'}

    def faults(way: str, environment: dict[str, str]) -> int:
        done = subprocess.run(
            [sys.executable, '-c', code, way],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout)

    kept = faults(way, options if way == 'environment' else {})
    assert kept < faults('nothing', {}) / 10
