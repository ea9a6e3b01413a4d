"""Convolutional LSTM (Shi et al., NeurIPS 2015) whose states are feature maps.

Shapes: N batch, C channels, H/W feature map.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

GATES = ('forget', 'input', 'output', 'candidate')


class ConvLSTMCell(nn.Module):
    """One step of a convolutional LSTM, without peepholes.

    Args:
        channels: C of the input and of both states.
        initial: The cell is the first one and receives no states. It then has neither a forget gate
            nor weights for a hidden state, and its hidden state is the output gate times the cell
            state without a tanh, as in the released code of RPCANet++.
    """

    def __init__(self, channels: int, *, initial: bool = False) -> None:
        super().__init__()

        def convs(gates: tuple[str, ...]) -> nn.ModuleDict:
            return nn.ModuleDict({gate: nn.Conv2d(channels, channels, 3, 1, 1) for gate in gates})

        self.from_input = convs(GATES[1:] if initial else GATES)
        self.from_hidden = convs(() if initial else GATES)

    def forward(self, x: Tensor, states: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        """Hidden and cell state (N, C, H, W) from ``x`` (N, C, H, W) and the previous states."""
        gates = {name: conv(x) for name, conv in self.from_input.items()}
        if states is None:
            cell = gates['input'].sigmoid() * gates['candidate'].tanh()
            return gates['output'].sigmoid() * cell, cell
        hidden, cell = states
        gates = {name: value + self.from_hidden[name](hidden) for name, value in gates.items()}
        cell = cell * gates['forget'].sigmoid() + gates['input'].sigmoid() * torch.tanh(
            gates['candidate']
        )
        return gates['output'].sigmoid() * cell.tanh(), cell
