"""Detect targets in images with any model of MMSegmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from torch import nn

from mmirstd.checkpoints import check_fit, load_checkpoint
from mmirstd.datasets.intensity import check_range, scale_intensity, with_channels
from mmirstd.inference.configs import load_config, split_pipeline, without_pretrained
from mmirstd.inference.detector import Detector
from mmirstd.inference.frames.steps import take_frame_steps
from mmirstd.inference.options import DetectorOptions
from mmirstd.inference.precision import Precision, SegmentorRunner
from mmirstd.io.hashing import sha256
from mmirstd.models.fuse import prepare_for_inference
from mmirstd.models.segmentors.data_samples import read_prediction
from mmirstd.registry import MODELS, TRANSFORMS
from mmirstd.renamed import Renamed, accept_old_arguments
from mmirstd.weights import find_files, find_model
from mmirstd.wording import format_count


@accept_old_arguments(weights=Renamed('ema', {'averaged': True, 'raw': False}))
class IRSTDInferencer(Detector):
    """Detects small targets with a trained MMSegmentation model.

    Images are prepared by the config's own test pipeline and data preprocessor, so they are the
    same as in training; results have the size of the image. Cut frames that are larger than in
    training into tiles of the training size (``tile_size``).

    Args:
        config_or_name: The name of trained weights (``'tiny'``, see `mmirstd.apis.list_models`), a
            folder or Hugging Face repository with ``model.json``; or, with ``checkpoint``, the
            path of a config, the name of a config of this package (``'simirstd_nudt'``), or a
            loaded config.
        checkpoint: Weights, a file or a name, read without running code from the file. None for
            the published ones, or for the config's ``load_from``.
        device: Device of the computation, such as 'cpu' or 'cuda:0'.
        options: Threshold, tiles, range of values and so on; the config defines those that are
            None.
        ema: Use the averaged weights (EMA or SWA) of a checkpoint that was trained with them;
            False uses those of the last training step. Without averaging both are the same.
        fuse: Fold batch norms and branches and arrange memory for inference, which only changes
            the speed: outputs agree to about 1e-5. On a CPU the process keeps the
            memory of freed maps. False leaves the model as it was trained.
        precision: 'float32', 'bfloat16', or 'auto', which continues in bfloat16 if it is faster on
            the first images with targets and finds the same ones.
        untrained: Whether weights may be missing; they are random then, and results are
            meaningless.
        **changes: Fields of `DetectorOptions` one by one, such as ``tile_size=256``.

    Raises:
        FileNotFoundError: The config or the checkpoint does not exist.
        ValueError: The config or checkpoint is unusable, they do not belong together, or there is
            no checkpoint.

    Example:
        >>> detect = IRSTDInferencer('tiny')  # doctest: +SKIP
        >>> for target in detect('frame.png')[0].targets:  # doctest: +SKIP
        ...     print(target.x, target.y, target.score)
    """

    def __init__(
        self,
        config_or_name: str | Path | Config,
        checkpoint: str | Path | None = None,
        device: str | torch.device = 'cpu',
        *,
        options: DetectorOptions | None = None,
        ema: bool = True,
        fuse: bool = True,
        precision: Precision = 'float32',
        untrained: bool = False,
        **changes: Any,
    ) -> None:
        options = (options or DetectorOptions()).changed(changes, type(self).__name__)
        tile_size = None
        if not isinstance(config_or_name, Config):
            if checkpoint is None and (info := find_model(config_or_name)) is not None:
                tile_size = info.tile_size
            config_or_name, checkpoint = find_files(config_or_name, checkpoint)
        self.config = load_config(config_or_name)
        own_range = split_pipeline(self.config)[0].get('intensity_range', 'dtype')
        self.loader, self.steps = split_pipeline(self.config, options.intensity_range)
        channels = self.loader.get('channels', 3)
        self.frame_steps, self.steps = take_frame_steps(self.steps, channels)
        self.percentiles = self.loader.get('percentiles', (0.1, 99.99))
        check_range(own_range, self.percentiles)
        self.model = build_model(self.config, checkpoint, device, ema=ema, untrained=untrained)
        self._origin = self.config.get('load_from') if checkpoint is None else checkpoint, ema
        self._is_fused = fuse
        if fuse:
            self.model = prepare_for_inference(self.model)
        self._run = SegmentorRunner(precision, _check_device(device))
        head = self.model.decode_head
        default = 0.5 if isinstance(head, nn.ModuleList) else getattr(head, 'threshold', None)
        own = DetectorOptions(
            threshold=0.5 if default is None else default,
            tile_size=tile_size,
            intensity_range=own_range,
        )
        super().__init__(options, own)
        with _scope(self.config):
            self._prepare = Compose([TRANSFORMS.build(dict(step)) for step in self.steps])

    def _own_fingerprint(self) -> object:
        config = [self.config.get(key) for key in ('model', 'test_pipeline')]
        checkpoint, ema = self._origin
        if checkpoint is not None and Path(checkpoint).is_file():
            checkpoint = sha256(checkpoint)
        return [config, checkpoint, ema, self._run.precision, self._is_fused]

    def scale(self, image: np.ndarray, name: str) -> np.ndarray:
        """Scale sensor values to the model's range, as the config does for a whole frame."""
        scaled = scale_intensity(
            image, self.intensity_range, percentiles=self.percentiles, source=name
        )
        return self.frame_steps(scaled, name)

    def input_size(self, image: np.ndarray) -> tuple[int, int]:
        """(height, width) at which the model sees a frame, after the config's test pipeline."""
        return tuple(self._pack(image)['inputs'].shape[-2:])

    def predict(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Probability (H, W) of each image (H, W) or (H, W, 3) in 0..255."""
        batch = pseudo_collate([self._pack(image) for image in images])
        try:
            with _scope(self.config), torch.inference_mode():
                samples = self._run(self.model, batch, self.threshold)
        except RuntimeError as error:  # out of memory, or a size that the model cannot take
            raise ValueError(
                f'the model failed on {format_count(len(images), "image")} of '
                f'{images[0].shape[:2]} (height, width): {error}. Try smaller tiles or batches.'
            ) from error
        return [
            read_prediction(sample.to_dict(), self.threshold, 'prediction')[1] for sample in samples
        ]

    def _pack(self, image: np.ndarray) -> dict[str, Any]:
        """Run the steps after the loader."""
        size = image.shape[:2]
        image = with_channels(image, self.loader.get('channels', 3))
        return self._prepare({'img': image, 'img_path': None, 'img_shape': size, 'ori_shape': size})


def build_model(
    config: Config,
    checkpoint: str | Path | None,
    device: str | torch.device = 'cpu',
    *,
    ema: bool = True,
    untrained: bool = False,
) -> nn.Module:
    """Build the segmentor of a config in eval mode and load its weights.

    Args:
        config: Loaded config.
        checkpoint: Weights; None takes the config's ``load_from``.
        device: Device of the model.
        ema: See `IRSTDInferencer`.
        untrained: Whether weights may be missing; they are random then.

    Raises:
        FileNotFoundError: The checkpoint does not exist.
        ValueError: The model cannot be built, the checkpoint does not fit it, or a model with
            parameters has no weights.
    """
    if 'model' not in config:
        raise ValueError(f'{config.filename}: there is no model in this config')
    checkpoint = checkpoint if checkpoint is not None else config.get('load_from')
    state = None if checkpoint is None else read_weights(checkpoint, ema=ema)
    model_config = config.model
    if state is not None or not untrained:
        without_pretrained(model_config)  # a checkpoint replaces these weights
    try:
        with _scope(config):
            model = MODELS.build(model_config)
    except Exception as error:  # constructors raise many types, none of which names the config
        raise ValueError(
            f'{config.filename}: the model cannot be built: {type(error).__name__}: {error}'
        ) from error
    if state is not None:
        check_fit(state, model.state_dict(), str(checkpoint))
        model.load_state_dict(state)
    elif not untrained and any(True for _ in model.parameters()):
        raise ValueError(
            f'{config.filename}: no weights were given, so what the model finds would be random. '
            'Give its checkpoint (--checkpoint FILE on the command line) or set load_from in the '
            'config; untrained=True allows random weights'
        )
    return model.to(_check_device(device)).eval()


def read_weights(checkpoint: str | Path, *, ema: bool = True) -> dict[str, torch.Tensor]:
    """Read the model weights of a checkpoint.

    MMEngine's EMAHook stores the averaged weights as ``state_dict`` and those of the last
    training step, prefixed with ``module.``, as ``ema_state_dict``.

    Args:
        checkpoint: The file.
        ema: Whether to use the averaged weights if the file has both.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is unusable or contains no weights.
    """
    content = load_checkpoint(checkpoint)
    state = content.get('state_dict', content)
    if not ema and 'ema_state_dict' in content:
        state = content['ema_state_dict']
        if isinstance(state, Mapping):
            state = {k: v for k, v in state.items() if str(k).startswith('module.')}
    if not isinstance(state, Mapping) or (not state and 'state_dict' not in content):
        raise ValueError(f'{checkpoint}: the file contains no state_dict with weights')
    bad = [key for key, value in state.items() if not isinstance(value, torch.Tensor)]
    if bad:
        raise ValueError(
            f'{checkpoint}: {bad[0]!r} is not a tensor, so this is not a state_dict of a model'
        )
    if all(str(key).startswith('module.') for key in state):  # saved from a DDP wrapper
        state = {key.removeprefix('module.'): value for key, value in state.items()}
    return dict(state)


def _check_device(device: str | torch.device) -> torch.device:
    try:
        device = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f'device={device!r}: {error}') from error
    if device.type == 'cuda' and not torch.cuda.is_available():
        raise ValueError(f"device='{device}': PyTorch sees no CUDA device here; use device='cpu'")
    return device


def _scope(config: Config) -> Any:
    """The registry scope in which the types of ``config`` are meant."""
    return DefaultScope.overwrite_default_scope(config.get('default_scope', 'mmseg'))
