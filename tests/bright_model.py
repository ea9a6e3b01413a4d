"""A model whose answers can be foretold: target where the gray value exceeds 128."""

from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS

CONFIG = """
custom_imports = dict(imports=['bright_model'])
default_scope = 'mmseg'
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[128.0] * 3, std=[16.0] * 3, bgr_to_rgb=True),
    backbone=dict(type='BrightBackbone', weights='imagenet'),
    decode_head=dict(
        type='FCNHead', in_channels=3, channels=3, num_convs=0, concat_input=False, in_index=0,
        num_classes=2, out_channels=1, threshold=0.5, dropout_ratio=0, norm_cfg=None,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True)),
    test_cfg=dict(mode='whole'))
test_pipeline = [
    dict(type='LoadImageFromFile', _scope_='mmirstd', channels=3, intensity_range='dtype'),
    dict(type='mmirstd.LoadMask'),
    RESIZE
    dict(type='PackSegInputs')]
"""
RESIZE = "dict(type='mmirstd.ResizeToSquare', size=64),"


@MODELS.register_module(force=True)
class BrightBackbone(BaseModule):
    """Hands the image on; would download weights if it were asked to."""

    def __init__(self, weights=None):
        super().__init__()
        if weights == 'imagenet':
            raise RuntimeError('no network access')
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        return (x * self.scale,)


def weights() -> dict[str, torch.Tensor]:
    """Logit = mean of the normalised channels."""
    return {
        'backbone.scale': torch.ones(1),
        'decode_head.conv_seg.weight': torch.full((1, 3, 1, 1), 1 / 3),
        'decode_head.conv_seg.bias': torch.zeros(1),
    }


def write_model(folder: Path, config: str) -> tuple[Path, Path]:
    """Write a config and the weights; returns the paths of both."""
    (folder / 'bright.py').write_text(config)
    torch.save({'meta': {}, 'state_dict': weights()}, folder / 'bright.pth')
    return folder / 'bright.py', folder / 'bright.pth'


def write_models(folder: str = '.') -> None:
    """Write bright.py, its weights bright.pth, and blind.pth, which never sees a target."""
    path = Path(folder)
    (path / 'bright.py').write_text(CONFIG.replace('RESIZE', ''))
    torch.save(weights(), path / 'bright.pth')
    blind = weights()
    blind['decode_head.conv_seg.bias'] -= 100
    torch.save(blind, path / 'blind.pth')


def write_export_project(images: int) -> None:
    """Write a config that resizes, its weights, and images that are their own masks."""
    write_model(Path(), CONFIG.replace('RESIZE', RESIZE))
    for folder in ('images', 'masks'):
        Path(folder).mkdir()
        for k in range(images):
            cv2.imwrite(f'{folder}/frame_{k}.png', scene(64, 64, [(20, 10 + 4 * k)]))


def write_onnx(path: Path, description) -> Path:
    """Write an ONNX file whose logit is the mean of the channels; needs the package onnx."""
    import onnx
    from onnx import helper

    info = [helper.make_tensor_value_info(n, 1, ['n', c, 'h', 'w']) for n, c in ('x3', 'y1')]
    nodes = [helper.make_node('ReduceMean', ['x', 'axis'], ['y'], keepdims=1)]
    axis = helper.make_tensor('axis', onnx.TensorProto.INT64, [1], [1])
    graph = helper.make_graph(nodes, 'g', info[:1], info[1:], [axis])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)
    helper.set_model_props(model, description.to_metadata())
    onnx.save(model, path)
    return path


def scene(height=48, width=64, targets=((10, 12), (30, 50)), dtype=np.uint8):
    """Dark image with 3 x 3 targets at (y, x); the values 0 and 255 in 8 bits."""
    image = np.zeros((height, width), np.float64)
    for y, x in targets:
        image[y - 1 : y + 2, x - 1 : x + 2] = 1
    if dtype == np.float32:
        return image.astype(dtype)
    return (image * np.iinfo(dtype).max).astype(dtype)
