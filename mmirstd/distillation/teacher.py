"""The frozen teacher, which answers from its model or from a cache."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.logging import print_log
from torch import Tensor

from mmirstd.distillation.prompted import PromptDataPreprocessor, load_semantic_sam
from mmirstd.distillation.teacher_cache import Answers, TeacherCache
from mmirstd.io.hashing import digest_of, sha256
from mmirstd.models.semantic_sam import SemanticSAM, SemanticSAMOutput
from mmirstd.registry import MODELS
from mmirstd.renamed import accept_old_arguments


def frozen_semantic_sam(
    semantic_sam: dict, checkpoint: str | None, decoder_device: str | torch.device = 'cpu'
) -> SemanticSAM:
    """Build Semantic-SAM and load its weights, in evaluation mode and without gradients.

    Args:
        semantic_sam: Config of :class:`mmirstd.SemanticSAM`.
        checkpoint: Its weights.
        decoder_device: Device of everything but the backbone, which stays on the CPU.

    Raises:
        ValueError: There is no checkpoint.
        FileNotFoundError: The checkpoint does not exist.
    """
    if checkpoint is None:
        raise ValueError(
            'teacher.checkpoint is None, but the teacher must be trained. Convert a released '
            'file with `mmirstd convert semantic-sam`, or train one on procedural shapes '
            'with configs/distill/tiny_teacher_synthetic.py'
        )
    teacher = MODELS.build(semantic_sam)
    load_semantic_sam(teacher, checkpoint)
    teacher.pixel_decoder.to(decoder_device)
    teacher.mask_decoder.to(decoder_device)
    return teacher.requires_grad_(False).eval()


@accept_old_arguments(network='semantic_sam')
class Teacher:
    """Predicts masks for batches of raw images and prompts.

    The backbone of the teacher stays on the CPU until it is needed, which is never the case with a
    full cache.

    Args:
        semantic_sam: Config of :class:`mmirstd.SemanticSAM`.
        checkpoint: Its weights: a converted release, or a checkpoint that you trained.
        preprocessor: Config of the teacher's own normalisation;
            :class:`mmirstd.PromptDataPreprocessor` by default.
        cache: Folder that stores the outputs, or None. The dataset must repeat its random draws
            (``distinct_epochs``).
        cache_precision: See :class:`mmirstd.distillation.teacher_cache.TeacherCache`.
        device: Device of the computation.
        images: ``description()`` of the dataset, which identifies a cache.

    Raises:
        ValueError: There is no checkpoint, or the cache belongs to something else.
    """

    def __init__(
        self,
        semantic_sam: dict,
        checkpoint: str | None = None,
        *,
        preprocessor: dict | None = None,
        cache: str | None = None,
        cache_precision: str = 'float16',
        device: str | torch.device = 'cpu',
        images: dict | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.model = frozen_semantic_sam(semantic_sam, checkpoint, self.device)
        self.preprocessor: PromptDataPreprocessor = MODELS.build(
            preprocessor or {'type': 'mmirstd.PromptDataPreprocessor'}
        ).to(self.device)
        self.cache = None
        if cache is not None:
            digest = sha256(Path(str(checkpoint)).expanduser())
            print_log(f'teacher {checkpoint}: sha256 {digest}', logger='current')
            description = {
                **(images or {}),
                'teacher': digest,
                'network': digest_of(semantic_sam),
                'preprocessor': digest_of(preprocessor),
            }
            self.cache = TeacherCache(cache, description, cache_precision)
        self.seconds = 0.0
        self.asked = self.found = 0

    @property
    def gives_logits(self) -> bool:
        """Whether outputs are logits; False if a cache stores thresholded masks."""
        return self.cache is None or self.cache.precision == 'float16'

    @torch.no_grad()
    def answer(self, data: dict, precision: torch.dtype | None = None) -> SemanticSAMOutput:
        """Masks, IoUs and boxes for a raw training batch.

        Args:
            data: ``inputs`` and ``data_samples`` from the data loader.
            precision: Type for autocast; None computes in float32.

        Returns:
            The output on the teacher's device, without auxiliary outputs.

        Raises:
            ValueError: The cache was filled in another precision.
        """
        started = time.perf_counter()
        keys = data['data_samples']['key']
        if self.cache is not None:
            self.cache.agree('computed_in', str(precision or torch.float32))
        self.asked += len(data['inputs'])
        if self.cache is None:
            output = self._compute(data, precision)
        else:
            if all(self.cache.has(key) for key in keys):
                self.found += len(keys)
            else:
                output = self._compute(data, precision)
                for key, *answers in zip(keys, *output[:3], strict=True):
                    self.cache.write(key, Answers(*answers))
            # The first epoch reads them too, so that it gets the same rounded values as later ones.
            output = _stack_answers([self.cache.read(key) for key in keys], self.device)
        self.seconds += time.perf_counter() - started
        return output

    def _compute(self, data: dict, precision: torch.dtype | None) -> SemanticSAMOutput:
        if next(self.model.backbone.parameters()).device != self.device:
            self.model.backbone.to(self.device)
        samples = {key: data['data_samples'][key] for key in ('boxes', 'kinds', 'valid')}
        prepared = self.preprocessor({'inputs': data['inputs'], 'data_samples': samples})
        samples = prepared['data_samples']
        autocast = (
            contextlib.nullcontext()
            if precision is None
            else torch.autocast(self.device.type, dtype=precision)
        )
        with autocast:
            return self.model(
                prepared['inputs'], samples['boxes'], samples['kinds'], auxiliary=False
            )


def _stack_answers(answers: Sequence[Answers], device: torch.device) -> SemanticSAMOutput:
    parts: list[Tensor] = [torch.stack(part).to(device) for part in zip(*answers, strict=True)]
    return SemanticSAMOutput(*parts, auxiliary=[])
