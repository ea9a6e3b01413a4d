"""The student of the distillation: a small encoder with the decoder of the teacher (Sec. 3.2).

Shapes: B images, N prompts, G masks per prompt, C_i channels of stage i, h x w = stride 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from mmengine.model import BaseModule
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from mmirstd.distillation.prompted import PromptedModel
from mmirstd.models.semantic_sam import SemanticSAM, SemanticSAMOutput
from mmirstd.models.semantic_sam.mask_decoder import SemanticSAMMaskDecoder
from mmirstd.models.semantic_sam.matching import match
from mmirstd.models.semantic_sam.pixel_decoder import SemanticSAMPixelDecoder
from mmirstd.registry import MODELS


@MODELS.register_module()
class AlignNeck(BaseModule):
    """Give the student's maps the widths of the teacher's (Sec. 3.2, "lightweight neck").

    The paper does not state the layers. We use a 1x1 convolution per level, because the strides
    agree already, and a normalisation over channels, because the teacher's maps, which the decoder
    was trained on, are normalised as well.

    Args:
        in_channels: Widths of the student, finest first.
        out_channels: Widths of the teacher.
    """

    def __init__(self, in_channels: Sequence[int], out_channels: Sequence[int]) -> None:
        super().__init__()
        if len(in_channels) != len(out_channels):
            raise ValueError(
                f'in_channels={tuple(in_channels)} and out_channels={tuple(out_channels)} must '
                'name the same levels'
            )
        self.out_channels = tuple(out_channels)
        self.levels = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, d, 1), LayerNorm2d(d, eps=1e-5))
            for c, d in zip(in_channels, out_channels, strict=True)
        )

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Map (B, C_i, ., .) to (B, D_i, ., .) at every level."""
        return tuple(level(each) for level, each in zip(self.levels, maps, strict=True))


class _Shared:
    """Reference to a module that is neither a child of its user nor copied with it.

    So the teacher's decoder is not part of the student's checkpoints, EMA, DDP and
    optimiser, and exists only once.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __deepcopy__(self, memo: dict) -> _Shared:
        return self


@MODELS.register_module()
class DistillationStudent(PromptedModel):
    """Encoder, neck and the decoder of Semantic-SAM.

    "The decoder is copied from the pre-trained Semantic-SAM": by default it is the frozen instance
    of the teacher, through which gradients reach neck and encoder; the loop provides it
    (:meth:`take_decoder`). The text of the paper does not state whether the authors train it.

    Args:
        backbone: Config of the encoder, four maps at strides 4, 8, 16, 32.
        neck: Config of a neck to the teacher's widths, such as :class:`AlignNeck`.
        loss: Config of the loss, :class:`mmirstd.DistillationLoss` by default.
        decoder: None shares the teacher's. ``dict(pixel_decoder=..., mask_decoder=...)``, with the
            arguments of the same names of :class:`mmirstd.SemanticSAM`, builds a separate decoder
            for the student, which starts as a copy of the teacher's and is trained.
        match_on: Whose masks the Hungarian matching assigns to the ground truth to select the
            final ones, ``'teacher'`` or ``'student'``; ``'all'`` takes all masks. The paper does
            not state it. Both decoders have the same tokens, so one selection applies to both.
        match_points: Points per mask of the matching.
        norm_eval: Do not update the statistics of batch norms.
        data_preprocessor: See :class:`mmirstd.PromptDataPreprocessor`.

    Raises:
        ValueError: ``match_on`` is unknown.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        *,
        loss: dict | None = None,
        decoder: dict | None = None,
        match_on: Literal['teacher', 'student', 'all'] = 'teacher',
        match_points: int = 12544,
        norm_eval: bool = False,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor)
        if match_on not in ('teacher', 'student', 'all'):
            raise ValueError(f"match_on={match_on!r} must be 'teacher', 'student' or 'all'")
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        self.criterion = MODELS.build(loss or {'type': 'mmirstd.DistillationLoss'})
        self.match_on, self.match_points, self.norm_eval = match_on, match_points, norm_eval
        self._teacher: _Shared | None = None
        self.has_own_decoder = decoder is not None
        if decoder is not None:
            pixel = {'in_channels': self.neck.out_channels, **decoder.get('pixel_decoder', {})}
            self.pixel_decoder = SemanticSAMPixelDecoder(**pixel)
            self.mask_decoder = SemanticSAMMaskDecoder(
                self.pixel_decoder.embed_dims, **decoder.get('mask_decoder', {})
            )

    def take_decoder(self, teacher: SemanticSAM) -> None:
        """Share the decoder of ``teacher``, or copy its weights to the student's own decoder.

        Raises:
            ValueError: Its widths are not those of the neck, or the student's decoder differs.
        """
        widths = teacher.pixel_decoder.in_channels
        if tuple(widths) != self.neck.out_channels:
            raise ValueError(
                f'model.neck.out_channels={self.neck.out_channels} must be {tuple(widths)}, the '
                "widths that the teacher's decoder takes"
            )
        if not self.has_own_decoder:
            self._teacher = _Shared(teacher)
            return
        try:
            self.pixel_decoder.load_state_dict(teacher.pixel_decoder.state_dict())
            self.mask_decoder.load_state_dict(teacher.mask_decoder.state_dict())
        except RuntimeError as error:
            raise ValueError(f"model.decoder differs from the teacher's: {error}") from error

    def answer(
        self, images: Tensor, boxes: Tensor, kinds: Tensor, auxiliary: bool = False
    ) -> SemanticSAMOutput:
        """See the base class.

        Raises:
            RuntimeError: The student has no decoder yet.
        """
        if not self.has_own_decoder and self._teacher is None:
            raise RuntimeError(
                "the student has no decoder: it receives the teacher's from "
                'mmirstd.DistillEpochLoop, DistillIterLoop or DistillTestLoop, or by '
                'take_decoder(teacher)'
            )
        owner = self if self._teacher is None else self._teacher.module
        mask_features, memory = owner.pixel_decoder(self.neck(self.backbone(images)))
        return owner.mask_decoder(mask_features, memory, boxes, kinds, auxiliary=auxiliary)

    def loss(
        self, inputs: Tensor, data_samples: dict, teacher: SemanticSAMOutput
    ) -> dict[str, Tensor]:
        """Eq. 1 for a batch.

        Args:
            inputs: Normalised images (B, 3, H, W).
            data_samples: See :class:`mmirstd.PromptDataPreprocessor`.
            teacher: The teacher's output for the same prompts on the same images.
        """
        student = self.answer(inputs, data_samples['boxes'], data_samples['kinds'])
        final = None
        if self.match_on != 'all':
            matches = match(
                teacher if self.match_on == 'teacher' else student,
                data_samples['masks'],
                data_samples['targets'],
                boxes=data_samples['mask_boxes'],
                num_points=self.match_points,
            )
            final = matches.chosen(student.masks.shape[:3])
        valid = valid_cells(
            data_samples['valid'], tuple(inputs.shape[-2:]), student.masks.shape[-2:]
        )
        return self.criterion(student.masks, teacher.masks.to(student.masks.dtype), final, valid)

    def train(self, mode: bool = True) -> DistillationStudent:
        """As usual, but with ``norm_eval`` batch norms stay in evaluation mode."""
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self


def valid_cells(
    sizes: Tensor, image_size: tuple[int, int], map_size: Sequence[int]
) -> Tensor | None:
    """Cells (B, h, w) whose centres are in the images; None if no image is padded.

    ``sizes`` (B, 2) are height and width of the images without padding, ``image_size`` with it;
    ``map_size`` is h and w.
    """
    if (sizes == sizes.new_tensor(image_size)).all():
        return None
    inside = []
    for axis in range(2):
        centres = torch.arange(map_size[axis], device=sizes.device) + 0.5
        inside.append(centres * (image_size[axis] / map_size[axis]) < sizes[:, axis, None])
    return inside[0][:, :, None] & inside[1][:, None, :]
