import pickle

import cv2
import numpy as np
import pytest
import torch
from bright_model import scene

from mmirstd.apis import IRSTDInferencer
from mmirstd.inference.sources import find_sources
from mmirstd.inference.torch_detector import build_model, read_weights

TARGETS = [(12.0, 10.0, 9), (50.0, 30.0, 9)]


def found(detection):
    return [(t.x, t.y, t.area) for t in detection.targets]


@pytest.fixture(scope='module')
def detect(bright):
    return IRSTDInferencer(*bright)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_arrays_files_and_colours(detect, tmp_path, dtype):
    image = scene(dtype=dtype)
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    colour = np.repeat(image[..., None], 3, axis=2)
    for given in (image, image[..., None], colour, tmp_path / 'a.png', str(tmp_path / 'a.png')):
        (result,) = detect(given)
        assert found(result) == TARGETS
        assert result.probability.shape == result.mask.shape == (48, 64)
        assert result.probability.dtype == np.float32
        assert result.mask.sum() == 18
        assert result.image.dtype == dtype
        assert result.targets[0].score == pytest.approx(1 / (1 + np.exp(-127 / 16)), abs=1e-5)


def test_float_images_need_a_range(bright, detect):
    image = scene(dtype=np.float32) * 40 - 20  # degrees
    with pytest.raises(ValueError, match='natural maximum'):
        detect(image)
    for intensity_range in ((-20, 20), 'minmax', 'percentile'):
        inferencer = IRSTDInferencer(*bright, intensity_range=intensity_range)
        assert found(inferencer(image)[0]) == TARGETS


def test_a_folder_in_batches_keeps_the_order(detect, image_folder):
    single = detect(image_folder, recursive=True)
    batched = detect(image_folder, recursive=True, batch_size=3)
    assert [r.source.name for r in single] == ['deep', 'frame_2', 'frame_10', 'night/frame_1']
    for one, other in zip(single, batched, strict=True):
        assert one.source.name == other.source.name
        # Kernels may sum in another order for a batch than for one image.
        np.testing.assert_allclose(one.probability, other.probability, atol=1e-6)


def test_images_of_several_sizes_share_a_batch(detect):
    images = [scene(), scene(40, 50, [(5, 5)]), scene(40, 50, [(7, 9)]), scene()]
    results = detect(images, batch_size=4)
    assert [r.size for r in results] == [(48, 64), (40, 50), (40, 50), (48, 64)]
    assert found(results[2]) == [(9.0, 7.0, 9)]


def test_the_original_size_comes_back_from_a_resizing_pipeline(bright_square):
    (result,) = IRSTDInferencer(*bright_square)(scene(96, 128, [(30, 40)]))
    assert result.size == (96, 128)
    (target,) = result.targets
    assert (target.x, target.y) == pytest.approx((40, 30), abs=1)


def test_tiles_find_what_shrinking_loses(bright_square):
    image = scene(640, 512, [(100, 64), (320, 320), (639, 511)])
    whole = IRSTDInferencer(*bright_square)(image)[0]
    tiled = IRSTDInferencer(*bright_square, tile_size=64, overlap=16)(image, batch_size=7)[0]
    assert whole.targets == []
    assert [(t.x, t.y, t.area) for t in tiled.targets] == [
        (64.0, 100.0, 9), (320.0, 320.0, 9), (510.5, 638.5, 4)
    ]  # fmt: skip


def test_tiles_equal_the_whole_frame_for_a_pixelwise_model(bright):
    image = np.random.default_rng(0).integers(0, 256, (150, 131), np.uint8)
    whole = IRSTDInferencer(*bright)(image)[0]
    tiled = IRSTDInferencer(*bright, tile_size=64)(image)[0]
    np.testing.assert_allclose(tiled.probability, whole.probability, atol=1e-6)


def test_bad_files_fail_or_are_reported(detect, image_folder):
    (image_folder / 'frame_3.png').write_bytes(b'\x89PNG\r\n\x1a\n cut')
    with pytest.raises(ValueError, match=r'frame_3\.png'):
        detect(image_folder)
    reports = []
    results = detect(image_folder, on_error=lambda source, error: reports.append((source, error)))
    assert [r.source.name for r in results] == ['deep', 'frame_2', 'frame_10']
    ((source, error),) = reports
    assert source.name == 'frame_3'
    assert 'frame_3.png' in str(error)


def test_a_stream_holds_one_batch_only(detect):
    asked = []

    def sources():
        for source in find_sources([scene()] * 6):
            asked.append(source)
            yield source

    stream = detect.stream(sources(), batch_size=2)
    next(stream)
    assert len(asked) == 2


def test_a_stream_takes_what_a_call_takes(detect, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), scene())
    for inputs in (
        tmp_path,
        str(tmp_path / 'a.png'),
        [tmp_path / 'a.png'],
        scene(),
        torch.from_numpy(scene()),
        (frame for frame in [scene()]),
        find_sources(tmp_path),
    ):
        assert [found(result) for result in detect.stream(inputs)] == [TARGETS]
    with pytest.raises(ValueError, match=r'batch_size=.2. must be a whole number'):
        next(detect.stream(tmp_path, batch_size='2'))


def test_results_can_be_pickled_and_fit_one_line(detect):
    (result,) = detect(scene())
    copy = pickle.loads(pickle.dumps(result))
    assert copy.targets == result.targets
    np.testing.assert_array_equal(copy.probability, result.probability)
    assert repr(result) == '<Detection of array_0000: 2 targets in 64 x 48 pixels>'


def test_threshold_is_strict_and_defaults_to_the_head(bright):
    config, checkpoint = bright
    flat = np.full((8, 8), 128, np.uint8)  # logit 0, probability 0.5
    assert IRSTDInferencer(config, checkpoint)(flat)[0].targets == []
    assert len(IRSTDInferencer(config, checkpoint, threshold=0.49)(flat)[0].targets) == 1
    with pytest.raises(ValueError, match='threshold=2'):
        IRSTDInferencer(config, checkpoint, threshold=2)


def test_averaged_weights_and_those_of_the_last_step(bright, tmp_path):
    config, checkpoint = bright
    averaged = read_weights(checkpoint)
    raw = {key: value * 2 for key, value in averaged.items()}
    ema = {f'module.{key}': value for key, value in raw.items()} | {'steps': torch.tensor(7)}
    torch.save({'state_dict': averaged, 'ema_state_dict': ema}, tmp_path / 'ema.pth')
    image = np.full((4, 4), 144, np.uint8)  # logit 1; doubled scale and filter: 4
    peaks = {
        ema: IRSTDInferencer(config, tmp_path / 'ema.pth', ema=ema)(image)[0].targets[0].score
        for ema in (True, False)
    }
    assert peaks[True] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)
    assert peaks[False] == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-6)
    with pytest.warns(DeprecationWarning, match='weights is now called ema=False'):
        old = IRSTDInferencer(config, tmp_path / 'ema.pth', weights='raw')
    assert old(image)[0].targets[0].score == peaks[False]
    with pytest.raises(ValueError, match="weights='last' must be 'averaged' or 'raw'; see ema"):
        IRSTDInferencer(config, checkpoint, weights='last')


@pytest.mark.parametrize(
    ('average', 'expected'),
    [
        # The first state is copied, later ones are mixed in.
        ({'ema_type': 'ExponentialMovingAverage', 'momentum': 0.5}, ((2 + 4) / 2 + 9) / 2),
        ({'ema_type': 'StochasticWeightAverage'}, (2 + 4 + 9) / 3),
    ],
)
def test_weights_that_mmengine_averaged(bright, tmp_path, average, expected):
    """`ema` relies on what EMAHook writes, of whatever kind the average is."""
    from mmengine.hooks import EMAHook

    from mmirstd.inference.configs import load_config

    model = build_model(load_config(bright[0]), bright[1])
    hook = EMAHook(**average)

    class Runner:
        iter = epoch = 0

    runner = Runner()
    runner.model = model
    hook.before_run(runner)
    for state in (2.0, 4.0, 9.0):
        with torch.no_grad():
            model.backbone.scale.fill_(state)
        hook.after_train_iter(runner, runner.iter)
        runner.iter += 1
    content = {'state_dict': {k: v.clone() for k, v in model.state_dict().items()}}
    hook.before_save_checkpoint(runner, content)
    torch.save(content, tmp_path / 'averaged.pth')
    for ema, scale in ((True, expected), (False, 9.0)):
        detect = IRSTDInferencer(bright[0], tmp_path / 'averaged.pth', ema=ema)
        assert detect.model.backbone.scale.item() == pytest.approx(scale)


def test_a_foreign_or_broken_checkpoint_is_explained(bright, tmp_path):
    config, checkpoint = bright
    torch.save({'state_dict': {'conv.weight': torch.zeros(1)}}, tmp_path / 'foreign.pth')
    with pytest.raises(ValueError, match=r'3 missing.*1 unknown, such as conv\.weight'):
        IRSTDInferencer(config, tmp_path / 'foreign.pth')
    state = read_weights(checkpoint)
    state['decode_head.conv_seg.bias'] = torch.zeros(2)
    torch.save(state, tmp_path / 'shape.pth')
    with pytest.raises(ValueError, match=r'another shape.*\(2,\) instead of \(1,\)'):
        IRSTDInferencer(config, tmp_path / 'shape.pth')
    (tmp_path / 'cut.pth').write_bytes(checkpoint.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r'cut\.pth'):
        IRSTDInferencer(config, tmp_path / 'cut.pth')
    torch.save({'state_dict': {'a': 1}}, tmp_path / 'numbers.pth')
    with pytest.raises(ValueError, match='is not a tensor'):
        IRSTDInferencer(config, tmp_path / 'numbers.pth')
    with pytest.raises(FileNotFoundError, match=r'absent\.pth'):
        IRSTDInferencer(config, tmp_path / 'absent.pth')


def test_configs_are_found_or_explained(bright, tmp_path):
    with pytest.raises(
        FileNotFoundError, match='neither a file nor the name of trained weights or of a config'
    ):
        IRSTDInferencer('no_such_config')
    broken = tmp_path / 'broken.py'
    broken.write_text('model = dict(')
    with pytest.raises(ValueError, match=r'broken\.py is not a usable config'):
        IRSTDInferencer(broken)
    broken.write_text("test_pipeline = [dict(type='Resize')]")
    with pytest.raises(ValueError, match='begins with Resize'):
        IRSTDInferencer(broken)
    broken.write_text("test_pipeline = [dict(type='LoadImageFromFile')]")
    with pytest.raises(ValueError, match='no model'):
        IRSTDInferencer(broken)
    broken.write_text("model = dict(type='Nothing')\n" + broken.read_text())
    with pytest.raises(ValueError, match='cannot be built'):
        IRSTDInferencer(broken)


def test_arguments_that_contradict(bright):
    with pytest.raises(ValueError, match='overlap=4 needs tile'):
        IRSTDInferencer(*bright, overlap=4)
    with pytest.raises(ValueError, match='intensity_range'):
        IRSTDInferencer(*bright, intensity_range='auto')
    with pytest.raises(ValueError, match="device='warp'"):
        IRSTDInferencer(*bright, device='warp')
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match='no CUDA device'):
            IRSTDInferencer(*bright, device='cuda')
