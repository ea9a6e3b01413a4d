"""Computed cost of the distillation in multiply-accumulates (MACs), without running it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from mmirstd.distillation.student import DistillationStudent
from mmirstd.models.semantic_sam import SemanticSAM


@dataclass(frozen=True)
class StepCost:
    """MACs for one image.

    Attributes:
        teacher_backbone: Forward pass.
        decoder: Forward pass of pixel and mask decoder.
        encoder: Forward pass of the student's encoder and neck.
    """

    teacher_backbone: int
    decoder: int
    encoder: int

    @property
    def teacher(self) -> int:
        """MACs that a cache saves."""
        return self.teacher_backbone + self.decoder

    @property
    def student(self) -> int:
        """Forward and backward pass of the student.

        A backward pass costs as much as two forward passes where weights are trained (encoder and
        neck), and as one where gradients only pass through (the frozen decoder).
        """
        return 3 * self.encoder + 2 * self.decoder

    @property
    def total(self) -> int:
        """MACs of a training step without cache."""
        return self.teacher + self.student


def step_cost(
    teacher: SemanticSAM, student: DistillationStudent, size: int, num_prompts: int
) -> StepCost:
    """Count a training step on one image of ``size`` x ``size`` pixels with ``prompts`` prompts.

    Convolutions and matrix products are counted; norms, activations, losses, the matching and the
    sampling of deformable attention are not. Nothing is computed, because tensors have only shapes.
    """
    training = teacher.training, student.training
    for model in (teacher, student):
        model.eval()  # not chained: some train() of MMSeg return None
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        images = torch.zeros(1, 3, size, size)
        boxes = torch.full((1, num_prompts, 4), 0.5)
        kinds = torch.zeros(1, num_prompts, dtype=torch.long)
        features = teacher.extract_features(images)
        cost = StepCost(
            teacher_backbone=_macs(lambda: teacher.extract_features(images)),
            decoder=_macs(lambda: teacher.decode(features, boxes, kinds, auxiliary=False)),
            encoder=_macs(lambda: student.neck(student.backbone(images))),
        )
    for model, mode in zip((teacher, student), training, strict=True):
        model.train(mode)
    return cost


def _macs(function: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        function()
    return counter.get_total_flops() // 2
