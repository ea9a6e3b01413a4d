"""RPCANet and RPCANet++: robust PCA unrolled into a model.

RPCANet: Wu et al., WACV 2024, arXiv:2311.00917. RPCANet++: Wu et al., 2025, arXiv:2508.04190.
"""

from typing import Any

import torch
from torch import Tensor, nn

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.robust_pca import (
    BackgroundStep,
    Decomposition,
    DecompositionStage,
    RecurrentBackgroundStep,
    TargetStep,
    contrast_convolutions,
)
from mmirstd.registry import MODELS


class UnrolledRobustPCA(IRSTDBackbone):
    """Base class: stages that repeatedly split a gray image into background and targets.

    Every stage but the first reads the image that the previous stage reconstructed, as in the
    released code. Images of several channels are averaged to gray.

    Args:
        in_channels: Channels of the image.
        stages: Number of stages.
        width: Channels of all convolutions.
        init_cfg: See `IRSTDBackbone`.
        **options: Further arguments of :meth:`build_stage`.

    Returns:
        Four maps (N, 1, H, W): the gray image; background, reconstructed image and targets of the
        last stage. The targets are logits: see `DecompositionHead`.
    """

    out_channels = (1, 1, 1, 1)

    def __init__(
        self,
        in_channels: int = 1,
        *,
        stages: int = 6,
        width: int = 32,
        init_cfg: dict | list | None = None,
        **options: Any,
    ) -> None:
        super().__init__(in_channels, init_cfg=init_cfg)
        self.stages = nn.ModuleList(
            self.build_stage(index, width, **options) for index in range(stages)
        )

    def build_stage(self, *args: Any, **kwargs: Any) -> DecompositionStage:
        """Build the stage with an index and a width; the rest are arguments of the model."""
        raise NotImplementedError

    def decompose(self, image: Tensor) -> list[Decomposition]:
        """Background, targets and reconstructed image of every stage, in the units of ``image``.

        Args:
            image: (N, in_channels, H, W), normalised as in the config: the authors only divide
                gray values by 255.
        """
        image = image.mean(dim=1, keepdim=True)
        target, states, decompositions = torch.zeros_like(image), None, []
        for stage in self.stages:
            decomposition, states = stage(image, target, states)
            image, target = decomposition.image, decomposition.target
            decompositions.append(decomposition)
        return decompositions

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        last = self.decompose(image)[-1]
        return image.mean(dim=1, keepdim=True), last.background, last.image, last.target


@MODELS.register_module()
class RPCANet(UnrolledRobustPCA):
    """RPCANet: each step is a separate stack of 3x3 convolutions.

    Args:
        in_channels: Channels of the image.
        stages: Number of stages.
        width: Channels of all convolutions.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        See `UnrolledRobustPCA`.
    """

    def build_stage(self, index: int, width: int) -> DecompositionStage:
        """Two stacks of convolutions, the same in every stage."""
        return DecompositionStage(BackgroundStep(width), TargetStep(width), width=width)


@MODELS.register_module()
class RPCANetPlusPlus(UnrolledRobustPCA):
    """RPCANet with a recurrent state in the background step and contrast in the target step.

    The 17 x 17 convolution of the contrast takes three fifths of the cost.

    Args:
        in_channels: Channels of the image.
        stages: Number of stages; 3, 6 and 9 are published.
        width: Channels of all convolutions and states.
        init_cfg: See `IRSTDBackbone`.
        **options: ``contrast_size``, the odd side of the contrast's window in pixels (17).

    Returns:
        See `UnrolledRobustPCA`.
    """

    def build_stage(self, index: int, width: int, *, contrast_size: int = 17) -> DecompositionStage:
        """The background of the first stage starts the recurrent state."""
        return DecompositionStage(
            RecurrentBackgroundStep(width, initial=index == 0),
            TargetStep(width, contrast=contrast_convolutions(width, contrast_size)),
            width=width,
        )
