"""Expected values of the original SAM-like networks, and how to compare with them."""

from __future__ import annotations

import importlib.util
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from mmirstd.conversion.common import Family, convert

TOLERANCE = 1e-4  # of the fixtures' README; ours is asserted more strictly where it is met


class Reference:
    """One fixture: weights, inputs and outputs of an original network."""

    def __init__(self, root: Path, name: str) -> None:
        spec = importlib.util.spec_from_file_location('procedural', root / 'procedural.py')
        self.procedural = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.procedural)
        content = self.procedural.load_fixture(root / f'{name}.npz')
        self.meta, self.keys, self.outputs = (content[k] for k in ('meta', 'keys', 'outputs'))

    @cached_property
    def state(self) -> dict[str, Tensor]:
        made = self.procedural.procedural_state_dict(self.keys, self.meta['seed'])
        assert self.procedural.checksum(made.values()) == self.meta['weights_crc32']
        return {name: torch.from_numpy(value) for name, value in made.items()}

    def load_into(self, network: nn.Module, family: Family) -> nn.Module:
        network.load_state_dict(convert(self.state, family, network.state_dict()))
        return network.eval()

    def input(self, name: str) -> Tensor:
        made = self.meta['inputs'][name]
        value = self.procedural.procedural_input(made['shape'], made['seed'])
        assert self.procedural.checksum([value]) == made['crc32']
        return torch.from_numpy(value)

    def given(self, name: str) -> Tensor | None:
        return torch.from_numpy(self.outputs[name]) if name in self.outputs else None

    def difference(self, name: str, output: Tensor) -> float:
        """max|a - b| / max(1, max|b|)."""
        expected = torch.from_numpy(self.outputs[name])
        if name in self.meta['output_shapes']:
            assert list(output.shape) == self.meta['output_shapes'][name], name
        stride = self.meta['strides'].get(name, 1)
        if output.dim() == 4:
            output = output[:, :, ::stride, ::stride]
        assert output.shape == expected.shape, name
        if not expected.numel():
            return 0.0
        return ((output - expected).abs().max() / expected.abs().max().clamp_min(1)).item()

    def check(self, tolerance: float = TOLERANCE, **outputs: Tensor) -> None:
        found = {name: self.difference(name, output) for name, output in outputs.items()}
        too_large = {name: f'{value:.1e}' for name, value in found.items() if value > tolerance}
        assert not too_large, too_large
