"""Procedural scenes: reproducibility, exact ground truth, the promised signal-to-clutter ratio."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from mmirstd.datasets.synthetic import BACKGROUNDS, SceneConfig, generate_scene, local_scr
from mmirstd.datasets.synthetic.scene import scene_generator
from mmirstd.datasets.synthetic.sensor import digitise, draw_sensor
from mmirstd.datasets.synthetic.targets import (
    EIGHT_NEIGHBOURS,
    draw_shape,
    neighbourhood,
    point_signal,
    smallest_footprint,
)

SMALL = (64, 80)


def _regions(mask):
    return ndimage.label(mask, EIGHT_NEIGHBOURS)[1]


def _digest(scene):
    return hashlib.sha256(scene.image.tobytes() + scene.mask.tobytes()).hexdigest()


def test_same_arguments_give_the_same_bits_in_another_process():
    program = (
        'import hashlib; from mmirstd.datasets.synthetic import *;'
        's = generate_scene(SceneConfig(size=(64, 80)), 7, "test", 3);'
        'print(hashlib.sha256(s.image.tobytes() + s.mask.tobytes()).hexdigest())'
    )
    other = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=True
    )
    here = generate_scene(SceneConfig(size=SMALL), 7, 'test', 3)
    assert other.stdout.strip() == _digest(here)


def test_seed_split_and_index_each_change_the_scene():
    config = SceneConfig(size=SMALL)
    base = _digest(generate_scene(config, 0, 'train', 0))
    others = [(1, 'train', 0), (0, 'val', 0), (0, 'train', 1)]
    digests = {base} | {_digest(generate_scene(config, *other)) for other in others}
    assert len(digests) == 4


def test_negative_seed_is_named():
    with pytest.raises(ValueError, match='seed=-1'):
        scene_generator(-1, 'train', 0)


@pytest.mark.parametrize('kind', sorted(BACKGROUNDS))
@pytest.mark.parametrize('size', [(64, 64), (61, 95)])
def test_every_background_is_a_varied_image_of_the_asked_size(kind, size):
    config = SceneConfig(size=size, backgrounds=(kind,), empty=1.0)
    for index in range(3):
        scene = generate_scene(config, 0, 'train', index)
        assert scene.background == kind
        assert scene.image.shape == size
        assert scene.image.dtype == np.uint8
        assert np.isfinite(scene.image).all()
        assert scene.image.std() > 1.0
        assert not scene.mask.any()
        assert scene.targets == ()


def test_mask_holds_one_region_per_target_with_the_declared_gt_mask():
    config = SceneConfig(size=(96, 96), targets=(1, 5), empty=0.0)
    seen = 0
    for index in range(25):
        scene = generate_scene(config, 1, 'train', index)
        assert _regions(scene.mask) == len(scene.targets)
        assert scene.mask.sum() == sum(target.area for target in scene.targets)
        labels, count = ndimage.label(scene.mask, EIGHT_NEIGHBOURS)
        centroids = {
            tuple(np.round(c[::-1], 6))
            for c in ndimage.center_of_mass(labels > 0, labels, range(1, count + 1))
        }
        for target in scene.targets:
            seen += 1
            assert tuple(np.round(target.centroid, 6)) in centroids
            assert 1 <= target.area <= 100
            left, top, right, bottom = target.box
            region = scene.mask[top:bottom, left:right]
            assert region.any(axis=0).all()
            assert region.any(axis=1).all()
            assert np.hypot(*np.subtract(target.position, target.centroid)) < 3.0
    assert seen > 40


def test_number_of_targets_and_empty_images():
    config = SceneConfig(size=(96, 96), targets=(2, 4), empty=0.3, area=(1, 9))
    counts = [len(generate_scene(config, 2, 'train', i).targets) for i in range(40)]
    assert set(counts) <= {0, 2, 3, 4}
    assert 4 <= counts.count(0) <= 22
    assert {2, 3, 4} <= set(counts)


def test_scr_is_the_added_signal_over_the_clutter_of_the_target_free_frame():
    """The scene with and without its target differs by the promised contrast."""
    config = SceneConfig(
        size=(96, 96),
        bits=16,
        targets=(1, 1),
        empty=0.0,
        scr=(5.0, 5.0),
        defects=0.0,
        noise=(0.004, 0.004),
        backgrounds=('clear',),
    )
    without = SceneConfig(**{**config.__dict__, 'scr': (1e-9, 1e-9)})
    compared = 0
    for index in range(12):
        scene = generate_scene(config, 3, 'train', index)
        clean = generate_scene(without, 3, 'train', index)
        if (scene.mask != clean.mask).any():
            continue  # the stronger target did not fit below saturation and went elsewhere
        compared += 1
        (target,) = scene.targets
        assert target.scr == pytest.approx(5.0)
        clutter = clean.image[neighbourhood(scene.mask)].astype(float).std()
        added = scene.image.astype(float) - clean.image
        # Gain differs from 1 by vignetting, shot noise of a small target by a little more.
        assert added[scene.mask].mean() / clutter == pytest.approx(5.0, rel=0.2)
        assert added[~scene.mask].max() < added[scene.mask].max()
    assert compared >= 6


def test_scr_orders_the_measured_ratio():
    def mean_ratio(scr):
        config = SceneConfig(size=SMALL, targets=(1, 1), empty=0.0, scr=(scr, scr), bits=16)
        scenes = [generate_scene(config, 4, 'train', i) for i in range(10)]
        return np.mean([t.image_scr for s in scenes for t in s.targets])

    assert mean_ratio(2.0) < mean_ratio(6.0) < mean_ratio(15.0)


def test_headroom_lowers_the_ratio_instead_of_saturating():
    config = SceneConfig(
        size=SMALL, targets=(1, 1), empty=0.0, scr=(500.0, 500.0), backgrounds=('skyline',),
        noise=(0.01, 0.01), defects=0.0,
    )  # fmt: skip
    ratios = [t.scr for i in range(5) for t in generate_scene(config, 0, 'train', i).targets]
    assert ratios
    assert max(ratios) < 500.0


def test_eight_and_sixteen_bits_show_the_same_scene():
    eight = generate_scene(SceneConfig(size=SMALL, bits=8), 5, 'train', 0)
    sixteen = generate_scene(SceneConfig(size=SMALL, bits=16), 5, 'train', 0)
    assert sixteen.image.dtype == np.uint16
    assert sixteen.image.max() <= 16383
    assert (eight.mask == sixteen.mask).all()
    assert np.abs(sixteen.image / 16383 - eight.image / 255).max() <= 0.5 / 255 + 1e-4
    assert len(np.unique(sixteen.image)) > len(np.unique(eight.image))


def test_point_signal_is_the_pixel_integral_of_a_gaussian():
    signal = point_signal((0.0, 0.0), 0.7)
    assert signal.sum() == pytest.approx(1.0, abs=1e-4)
    fine = (np.arange(9 * 100) + 0.5) / 100 - 4.5
    gauss = np.exp(-0.5 * (fine / 0.7) ** 2) / (0.7 * np.sqrt(2 * np.pi)) / 100
    pixels = gauss.reshape(9, 100).sum(axis=1)
    assert np.allclose(signal, np.outer(pixels, pixels), atol=1e-4)


def test_point_position_shifts_the_centre_of_mass():
    signal = point_signal((0.3, -0.4), 0.8)
    half = signal.shape[0] // 2
    centre = np.array(ndimage.center_of_mass(signal)) - half
    assert centre == pytest.approx((0.3, -0.4), abs=5e-3)


@pytest.mark.parametrize('area', [(1, 1), (2, 6), (60, 100)])
def test_shape_areas_are_kept(area):
    rng = np.random.default_rng(0)
    for _ in range(10):
        shape = draw_shape(rng, area, 0.5)
        assert area[0] <= shape.area <= area[1]
        assert shape.signal.max() == 1.0
        assert (shape.mask == (shape.signal > 0.5)).all()
        assert _regions(shape.mask) == 1
        border = np.concatenate([shape.signal[[0, -1]].ravel(), shape.signal[:, [0, -1]].ravel()])
        assert border.max() < 1e-2


def test_impossible_area_is_an_error():
    with pytest.raises(ValueError, match=r'area=\(1, 1\)'):
        draw_shape(np.random.default_rng(0), (1, 1), 2.5)


def test_uniform_body_has_its_geometric_area():
    areas = []
    rng = np.random.default_rng(1)
    for _ in range(30):
        shape = draw_shape(rng, (40, 60), 0.6)
        areas.append(shape.area)
    assert 44 < np.mean(areas) < 56


def test_local_scr_by_hand():
    image = np.zeros((9, 9))
    image[::2] = 2.0  # background rows 2, 0, 2, ...
    target = np.zeros((9, 9), dtype=bool)
    target[4, 4] = True
    image[4, 4] = 11.0
    window = np.ones((9, 9), dtype=bool)
    window[2:7, 2:7] = False
    clutter = image[window]
    expected = (11.0 - clutter.mean()) / clutter.std()
    assert local_scr(image, target) == pytest.approx(expected)
    assert expected == pytest.approx(10 / 1, rel=0.03)


def test_local_scr_of_flat_and_full_neighbourhoods():
    image = np.zeros((40, 40))
    target = np.zeros((40, 40), dtype=bool)
    target[20, 20] = True
    assert local_scr(image, target) == 0.0
    image[20, 20] = 1.0
    assert local_scr(image, target) == float('inf')
    assert np.isnan(local_scr(image[18:23, 18:23], target[18:23, 18:23]))


def test_other_targets_do_not_count_as_clutter():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(60, 60))
    first, second = np.zeros((2, 60, 60), dtype=bool)
    first[30, 30], second[30, 40] = True, True
    image[first], image[second] = 10.0, 1000.0
    assert local_scr(image, first, first | second) > 5.0 > local_scr(image, first)


def test_defects_are_not_labelled_and_leave_targets_alone():
    config = SceneConfig(size=SMALL, defects=60.0, targets=(1, 1), empty=0.0, area=(1, 9))
    for index in range(4):
        scene = generate_scene(config, 6, 'train', index)
        assert _regions(scene.mask) == len(scene.targets) <= 1
        assert ((scene.image < 14) | (scene.image > 150)).any()


def test_sensor_noise_has_the_asked_strength():
    options = {'psf_sigma': (0.6, 0.6), 'pattern': (1e-6, 1e-6), 'defects': 0.0}
    sensor = draw_sensor(np.random.default_rng(0), (128, 128), noise=(0.02, 0.02), **options)
    flat = np.full((128, 128), 0.5)
    frame = sensor.expose(flat) / sensor.gain
    assert frame.std() == pytest.approx(0.02, rel=0.1)
    assert (sensor.expose(flat) == sensor.expose(flat)).all()
    blurred = sensor.blur(np.eye(33))
    assert blurred[16, 16] < 1.0


def test_pattern_noise_stripes_the_columns():
    options = {'psf_sigma': (0.6, 0.6), 'noise': (1e-6, 1e-6), 'defects': 0.0}
    sensor = draw_sensor(np.random.default_rng(0), (64, 64), pattern=(0.02, 0.02), **options)
    offset = sensor.offset
    assert offset.mean(axis=0).std() > 2 * (offset - offset.mean(axis=0)).std(axis=0).mean() / 8


def test_digitise_rounds_and_saturates():
    frame = np.array([[-1.0, 0.0, 0.5, 1.0, 2.0]])
    assert digitise(frame, 8).tolist() == [[0, 0, 128, 255, 255]]
    assert digitise(frame, 16).tolist() == [[0, 0, 8192, 16383, 16383]]
    with pytest.raises(ValueError, match='bits=12'):
        digitise(frame, 12)


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ({'size': (16, 64)}, 'size='),
        ({'bits': 12}, 'bits=12'),
        ({'scr': (5.0, 2.0)}, 'scr='),
        ({'area': (0, 4)}, 'area='),
        ({'area': (1, 1), 'psf_sigma': (0.5, 1.5)}, 'even a point covers'),
        ({'empty': 1.5}, 'empty=1.5'),
        ({'mask_fraction': 0.0}, 'mask_fraction=0.0'),
        ({'defects': -1.0}, 'defects=-1.0'),
        ({'backgrounds': ('moon',)}, 'moon'),
        ({'backgrounds': ()}, 'backgrounds='),
    ],
)
def test_bad_configuration_names_the_attribute(option, message):
    with pytest.raises(ValueError, match=message):
        SceneConfig(**option)


def test_smallest_areas_that_are_accepted_can_be_drawn():
    """Whatever the configuration accepts must not fail in the middle of a run."""
    for psf_sigma in (0.3, 0.5, 0.75, 1.0, 1.5):
        smallest = smallest_footprint(psf_sigma, 0.5)
        shape = draw_shape(np.random.default_rng(0), (1, smallest), psf_sigma)
        assert shape.area <= smallest
