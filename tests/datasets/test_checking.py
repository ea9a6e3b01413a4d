import numpy as np
import pytest
from PIL import Image

from mmirstd.datasets.checking import check_dataset, target_areas
from mmirstd.io.images.masks import read_mask


def _mask(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(path)


def test_targets_are_8_connected():
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 1]], np.uint8)
    assert sorted(target_areas(mask)) == [1, 1, 2, 2]
    assert target_areas(np.zeros((3, 3), np.uint8)) == ()


def test_counts(any_layout):
    _, root, names = any_layout
    report = check_dataset(root)
    assert not report.problems
    assert not report.notes
    assert len(report.facts) == len(names)
    assert sorted(report.areas) == list(range(1, len(names) + 1))
    assert report.images_without_target == 0
    assert report.foreground_fraction == pytest.approx(
        sum(range(1, len(names) + 1)) / (18 * 24 * len(names))
    )
    assert report.counter('shape') == {(18, 24): len(names)}
    assert report.counter('pixels') == {'uint8 gray': len(names)}
    assert report.counter('mask_values') == {'0, 255': len(names)}
    assert report.resized_targets is None


def test_images_without_target_and_values(write_layout):
    root = write_layout('pairs')
    _mask(root / 'masks/000001.png', np.zeros((18, 24)))
    grays = np.zeros((18, 24), np.uint8)
    grays[2, 2:5] = 3, 90, 255
    _mask(root / 'masks/000002.png', grays)
    report = check_dataset(root)
    assert report.images_without_target == 1
    assert sorted(report.areas) == [3, 3]
    assert report.counter('mask_values') == {'0': 1, 'grays': 1, '0, 255': 1}


def test_targets_after_resize(tmp_path):
    mask = np.zeros((40, 40), np.uint8)
    mask[5, 5] = mask[5, 8] = 255
    _mask(tmp_path / 'masks/a.png', mask)
    _mask(tmp_path / 'images/a.png', mask)
    kept = len(target_areas(np.array(Image.fromarray(mask // 255).resize((10, 10), 0))))
    report = check_dataset(tmp_path, resize_to=10)
    assert len(report.areas) == 2
    assert report.resized_targets == kept < 2


def test_every_problem_names_its_file(write_layout):
    root = write_layout('pairs')
    images, masks = root / 'images', root / 'masks'
    (images / '000001.png').write_bytes(b'')
    (masks / '000002.png').write_bytes((masks / '000002.png').read_bytes()[:40])
    _mask(masks / '000010.png', np.zeros((9, 24)))
    _mask(images / 'lonely.png', np.zeros((18, 24)))
    _mask(masks / 'orphan.png', np.zeros((18, 24)))
    report = check_dataset(root)
    assert not report.facts
    expected = [
        rf'image without mask: {images}/lonely.png',
        rf'mask without image: {masks}/orphan.png',
        rf'{images}/000001.png: the file is empty',
        rf'{masks}/000002.png: cannot be decoded',
        rf'{masks}/000010.png: the mask is 9 x 24',
    ]
    assert len(report.problems) == len(expected)
    for problem, start in zip(report.problems, expected, strict=True):
        assert problem.startswith(start)


def test_masks_without_any_target_are_a_problem(tmp_path, write_pair):
    write_pair(tmp_path / 'images/a.png', tmp_path / 'masks/a.png', 1)
    _mask(tmp_path / 'masks/a.png', np.zeros(np.array(Image.open(tmp_path / 'masks/a.png')).shape))
    assert check_dataset(tmp_path).problems == ['no mask has a target: are these the right masks?']


def test_listed_files_that_are_missing(write_layout):
    root = write_layout('pairs')
    (root / 'list.txt').write_text('000001\n000777\n')
    report = check_dataset(root, 'list.txt')
    assert report.problems == ['listed image not found: 000777']
    assert len(report.facts) == 1
    assert not report.lists


def test_folders_without_any_pair(tmp_path):
    for folder in ('images', 'masks'):
        (tmp_path / folder).mkdir()
    assert check_dataset(tmp_path).problems == [f'no pair of image and mask in {tmp_path}']


def test_declared_defects_are_notes(tmp_path, write_pair):
    root = tmp_path / 'SIRST'
    write_pair(root / 'images/Misc_1.png', root / 'masks/Misc_1.png', 1)
    mask = np.zeros((400, 592), np.uint8)
    mask[100:104, 200:204] = 255
    _mask(root / 'images/Misc_111.png', np.zeros((220, 325)))
    _mask(root / 'masks/Misc_111.png', mask)
    report = check_dataset(root)
    assert not report.problems
    assert len(report.areas) == 2
    assert len(report.notes) == 1
    assert 'Misc_111.png is 400 x 592' in report.notes[0]


def test_declared_holes_are_notes(tmp_path, write_pair):
    root = tmp_path / 'MDFA'
    write_pair(root / 'images/000238_1.png', root / 'masks/000238_1.png', 1)
    (root / 'list.txt').write_text('000238_1\n000239_1\n')
    report = check_dataset(root, 'list.txt')
    assert not report.problems
    assert report.notes[0].startswith('1 image left out')
    assert report.selection.damaged == ['000239_1']


def test_published_lists_are_counted_in_whole_folders(tmp_path, write_pair):
    root = tmp_path / 'SIRST'
    for number, name in enumerate(('Misc_70', 'Misc_111', 'Misc_53'), start=1):
        write_pair(root / f'images/{name}.png', root / f'masks/{name}_pixels0.png', number)
    counts = {item.name: item for item in check_dataset(root).lists}
    assert (counts['sirst/idx_427_test'].listed, counts['sirst/idx_427_test'].images) == (86, 2)
    assert (counts['sirst/sirst85'].listed, counts['sirst/sirst85'].images) == (85, 1)
    assert counts['sirst/idx_427_val'].targets == 1
    assert 'sirst/idx_427_train' not in counts


def test_folders_of_splits_are_counted(write_layout):
    counts = {item.name: item.images for item in check_dataset(write_layout('splits')).lists}
    assert counts == {'trainval': 1, 'test': 1}


def test_deep_and_float_images_and_inverted_masks_are_noted(write_layout):
    root = write_layout('pairs')
    (root / 'images/000001.png').unlink()
    np.save(root / 'images/000001.npy', np.zeros((18, 24), np.float32))
    Image.fromarray(np.zeros((18, 24), np.uint16)).save(root / 'images/000002.png')
    _mask(root / 'masks/000010.png', np.full((18, 24), 255))
    report = check_dataset(root)
    notes = '\n'.join(report.notes)
    assert (
        '1 image is float32 gray with values 0 to 0: LoadIRImage needs an intensity_range' in notes
    )
    assert '1 image is uint16 gray with values 0 to 0: LoadIRImage scales the whole range' in notes
    (problem,) = report.problems
    assert 'in 1 of 3 images, are the masks inverted?' in problem
    assert '000010.png' in problem


def test_images_without_masks(tmp_path, write_pair):
    write_pair(tmp_path / 'frames/a.png', tmp_path / 'unused/a.png', 1)
    (problem,) = check_dataset(tmp_path / 'frames').problems
    assert problem.startswith('no image has a mask')
    report = check_dataset(tmp_path / 'frames', images_only=True)
    assert not report.problems
    assert report.facts[0].mask_values is None
    assert report.images_without_target == 0


COCO = (
    """{"images": [{"id": 1, "file_name": "a.png", "height": 9, "width": 9}], "annotations": []}"""
)
VOC = """<annotation><object><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>4</xmax><ymax>4</ymax>
</bndbox></object></annotation>"""


@pytest.mark.parametrize(
    ('name', 'content', 'kind'),
    [
        ('annotations.json', COCO, 'coco'),
        ('annotations/train.json', COCO, 'coco'),
        ('Annotations/a.xml', VOC, 'voc'),
        ('labels/a.txt', '0 0.5 0.5 0.2 0.2', 'yolo'),
        ('labels/train/a.txt', '0 0.5 0.5 0.2 0.2', 'yolo'),
        ('images/a.json', '{"shapes": [{"label": "t", "points": [[1, 1], [4, 1], [4, 4]]}]}',
         'labelme'),
    ],
)  # fmt: skip
def test_labels_that_are_no_masks_are_named_with_the_command(tmp_path, name, content, kind):
    _mask(tmp_path / 'images/a.png', np.zeros((9, 9)))
    (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / name).write_text(content)
    (problem,) = check_dataset(tmp_path).problems
    assert f'labels of kind {kind}' in problem
    assert 'mmirstd convert-labels' in problem


@pytest.mark.parametrize('kind', ['void', 'inverted', 'noise', 'renamed jpeg'])
def test_masks_that_would_be_read_wrong_are_problems(tmp_path, write_pair, kind):
    for name in 'ab':
        write_pair(tmp_path / f'images/{name}.png', tmp_path / f'masks/{name}.png', 3)
    path = tmp_path / 'masks/a.png'
    mask = np.array(Image.open(path)) // 255
    assert not check_dataset(tmp_path).problems
    if kind == 'void':
        mask[0, :4] = 255
        _mask(path, mask)
    elif kind == 'inverted':
        _mask(path, 1 - mask)
    else:
        Image.fromarray(mask * 255).save(path, 'JPEG', quality=80)
        if kind == 'noise':
            _mask(path, np.array(Image.open(path)))
    assert len(check_dataset(tmp_path).problems) == 1
    if kind in ('noise', 'renamed jpeg'):
        report = check_dataset(tmp_path, mask_threshold=127)
        assert not report.problems
        assert sorted(report.areas) == [3, 3]


def test_void_pixels_are_not_targets_where_the_user_says_so(tmp_path, write_pair):
    for name in 'ab':
        write_pair(tmp_path / f'images/{name}.png', tmp_path / f'masks/{name}.png', 3)
        path = tmp_path / f'masks/{name}.png'
        mask = np.array(Image.open(path)) // 255
        mask[0, :4] = 255
        _mask(path, mask)
    report = check_dataset(tmp_path, void_value=255)
    assert not report.problems
    assert not [note for note in report.notes if 'void' in note]
    assert sorted(report.areas) == [3, 3]
    assert report.counter('mask_values') == {'0, 1, 255': 2}
    write_pair(tmp_path / 'images/c.png', tmp_path / 'masks/c.png', 3)  # 0 and 255
    report = check_dataset(tmp_path, void_value=255)
    assert not report.problems
    (note,) = (note for note in report.notes if 'void' in note)
    assert '1 of 3 masks has void pixels (255)' in note
    assert 'c.png' in note
    for name in 'ab':
        (tmp_path / f'masks/{name}.png').unlink()
        (tmp_path / f'images/{name}.png').unlink()
    (problem,) = check_dataset(tmp_path, void_value=255).problems
    assert 'no mask has a target' in problem


def test_pseudo_colour_is_noted(tmp_path, write_pair):
    write_pair(tmp_path / 'images/a.png', tmp_path / 'masks/a.png', 3)
    shape = np.array(Image.open(tmp_path / 'images/a.png')).shape
    _mask(tmp_path / 'images/a.png', np.stack(np.broadcast_arrays(90, 10, np.zeros(shape)), -1))
    (note,) = check_dataset(tmp_path).notes
    assert 'in colour: 1 of 1 image, ' in note


ORACLES = {
    ('SIRST', 'sirst/idx_427_test'): (86, 109),
    ('SIRST', 'sirst/sirst85'): (85, 108),
    ('SIRST', 'sirst/dnanet_50_50_test'): (214, 263),
    ('NUDT-SIRST', 'nudt/dnanet_50_50_test'): (664, 945),
    ('IRSTD-1k', 'irstd1k/basicirstd_test'): (201, 297),
    ('MDFA', 'mdfa/dnanet_10000_100_test'): (100, 140),
}


@pytest.mark.parametrize(('folder', 'split'), ORACLES)
def test_test_sets_of_the_paper(data_root, folder, split):
    report = check_dataset(data_root / folder, split, resize_to=128 if folder == 'MDFA' else None)
    assert not report.problems
    assert (len(report.facts), len(report.areas)) == ORACLES[folder, split]
    if folder == 'MDFA':
        assert report.resized_targets == 136


@pytest.mark.slow
@pytest.mark.parametrize(
    ('folder', 'images', 'targets'),
    [('SIRST', 427, 533), ('NUDT-SIRST', 1327, 1863), ('IRSTD-1k', 1001, 1495)],
)
def test_whole_real_sets(data_root, folder, images, targets):
    report = check_dataset(data_root / folder)
    assert not report.problems
    assert (len(report.facts), len(report.areas)) == (images, targets)


def test_gray_pixels_of_irstd1k_hold_three_targets(data_root):
    names = ('XDU325', 'XDU337')
    folder = data_root / 'IRSTD-1k/masks'
    lost = [
        len(target_areas(read_mask(folder / f'{name}.png')))
        - len(target_areas(read_mask(folder / f'{name}.png', threshold=127)))
        for name in names
    ]
    assert sum(lost) > 0


@pytest.mark.parametrize(
    ('folder', 'images', 'notes'),
    [
        ('sirst', 9, 1),
        ('dnanet/NUAA-SIRST', 5, 1),
        ('dnanet/NUDT-SIRST', 3, 0),
        ('open-sirst-v2', 4, 0),
        ('IRSTD-1k', 5, 0),
        ('MDvsFA_cGAN', 8, 0),
        ('RDIAN/datasets/example', 3, 0),
    ],
)
def test_excerpts_of_the_distributions(data_root, folder, images, notes):
    report = check_dataset(data_root / 'layouts' / folder)
    assert not report.problems
    assert len(report.facts) == images
    assert len(report.notes) == notes
