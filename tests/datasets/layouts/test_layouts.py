import re

import numpy as np
import pytest

from mmirstd.datasets.layouts import LAYOUTS, get_layout
from mmirstd.datasets.layouts.layout_detection import detect_layout, find_suffixes
from mmirstd.datasets.selection import select_pairs
from mmirstd.io.images.masks import read_mask
from mmirstd.io.images.reading import read_image


def _target_pixels(pair):
    return int(read_mask(pair.mask).sum())


def test_every_layout_is_recognised_among_litter(any_layout):
    name, root, _ = any_layout
    assert detect_layout(root).name == name


def test_images_are_paired_with_their_own_masks(any_layout):
    _, root, names = any_layout
    selection = select_pairs(root)
    assert [pair.name for pair in selection.pairs] == names
    for pair in selection.pairs:
        # The scenes are written such that level and target size carry the same number.
        assert read_image(pair.image).min() == 50 + _target_pixels(pair)
    assert not selection.orphan_masks
    assert not selection.warnings


@pytest.mark.parametrize(
    ('layout', 'split', 'names', 'pixels'),
    [
        ('sirst', 'idx_427/test.txt', ['Misc_10', 'Misc_1'], [3, 1]),
        ('pairs', '50_50/test.txt', ['000010', '000001'], [3, 1]),
        ('pairs', 'img_idx/test_NAME.txt', ['000010', '000001'], [3, 1]),
        ('pairs', 'test.txt', ['000010', '000001'], [3, 1]),
        ('sirst_v2', 'splits/test_full.txt', ['Misc_1'], [1]),
        ('irstd1k', 'test.txt', ['XDU2'], [2]),
        ('mdfa', 'train', ['000001_1', '000002_1'], [1, 2]),
        ('mdfa', 'test', ['00017'], [3]),
        ('irdst', 'test.txt', ['44/1(815)', '7/1(814)'], [2, 3]),
        ('splits', 'trainval', ['X'], [1]),
        ('splits', 'test', ['X'], [2]),
    ],
)
def test_lists_drive_the_pairing_in_their_order(write_layout, layout, split, names, pixels):
    pairs = select_pairs(write_layout(layout), split).pairs
    assert [pair.name for pair in pairs] == names
    assert [_target_pixels(pair) for pair in pairs] == pixels


def test_list_may_lie_outside_of_the_dataset(write_layout, tmp_path):
    (tmp_path / 'own.txt').write_text('000002')
    root = write_layout('pairs', tmp_path / 'NUDT-SIRST')
    assert [pair.name for pair in select_pairs(root, str(tmp_path / 'own.txt')).pairs] == ['000002']


def test_archive_root_may_be_its_data_folder(write_layout):
    root = write_layout('mdfa') / 'data'
    assert detect_layout(root).name == 'mdfa'
    assert len(select_pairs(root).pairs) == 3


def test_official_test_names_reach_the_mdfa_archive(tmp_path, write_pair):
    # The repack's list says 010017_1 where the authors' archive says test_org/00017.
    for number, stem in ((1, '00000'), (2, '00017')):
        write_pair(
            tmp_path / f'data/test_org/{stem}.png', tmp_path / f'data/test_gt/{stem}.png', number
        )
    (tmp_path / 'list.txt').write_text('010017_1\n010000_1\n')
    pairs = select_pairs(tmp_path, 'list.txt').pairs
    assert [pair.image.name for pair in pairs] == ['00017.png', '00000.png']
    assert [_target_pixels(pair) for pair in pairs] == [2, 1]


def test_bare_numbers_reach_the_mdfa_training_images(write_layout, tmp_path):
    root = write_layout('mdfa')
    (root / 'list.txt').write_text('000002\n')
    assert select_pairs(root, 'list.txt').pairs[0].image.name == '000002_1.png'


def test_converted_files_are_found_under_the_listed_suffix(tmp_path, write_pair):
    write_pair(tmp_path / 'images/a.png', tmp_path / 'masks/a.bmp', 1)
    (tmp_path / 'list.txt').write_text('a.bmp\n')
    assert select_pairs(tmp_path, 'list.txt').pairs[0].image.name == 'a.png'


def test_stems_that_end_like_a_file_name(tmp_path, write_pair):
    write_pair(tmp_path / 'images/a.png', tmp_path / 'masks/a.png', 1)
    write_pair(tmp_path / 'images/a.jpg.png', tmp_path / 'masks/a.jpg.png', 2)
    pairs = select_pairs(tmp_path).pairs
    assert [(pair.image.name, pair.mask.name) for pair in pairs] == [
        ('a.png', 'a.png'),
        ('a.jpg.png', 'a.jpg.png'),
    ]
    (tmp_path / 'list.txt').write_text('a.jpg.png\n')
    assert [pair.image.name for pair in select_pairs(tmp_path, 'list.txt').pairs] == ['a.jpg.png']
    assert [pair.name for pair in select_pairs(tmp_path, exclude=['a']).pairs] == ['a.jpg']
    (tmp_path / 'list.txt').write_text('a.jpg\n')
    with pytest.raises(ValueError, match=r"'a\.jpg' is ambiguous"):
        select_pairs(tmp_path, 'list.txt')


def test_same_stem_twice_is_ambiguous_unless_the_list_says_which(tmp_path, write_pair):
    write_pair(tmp_path / 'images/a.png', tmp_path / 'masks/a.png', 1)
    write_pair(tmp_path / 'images/a.bmp', tmp_path / 'masks/b.png', 2)
    write_pair(tmp_path / 'images/b.png', tmp_path / 'masks/c.png', 3)
    with pytest.raises(ValueError, match=r'a\.bmp, .*a\.png'):
        select_pairs(tmp_path)
    (tmp_path / 'list.txt').write_text('a.bmp\nb\n')
    assert select_pairs(tmp_path, 'list.txt').pairs[0].image.name == 'a.bmp'


def test_name_in_two_folders_of_splits_is_ambiguous(write_layout):
    root = write_layout('splits')
    (root / 'list.txt').write_text('X\n')
    with pytest.raises(ValueError, match=r"'X' is ambiguous.*trainval.*test|test.*trainval"):
        select_pairs(root, 'list.txt')


def test_two_folders_of_ones_own(tmp_path, write_pair):
    write_pair(tmp_path / 'ir/a.png', tmp_path / 'gt/a_mask.png', 2)
    pairs = select_pairs(tmp_path, image_dir='ir', mask_dir='gt', mask_suffix='_mask').pairs
    assert [_target_pixels(pair) for pair in pairs] == [2]
    elsewhere = select_pairs(
        tmp_path / 'ir', image_dir='.', mask_dir=str(tmp_path / 'gt'), mask_suffix='_mask'
    )
    assert len(elsewhere.pairs) == 1


def test_images_and_masks_in_one_folder(tmp_path, write_pair):
    write_pair(tmp_path / 'all/a.png', tmp_path / 'all/a_mask.png', 2)
    pairs = select_pairs(tmp_path, image_dir='all', mask_dir='all', mask_suffix='_mask').pairs
    assert [pair.name for pair in pairs] == ['a']
    with pytest.raises(ValueError, match='give image_suffix or mask_suffix'):
        select_pairs(tmp_path, image_dir='all', mask_dir='all')


@pytest.mark.parametrize(
    ('arguments', 'error', 'message'),
    [
        ({'image_dir': 'images', 'layout': 'pairs'}, ValueError, 'not both'),
        ({'mask_dir': 'masks'}, ValueError, 'need image_dir'),
        ({'image_dir': 'frames'}, FileNotFoundError, 'frames'),
        ({'layout': 'coco'}, ValueError, "'coco'.*'auto', 'irstd1k'"),
        ({'layout': 'sirst'}, ValueError, "does not have the layout 'sirst'"),
        ({'dataset': 'coco'}, ValueError, "'coco'"),
        ({'missing': 'ignore'}, ValueError, 'missing'),
        ({'split': 'nothing.txt'}, FileNotFoundError, r'nothing\.txt'),
        ({'split': 'test'}, ValueError, r"split 'test' is unknown.*50_50/test\.txt.*nudt/"),
        ({'split': 'nudt/50_50'}, ValueError, 'nudt/dnanet_50_50_test'),
    ],
)
def test_wrong_arguments(write_layout, arguments, error, message):
    with pytest.raises(error, match=message):
        select_pairs(write_layout('pairs'), **arguments)


def test_unknown_folder_lists_what_it_holds_and_what_is_known(tmp_path):
    (tmp_path / 'pictures').mkdir()
    with pytest.raises(ValueError, match='It contains: pictures') as error:
        detect_layout(tmp_path)
    for layout in LAYOUTS:
        assert f'  {layout.name}: ' in str(error.value)


def test_folder_around_the_dataset_is_hinted_at(write_layout, tmp_path):
    inner = write_layout('pairs', tmp_path / 'NUDT-SIRST')
    with pytest.raises(ValueError, match=re.escape(f'Did you mean {inner}?')):
        detect_layout(tmp_path)


def test_absent_root_and_file_as_root(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        detect_layout(tmp_path / 'nowhere')
    (tmp_path / 'a.zip').touch()
    with pytest.raises(NotADirectoryError, match=r'a\.zip'):
        detect_layout(tmp_path / 'a.zip')


def test_folders_without_masks(tmp_path, write_pair):
    write_pair(tmp_path / 'one/images/a.png', tmp_path / 'elsewhere/a.png', 1)
    write_pair(tmp_path / 'two/a.png', tmp_path / 'elsewhere/b.png', 1)
    for folder, layout in (('one', 'images'), ('two', 'flat')):
        selection = select_pairs(tmp_path / folder)
        assert selection.layout.name == layout
        assert [pair.mask for pair in selection.pairs] == [None]


def test_layout_names_are_unique():
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)
    assert get_layout('pairs').name == 'pairs'


@pytest.mark.parametrize(
    ('folder', 'layout', 'dataset', 'images', 'pixels'),
    [
        ('sirst', 'sirst', 'sirst', 9, None),
        ('dnanet/NUAA-SIRST', 'pairs', 'sirst', 5, None),
        ('dnanet/NUDT-SIRST', 'pairs', 'nudt', 3, None),
        ('open-sirst-v2', 'sirst_v2', 'sirst_v2', 4, None),
        ('IRSTD-1k', 'irstd1k', 'irstd1k', 5, None),
        ('MDvsFA_cGAN', 'mdfa', 'mdfa', 8, None),
        ('RDIAN/datasets/example', 'pairs', None, 3, None),
    ],
)
def test_excerpts_with_their_original_names(data_root, folder, layout, dataset, images, pixels):
    selection = select_pairs(data_root / 'layouts' / folder)
    assert selection.layout.name == layout
    assert (selection.dataset.key if selection.dataset else None) == dataset
    assert len(selection.pairs) == images
    for pair in selection.pairs:
        assert read_image(pair.image).ndim in (2, 3)
        assert set(np.unique(read_mask(pair.mask))) <= {0, 1}


def test_lists_beside_the_excerpts_find_their_files(data_root):
    folder = data_root / 'layouts'
    for root, split, found in (
        ('sirst', 'idx_427/trainvaltest.txt', 9),
        ('open-sirst-v2', 'splits/trainvaltest_full.txt', 4),
        ('dnanet/NUAA-SIRST', '50_50/test.txt', None),
        ('IRSTD-1k', 'trainval.txt', None),
        ('RDIAN/datasets/example', 'test.txt', 3),
    ):
        selection = select_pairs(folder / root, split, missing='report')
        assert len(selection.pairs) == found if found else selection.pairs
        assert not selection.missing_masks


@pytest.mark.parametrize(
    ('images', 'masks'),
    [
        ('Images/{}.png', 'Masks/{}.png'),
        ('img/{}.bmp', 'mask/{}.png'),
        ('images/{}.png', 'labels/{}.png'),
        ('image/{}.png', 'gt/{}_gt.png'),
        ('images/{}.png', 'masks/{}_mask.png'),
        ('input/{}_img.png', 'Ground-Truth/{}_seg.png'),
        ('JPEGImages/{}.png', 'SegmentationClass/{}.png'),
        ('images/a/{}.png', 'masks/a/{}.png'),
        ('{}.png', '{}_mask.png'),
        ('{}.png', '{}_pixels0.png'),
    ],
)
def test_folders_as_people_name_them(tmp_path, write_pair, images, masks):
    for number, name in enumerate(('frame_1', 'frame_10', 'frame_2'), start=1):
        write_pair(tmp_path / images.format(name), tmp_path / masks.format(name), number)
    pairs = select_pairs(tmp_path).pairs
    assert sorted(_target_pixels(pair) for pair in pairs) == [1, 2, 3]
    for pair in pairs:
        assert read_image(pair.image).min() == 50 + _target_pixels(pair)


@pytest.mark.parametrize(
    'pattern',
    ['img_dir/{split}/X.png', 'Train/{kind}/X.png', '{split}/{kind}/X.png', 'images/{split}/X.png'],
)
def test_folders_of_splits_as_people_name_them(tmp_path, write_pair, pattern):
    kinds = {'img_dir': 'ann_dir', 'images': 'masks'}
    for number, split in enumerate(('train', 'val'), start=1):
        image = pattern.format(split=split, kind='imgs').replace('Train', split.title())
        mask = pattern.format(split=split, kind='labels').replace('Train', split.title())
        for old, new in kinds.items():
            mask = mask.replace(old, new)
        write_pair(tmp_path / image, tmp_path / mask, number)
    for number, split in enumerate(('train', 'val'), start=1):
        (pair,) = select_pairs(tmp_path, split).pairs
        assert _target_pixels(pair) == number


def test_labels_that_are_text_are_no_masks(tmp_path, write_pair):
    write_pair(tmp_path / 'images/a.png', tmp_path / 'other/a.png', 1)
    (tmp_path / 'labels').mkdir()
    (tmp_path / 'labels/a.txt').write_text('0 0.5 0.5 0.1 0.1')
    assert detect_layout(tmp_path).name == 'images'


@pytest.mark.parametrize(
    ('images', 'masks', 'suffixes'),
    [
        (['a', 'b'], ['a', 'b'], ('', '')),
        (['f_1', 'f_12'], ['f_1_m', 'f_12_m'], ('', '_m')),
        (['a_img', 'b_img'], ['a_gt', 'b_gt'], ('_img', '_gt')),
        (['a', 'b'], ['x', 'y'], None),
        (['a', 'b'], [], None),
        ([f'{k}' for k in range(10)], [*(f'{k}_m' for k in range(9)), 'odd'], ('', '_m')),
    ],
)
def test_suffixes_follow_from_the_names(images, masks, suffixes):
    assert find_suffixes(images, masks) == suffixes


@pytest.mark.parametrize(
    'listed',
    [
        'images/Misc_1.png', '/home/me/SIRST/images/Misc_1.png', 'C:\\data\\images\\Misc_1.png',
        'SIRST/images/Misc_1', 'Misc_1_pixels0.png', 'Misc_1.bmp',
    ],
)  # fmt: skip
def test_lists_name_images_as_people_do(write_layout, listed):
    root = write_layout('sirst')
    (root / 'own.lst').write_text(listed)
    (pair,) = select_pairs(root, 'own.lst').pairs
    assert pair.image.name == 'Misc_1.png'
    assert _target_pixels(pair) == 1


def test_two_spellings_of_one_image_are_listed_twice(write_layout):
    root = write_layout('sirst')
    (root / 'own.txt').write_text('Misc_1\nimages/Misc_1.png\n')
    with pytest.raises(ValueError, match=r"'Misc_1' and 'images/Misc_1.png' are listed, but both"):
        select_pairs(root, 'own.txt')


def test_folders_below_are_not_guessed(write_layout):
    root = write_layout('irdst')  # names repeat in its folders
    (root / 'own.txt').write_text('images/44/1(814)\n')
    (pair,) = select_pairs(root, 'own.txt').pairs
    assert pair.name == '44/1(814)'
    (root / 'own.txt').write_text('9/1(814)\n')
    with pytest.raises(FileNotFoundError, match=r'9/1\(814\)'):
        select_pairs(root, 'own.txt')


def test_exclusions_are_written_as_lists_are(write_layout):
    root = write_layout('pairs')
    selection = select_pairs(root, exclude=['/data/images/000002.png'])
    assert selection.excluded == ['000002']
    assert not selection.warnings
