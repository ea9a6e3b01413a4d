"""One options object for every detector, and what results offer."""

import cv2
import numpy as np
import pytest
from bright_model import scene

from mmirstd.inference.detector import Detector
from mmirstd.inference.options import DetectorOptions


class Bright(Detector):
    """Probability = gray value / 255."""

    def scale(self, image, name):
        return image

    def predict(self, images):
        return [np.float32(image) / np.float32(255) for image in images]


OWN = DetectorOptions(threshold=0.4, intensity_range=(0, 1000))


def test_what_is_left_open_is_the_models_own():
    detector = Bright(DetectorOptions(), OWN)
    assert (detector.threshold, detector.intensity_range) == (0.4, (0, 1000))
    chosen = Bright(DetectorOptions(threshold=0.0, tile_size=64, tta=True), OWN)
    assert (chosen.threshold, chosen.tiling.size, chosen.tiling.overlap) == (0.0, 64, 16)
    assert chosen.tta


def test_other_options_leave_the_detector_alone():
    detector = Bright(DetectorOptions(threshold=0.7, tile_size=64), OWN)
    other = detector.with_options(tta=True, intensity_range='minmax')
    assert other.options == DetectorOptions(0.7, 64, None, 'cosine', 'minmax', True)
    assert detector.options == DetectorOptions(0.7, 64, None, 'cosine', (0, 1000), False)
    back = other.with_options(threshold=None, intensity_range=None)
    assert (back.threshold, back.intensity_range) == (0.4, (0, 1000))


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'threshold': 1.0}, 'threshold=1.0'),
        ({'threshold': -0.1}, 'threshold=-0.1'),
        ({'overlap': 4}, 'overlap=4 needs tile_size'),
        ({'tile_size': 2}, 'tile_size=2'),
        ({'tile_size': 64, 'overlap': 40}, 'half of tile_size=64'),
        ({'tile_size': 64, 'blend': 'hard'}, "blend='hard'"),
        ({'intensity_range': 'auto'}, 'auto'),
    ],
)
def test_values_out_of_range_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        DetectorOptions(**values)
    with pytest.raises(ValueError, match=message):
        Bright(DetectorOptions(), OWN).with_options(**values)


def test_old_and_unknown_names():
    with pytest.warns(DeprecationWarning, match='tile is now called tile_size'):
        assert Bright(DetectorOptions(), OWN).with_options(tile=64).options.tile_size == 64
    with pytest.raises(TypeError, match='unknown option color; options are threshold, tile_size'):
        Bright(DetectorOptions(), OWN).with_options(color=1)
    with pytest.raises(TypeError, match='tile is the old name'):
        DetectorOptions().changed({'tile': 8, 'tile_size': 8})


def test_results_have_boxes_masks_of_targets_and_pictures(tmp_path):
    image = scene()
    # Two components whose boxes overlap: an L around a dot.
    image[20:30, 20] = image[29, 20:30] = 255
    image[22:24, 24:26] = 255
    (found,) = Bright(DetectorOptions(), OWN)(image)
    assert found.boxes.tolist() == [[11, 9, 14, 12], [20, 20, 30, 30], [24, 22, 26, 24],
                                    [49, 29, 52, 32]]  # fmt: skip
    assert found.scores.tolist() == [1, 1, 1, 1]
    total = np.zeros(image.shape, int)
    for k, target in enumerate(found.targets):
        alone = found.target_mask(k)
        assert alone.sum() == target.area
        total += alone
    np.testing.assert_array_equal(total, image // 255)
    assert found.plot().ndim == 3
    assert found.plot().dtype == np.uint8
    for what, expected in (('mask', image), ('probability', image.astype(np.uint16) * 257)):
        path = found.save(tmp_path / f'{what}.png', what)
        np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), expected)
    found.save(tmp_path / 'overlay.png', 'overlay')
    drawn = cv2.imread(str(tmp_path / 'overlay.png'))
    np.testing.assert_array_equal(drawn[..., ::-1], found.plot())
    with pytest.raises(ValueError, match="what='box'"):
        found.save(tmp_path / 'x.png', 'box')
    assert found.at_threshold(0.999).boxes.shape == (4, 4)
    (none,) = Bright(DetectorOptions(), OWN)(np.zeros_like(image))
    assert none.boxes.shape == (0, 4)


def test_a_result_does_not_replace_its_image(tmp_path):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), scene())
    before = path.read_bytes()
    (found,) = Bright(DetectorOptions(), OWN)(path)
    with pytest.raises(ValueError, match='is an input'):
        found.save(path)
    assert path.read_bytes() == before


def test_thresholds_targets_and_formats_that_do_not_exist_are_named(tmp_path):
    (found,) = Bright(DetectorOptions(), OWN)(scene())
    for threshold in (1.5, -1, float('nan'), '0.5'):
        with pytest.raises(ValueError, match='must be a probability'):
            found.at_threshold(threshold)
        with pytest.raises(ValueError, match='must be a probability'):
            DetectorOptions(threshold=threshold)
    with pytest.raises(IndexError, match='index=2: array_0000 has 2 targets'):
        found.target_mask(2)
    for what in ('mask', 'probability'):
        with pytest.raises(ValueError, match=rf'jpg changes the values of a {what}; use \.png'):
            found.save(tmp_path / 'a.jpg', what)
    assert found.save(tmp_path / 'a.jpg', 'overlay').is_file()


def test_numbers_of_numpy_are_numbers():
    options = DetectorOptions(np.float32(0.5), np.int64(64), np.int32(8))
    assert options.tiling.overlap == 8
    (found,) = Bright(options, OWN)(scene(), batch_size=np.int64(2))
    assert len(found.targets) == 2


@pytest.mark.parametrize(
    ('shape', 'hint'),
    [
        ((8, 9, 4), r'image\[\.\.\., :3\]'),
        ((3, 8, 9), r'image\.transpose\(1, 2, 0\)'),
        ((7, 8, 9), 'Split stacks'),
    ],
)
def test_arrays_of_other_shapes_get_the_hint_that_helps(shape, hint):
    with pytest.raises(ValueError, match=hint):
        Bright(DetectorOptions(), OWN)(np.zeros(shape, np.uint8))
