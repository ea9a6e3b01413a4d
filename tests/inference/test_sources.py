import itertools
import os
import pickle

import cv2
import numpy as np
import pytest
from PIL import Image

from mmirstd.inference.detector import Detector
from mmirstd.inference.sources import find_sources, lazy_sources, video_frames, video_rate
from mmirstd.io.images.limits import ImageReadError
from mmirstd.io.videos import is_video


def names(*inputs, **options):
    return [source.name for source in find_sources(*inputs, **options)]


def test_a_folder_gives_its_images_in_natural_order(image_folder):
    assert names(image_folder) == ['deep', 'frame_2', 'frame_10']
    assert names(str(image_folder), recursive=True) == [
        'deep', 'frame_2', 'frame_10', 'night/frame_1'
    ]  # fmt: skip


def test_patterns_files_and_arrays_may_be_mixed(image_folder):
    found = find_sources(
        [image_folder / 'deep.tif', f'{image_folder}/frame_*.png', np.zeros((4, 5), np.uint8)]
    )
    assert [s.name for s in found] == ['deep', 'frame_2', 'frame_10', 'array_0003']
    assert found[0].read().dtype == np.uint16
    assert found[3].read().shape == (4, 5)
    assert names(f'{image_folder}/**/frame_1.png') == ['frame_1']


def test_a_batch_of_arrays_is_split():
    found = find_sources(np.zeros((3, 8, 9, 1), np.uint16))
    assert [s.name for s in found] == ['array_0000', 'array_0001', 'array_0002']
    assert found[2].read().shape == (8, 9)


def test_names_stay_unique(tmp_path):
    image = np.zeros((4, 4), np.uint8)
    for name in ('a.png', 'a.tif', 'A.bmp'):
        cv2.imwrite(str(tmp_path / name), image)
    assert len({name.lower() for name in names(tmp_path)}) == 3
    found = names([tmp_path / 'a.png', tmp_path / 'a.png', tmp_path / 'a.png'])
    assert found == ['a', 'a.png', 'a.png-2']


def test_pages_are_not_called_like_an_image_beside_their_file(tmp_path):
    page = Image.fromarray(np.zeros((6, 7), np.uint8))
    page.save(tmp_path / 'stack.tif', save_all=True, append_images=[page])
    page.save(tmp_path / 'other.tif', save_all=True, append_images=[page])
    page.save(tmp_path / 'Stack_000001.png')
    page.save(tmp_path / 'stack.tif_000000.png')
    names = [source.name for source in find_sources(tmp_path)]
    assert sorted(names) == [
        'Stack_000001', 'other_000000', 'other_000001',
        'stack.tif.tif_000000', 'stack.tif.tif_000001', 'stack.tif_000000',
    ]  # fmt: skip


def test_pages_of_a_tiff_are_a_sequence(tmp_path):
    pages = [np.full((6, 7), 1000 * k, np.uint16) for k in range(3)]
    first, *rest = [Image.fromarray(page) for page in pages]
    first.save(tmp_path / 'stack.tif', save_all=True, append_images=rest)
    found = find_sources(tmp_path / 'stack.tif')
    assert [s.name for s in found] == ['stack_000000', 'stack_000001', 'stack_000002']
    assert str(found[1]).endswith('stack.tif [frame 1]')
    for source, page in zip(found, pages, strict=True):
        np.testing.assert_array_equal(source.read(), page)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nowhere\.png'):
        find_sources(tmp_path / 'nowhere.png')
    with pytest.raises(FileNotFoundError, match=r'no image matches .*\*\.png'):
        find_sources(f'{tmp_path}/*.png')
    with pytest.raises(FileNotFoundError, match='contains no image'):
        find_sources(tmp_path)
    with pytest.raises(ValueError, match='inputs is empty'):
        find_sources([])
    with pytest.raises(ValueError, match='type int'):
        find_sources([3])


def test_a_video_gives_its_frames_in_order(tmp_path):
    path = tmp_path / 'clip.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 12.5, (64, 48))
    for k in range(4):
        writer.write(np.full((48, 64, 3), 60 * k, np.uint8))
    writer.release()
    assert is_video(path)
    assert not is_video(tmp_path / 'clip.png')
    assert video_rate(path) == pytest.approx(12.5, rel=0.01)
    frames = [(source.name, source.read().mean()) for source in video_frames(path)]
    assert [name for name, _ in frames] == [f'clip_{k:06d}' for k in range(4)]
    np.testing.assert_allclose([mean for _, mean in frames], [0, 60, 120, 180], atol=3)


@pytest.mark.parametrize('content', [b'', b'no video at all', b'RIFF\x10\0\0\0AVI LIST'])
def test_a_broken_video_is_an_error_that_names_it(tmp_path, content):
    path = tmp_path / 'broken.avi'
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=r'broken\.avi'):
        list(video_frames(path))
    with pytest.raises(FileNotFoundError, match=r'absent\.mp4'):
        list(video_frames(tmp_path / 'absent.mp4'))


def test_linked_folders_are_found_without_endless_loops(tmp_path, image_folder):
    (tmp_path / 'set').mkdir()
    (tmp_path / 'set/camera').symlink_to(image_folder)
    (image_folder / 'night/up').symlink_to(image_folder.parent)
    (tmp_path / 'set/again').symlink_to(tmp_path / 'set')
    found = names(tmp_path / 'set', recursive=True)
    assert {'camera/deep', 'camera/night/frame_1'} <= set(found)
    assert len(found) < 30
    assert names(tmp_path / 'set/camera') == ['deep', 'frame_2', 'frame_10']


def test_links_that_lead_nowhere_are_named(tmp_path):
    (tmp_path / 'gone.png').symlink_to(tmp_path / 'nowhere.png')
    (source,) = find_sources(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'gone\.png is a link to .*nowhere\.png'):
        source.read()


def test_matches_of_a_pattern_that_share_names_keep_their_folders(tmp_path):
    for camera in ('left', 'right'):
        (tmp_path / camera / 'day').mkdir(parents=True)
        cv2.imwrite(str(tmp_path / camera / 'day/frame.png'), np.zeros((4, 4), np.uint8))
    assert names(f'{tmp_path}/**/frame.*') == ['left/day/frame', 'right/day/frame']


def test_pillow_images_and_tensors():
    torch = pytest.importorskip('torch')
    rgb = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    bgr = rgb[..., ::-1]
    deep = rgb[..., 0].astype(np.uint16) * 99
    tensor = torch.from_numpy(rgb).permute(2, 0, 1)
    cases = [
        (Image.fromarray(rgb), bgr),
        (Image.fromarray(rgb[..., 0]), rgb[..., 0]),
        (Image.fromarray(deep), deep),
        (Image.fromarray(rgb).convert('P'), np.asarray(
            Image.fromarray(rgb).convert('P').convert('RGB'))[..., ::-1]),
        (tensor, bgr),
        (tensor[:1], rgb[..., 0]),
        (tensor[0], rgb[..., 0]),
        (tensor[None].float() / 255, bgr.astype(np.float32) / 255),
    ]  # fmt: skip
    for given, expected in cases:
        for entry in (given, [given]):
            (source,) = find_sources(entry)
            np.testing.assert_allclose(source.read(), expected, rtol=1e-6)
            assert source.read().dtype == expected.dtype
    assert len(find_sources(torch.zeros(4, 3, 6, 8))) == 4
    with pytest.raises(ValueError, match=r'shape \(6, 8, 3\) is not an image'):
        find_sources(torch.zeros(6, 8, 3))


def test_a_pillow_image_is_turned_upright():
    image = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    image.getexif()[0x0112] = 6
    (source,) = find_sources(image)
    assert source.read().shape == (4, 3)


def test_patterns_pass_links_to_parent_folders_once(tmp_path):
    (tmp_path / 'set/night').mkdir(parents=True)
    for place in ('set', 'set/night'):
        cv2.imwrite(str(tmp_path / place / 'frame.png'), np.zeros((4, 4), np.uint8))
    (tmp_path / 'set/night/up').symlink_to(tmp_path / 'set')
    assert names(f'{tmp_path}/set/**/*.png') == ['frame', 'night/frame']


@pytest.mark.parametrize(
    'name',
    ['a b.png', '[1].png', 'x*.png', 'line\nbreak.png', '#1.png', "it's.png", '-o.png', 'é中.PNG',
     b'\xff\xfe.png', 'a..png', '%20.png', '1e3.png', 'a.b.c.tif'],
)  # fmt: skip
def test_oddly_named_files_are_found_and_read(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    Image.fromarray(image).save(tmp_path / f'plain{path.suffix}')
    (tmp_path / f'plain{path.suffix}').rename(path)
    for given in (tmp_path, path, str(path)):
        (source,) = find_sources(given)
        np.testing.assert_array_equal(source.read(), image)
    path.write_bytes(b'')
    with pytest.raises(ImageReadError) as caught:
        find_sources(path)[0].read()
    assert path.name in str(caught.value)


def test_a_folder_of_videos_says_what_to_do(tmp_path):
    (tmp_path / 'clip.mp4').touch()
    with pytest.raises(FileNotFoundError, match=r'one by one, for example .*clip\.mp4'):
        find_sources(tmp_path)


def test_a_pattern_below_a_folder_with_brackets_in_its_name(tmp_path):
    for folder in ('night [1]', 'night 1'):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / f'{folder[-2]}.png'), np.zeros((4, 4), np.uint8))
    assert names(f'{tmp_path}/night [1]/*.png') == ['1']
    assert names(f'{tmp_path}/night*/*.png') == [' ', '1']
    with pytest.raises(FileNotFoundError, match=r'no image matches .*dawn'):
        names(f'{tmp_path}/dawn [1]/*.png')


def test_a_pattern_of_videos_says_what_to_do(tmp_path):
    (tmp_path / 'a.mp4').write_bytes(b'')
    with pytest.raises(FileNotFoundError, match=r'one by one, for example .*a\.mp4'):
        names(f'{tmp_path}/*')


def test_sources_can_be_pickled(tmp_path):
    page = Image.fromarray(np.arange(42, dtype=np.uint8).reshape(6, 7))
    page.save(tmp_path / 'stack.tif', save_all=True, append_images=[page, page])
    page.save(tmp_path / 'single.png')
    sources = find_sources([tmp_path / 'stack.tif', tmp_path / 'single.png', np.asarray(page)])
    sources[0].read()  # the file is open now
    clip = cv2.VideoWriter(str(tmp_path / 'a.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 25, (32, 32))
    clip.write(np.full((32, 32, 3), 9, np.uint8))
    clip.release()
    sources += list(video_frames(tmp_path / 'a.avi'))
    for source in sources:
        copy = pickle.loads(pickle.dumps(source))
        assert (copy.name, copy.path, copy.frame) == (source.name, source.path, source.frame)
        np.testing.assert_array_equal(copy.read(), source.read())


def test_a_missing_video_is_noticed_before_its_first_frame_is_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'clip\.mp4'):
        video_frames(tmp_path / 'clip.mp4')


@pytest.mark.parametrize('inputs', [None, 3.5, b'image', True, [b'image'], [None], [[1, 2]]])
def test_inputs_of_no_known_kind_are_named(inputs):
    with pytest.raises(ValueError, match=r'input of type .*: give a path'):
        Detector.sources(inputs)


def test_sources_of_an_endless_iterator_come_one_by_one():
    frame = np.zeros((4, 4), np.uint8)
    lazy = lazy_sources(itertools.repeat(frame))
    assert [next(lazy).name for _ in range(3)] == ['array_0000', 'array_0001', 'array_0002']
