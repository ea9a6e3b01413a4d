"""One file of weights gives the same counts on every way that leads to scores."""

from pathlib import Path

import pytest
from mmengine.runner import Runner

from mmirstd.apis import IRSTDInferencer, OnnxDetector, get_model_info, list_models
from mmirstd.datasets.splits import load_split
from mmirstd.evaluation.folder import score_folder
from mmirstd.evaluation.scorer import Scorer
from mmirstd.inference.configs import load_config
from mmirstd.io.images.masks import read_mask
from mmirstd.reporting.writers import DetectionWriter

COUNTS = ('tp', 'fp', 'fn', 'hits', 'targets', 'false_pixels', 'pixels')
IMAGES = 6

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif('light_unet_sirst3' not in list_models(), reason='no weights are published'),
]


@pytest.fixture(scope='module')
def model():
    return get_model_info('tiny')


@pytest.fixture(scope='module')
def images(data_root):
    names = load_split('nudt/dnanet_50_50_test').names[:IMAGES]
    return [data_root / 'NUDT-SIRST' / 'images' / f'{name}.png' for name in names]


def gt_mask_of(image: Path) -> Path:
    return image.parent.parent / 'masks' / image.name


@pytest.fixture(scope='module')
def expected(model, images, tmp_path_factory):
    """Counts of `mim test`: MMEngine's runner with the config of the weights."""
    config = load_config(model.config_file())
    dataset = config.test_dataloader.dataset.datasets[1]
    assert dataset.split == 'nudt/dnanet_50_50_test'
    dataset.indices = len(images)
    config.test_dataloader.dataset = dataset
    config.test_evaluator.per_dataset = False
    config.work_dir = str(tmp_path_factory.mktemp('test'))
    config.load_from = str(model.weights_file())
    config.visualizer = {'type': 'SegLocalVisualizer', 'vis_backends': []}
    numbers = Runner.from_cfg(config).test()
    return {name: int(numbers[f'irstd/{name}']) for name in COUNTS}


def counted(detections) -> dict[str, int]:
    scorer = Scorer(('legacy',))
    for detection in detections:
        mask = read_mask(gt_mask_of(Path(detection.source.path)))
        scorer.update(detection.mask, mask)
    numbers = scorer.compute().numbers()
    return {name: int(numbers[name]) for name in COUNTS}


def test_the_python_interface(expected, images):
    assert expected['targets'] > 0
    assert counted(IRSTDInferencer('tiny')(images)) == expected


def test_a_folder_of_masks(expected, images, tmp_path):
    with DetectionWriter(tmp_path, ['mask'], inputs=images) as writer:
        for detection in IRSTDInferencer('tiny')(images):
            writer.write(detection)
    names = [image.stem for image in images]
    found = score_folder(
        tmp_path / 'masks', gt_mask_of(images[0]).parent, Scorer(('legacy',)), names=names
    )
    numbers = found.result.numbers()
    assert {name: int(numbers[name]) for name in COUNTS} == expected


def test_onnxruntime(expected, images, tmp_path):
    pytest.importorskip('onnxruntime')
    from mmirstd.export.model import ExportModel, describe_model
    from mmirstd.export.onnx_file import export_onnx

    inferencer = IRSTDInferencer('tiny', fuse=False)
    model = ExportModel(inferencer.model, 1)
    export_onnx(model, tmp_path / 'tiny.onnx', describe_model(inferencer), size=(256, 256))
    assert counted(OnnxDetector(tmp_path / 'tiny.onnx')(images)) == expected
