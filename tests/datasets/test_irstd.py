import logging

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset, DefaultSampler
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner
from PIL import Image

from mmirstd.datasets.catalog import get_dataset
from mmirstd.datasets.irstd import IRSTDDataset

assert DefaultSampler

LOAD = [
    {'type': 'LoadImageFromFile', '_scope_': 'mmirstd'},
    {'type': 'mmirstd.LoadMask'},
]
PACK = {'type': 'PackSegInputs'}


@pytest.fixture(autouse=True)
def mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


@pytest.fixture
def messages():
    """(level, text) of what is logged during a test."""
    records = []
    handler = logging.Handler(logging.INFO)
    handler.emit = lambda record: records.append((record.levelname, record.getMessage()))
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)


def build(root, split=None, **kwargs):
    # Serialising collects garbage, which takes longer than all else here.
    kwargs.setdefault('serialize_data', False)
    return IRSTDDataset(str(root), split, pipeline=LOAD, **kwargs)


def test_is_registered_and_needs_no_import(write_layout):
    dataset = DATASETS.build({'type': 'mmirstd.IRSTDDataset', 'data_root': write_layout('pairs')})
    assert isinstance(dataset, IRSTDDataset)
    assert dataset.metainfo['classes'] == ('background', 'target')
    assert len(dataset.metainfo['palette']) == 2


def test_samples_of_every_layout(any_layout, messages):
    _, root, names = any_layout
    dataset = build(root)
    assert len(dataset) == len(names)
    for sample in dataset:
        assert sample['img'].shape == (18, 24, 3)
        assert sample['gt_seg_map'].sum() == sample['img'].min() - 50
    assert [level for level, _ in messages] == ['INFO']
    assert f'{len(names)} images of all in {root}' in messages[0][1]


def test_missing_listed_files_are_an_error_naming_all_of_them(write_layout):
    root = write_layout('pairs')
    (root / 'list.txt').write_text('000001\n000777\n000002\n000888\n')
    (root / 'masks/000002.png').unlink()
    with pytest.raises(FileNotFoundError) as error:
        build(root, 'list.txt')
    message = str(error.value)
    assert "2 images listed by 'list.txt'" in message
    assert '000777, 000888' in message
    assert '1 image without a mask' in message
    assert 'images/000002.png' in message
    assert "missing='drop'" in message


def test_missing_files_are_dropped_on_demand_with_a_warning(write_layout, messages):
    root = write_layout('pairs')
    (root / 'list.txt').write_text('000001\n000777\n')
    assert len(build(root, 'list.txt', missing='drop')) == 1
    assert [text for level, text in messages if level == 'WARNING' and '000777' in text]


def test_mask_without_image_is_reported(write_layout, messages):
    root = write_layout('sirst')
    (root / 'images/Misc_2.png').unlink()
    assert len(build(root)) == 2
    assert [text for level, text in messages if level == 'WARNING' and 'Misc_2_pixels0' in text]


@pytest.mark.parametrize('layout', ['mdfa', 'repack'])
@pytest.mark.parametrize('present', [True, False])
def test_declared_holes_of_mdfa_are_tolerated_and_counted(
    tmp_path, write_pair, messages, layout, present
):
    holes = sorted(get_dataset('mdfa').damaged)
    assert len(holes) == 22
    root = tmp_path / 'NUST-SIRST'
    for number, stem in enumerate(('000238', '000240'), start=1):
        image, mask = (
            (f'images/{stem}_1.png', f'masks/{stem}_1.png')
            if layout == 'repack'
            else (f'data/training/{stem}_1.png', f'data/training/{stem}_2.png')
        )
        write_pair(root / image, root / mask, number)
    if present:  # some archives hold broken files under these names
        (root / image.replace('000240', '000239')).write_bytes(b'')
        (root / mask.replace('000240', '000239')).write_bytes(b'')
    (root / 'list.txt').write_text('\n'.join(['000238_1', *holes, '000240_1']))
    dataset = build(root, 'list.txt')
    assert [sample['gt_seg_map'].sum() for sample in dataset] == [1, 2]
    assert '22 images left out as declared damaged' in messages[0][1]
    (root / 'list.txt').write_text('\n'.join(['000238_1', *holes, '000241_1']))
    with pytest.raises(FileNotFoundError, match=r'1 image listed.*000241_1'):
        build(root, 'list.txt')
    assert len(build(root)) == 2


def test_the_same_holes_are_errors_in_other_datasets(write_layout):
    root = write_layout('pairs')
    (root / 'list.txt').write_text('000001\n000239_1\n')
    with pytest.raises(FileNotFoundError, match='000239_1'):
        build(root, 'list.txt')
    assert len(build(root, 'list.txt', dataset='MDEA')) == 1


@pytest.mark.parametrize('suffix', ['', '_pixels0'])
def test_misc_111_is_resized_and_announced_once(tmp_path, messages, suffix):
    root = tmp_path / 'NUAA-SIRST'
    for folder in ('images', 'masks'):
        (root / folder).mkdir(parents=True)
    mask = np.zeros((400, 592), np.uint8)
    mask[100:104, 200:204] = 255
    Image.fromarray(np.zeros((220, 325), np.uint8)).save(root / 'images/Misc_111.png')
    Image.fromarray(mask).save(root / f'masks/Misc_111{suffix}.png')
    dataset = build(root)
    for _ in range(3):
        target = dataset[0]['gt_seg_map']
        assert target.shape == (220, 325)
        assert np.argwhere(target).mean(axis=0) == pytest.approx((55.5, 110.5), abs=1)
    warnings = [text for level, text in messages if level == 'WARNING']
    assert len(warnings) == 1
    assert f'Misc_111{suffix}.png is 400 x 592 but its image is 220 x 325' in warnings[0]


def test_undeclared_size_mismatch_is_an_error(write_layout):
    root = write_layout('sirst')
    Image.fromarray(np.zeros((400, 592), np.uint8)).save(root / 'masks/Misc_10_pixels0.png')
    with pytest.raises(ValueError, match=r'Misc_10_pixels0\.png is 400 x 592.*Misc_10\.png'):
        list(build(root))


def test_empty_list_and_empty_folder_are_errors(write_layout, tmp_path):
    root = write_layout('pairs', tmp_path / 'data')
    (root / 'list.txt').write_text('\n')
    with pytest.raises(ValueError, match=r'list\.txt: the list names no image'):
        build(root, 'list.txt')
    for folder in ('images', 'masks'):
        (tmp_path / 'empty' / folder).mkdir(parents=True)
    with pytest.raises(ValueError, match=r'no image is left of all images in .*empty/images'):
        build(tmp_path / 'empty')


def test_exclude(write_layout, messages):
    root = write_layout('pairs')
    assert len(build(root, exclude=['000002', '000777'])) == 2
    assert '1 excluded' in messages[0][1]
    assert '1 name to exclude not in the folder: 000777' in messages[1][1]
    (root / 'bad.txt').write_text('000010.png\r\n')
    dataset = build(root, '50_50/test.txt', exclude=str(root / 'bad.txt'))
    assert [sample['img_path'].rsplit('/')[-1] for sample in dataset] == ['000001.png']
    with pytest.raises(ValueError, match='no image is left'):
        build(root, exclude=['000001', '000002', '000010'])


def test_images_without_masks_only_for_testing(tmp_path, write_pair):
    write_pair(tmp_path / 'frames/a.png', tmp_path / 'unused/a.png', 1)
    dataset = IRSTDDataset(str(tmp_path / 'frames'), pipeline=[*LOAD, PACK], test_mode=True)
    packed = dataset[0]
    assert packed['inputs'].shape == (3, 18, 24)
    assert 'gt_sem_seg' not in packed['data_samples']
    with pytest.raises(ValueError, match=r'images without masks .*a\.png.*test_mode=True'):
        build(tmp_path / 'frames')


def test_images_without_any_target(write_layout):
    root = write_layout('pairs')
    Image.fromarray(np.zeros((18, 24), np.uint8)).save(root / 'masks/000002.png')
    pipeline = [
        *LOAD,
        {'type': 'mmirstd.RandomScaleCropPad', 'size': 16},
        {'type': 'RandomFlip', 'prob': 0.5},
        PACK,
    ]
    dataset = IRSTDDataset(str(root), pipeline=pipeline)
    assert dataset[1]['data_samples'].gt_sem_seg.data.sum() == 0


def test_unreadable_image_is_named_in_training_too(write_layout):
    root = write_layout('pairs')
    (root / 'images/000002.png').write_bytes(b'\x89PNG\r\n\x1a\n')
    with pytest.raises(ValueError, match=r'000002\.png: cannot be decoded'):
        build(root)[1]


def test_lazy_init_looks_for_files_later(write_layout, tmp_path):
    dataset = build(tmp_path / 'later', lazy_init=True)
    write_layout('pairs', tmp_path / 'later')
    dataset.full_init()
    assert len(dataset) == 3


@pytest.mark.parametrize(('indices', 'names'), [(2, ['000001', '000002']), ([2], ['000010'])])
@pytest.mark.parametrize('serialize', [True, False])
def test_indices(write_layout, indices, names, serialize):
    dataset = build(write_layout('pairs'), indices=indices, serialize_data=serialize)
    assert [sample['img_path'].rsplit('/')[-1][:-4] for sample in dataset] == names


def test_concatenation_of_layouts(write_layout, tmp_path):
    roots = [write_layout(name, tmp_path / name) for name in ('sirst', 'pairs', 'mdfa')]
    parts = [build(root) for root in roots]
    joined = ConcatDataset(parts)
    assert len(joined) == 9
    assert joined.metainfo == parts[0].metainfo
    assert joined[8]['gt_seg_map'].sum() == 3


def test_classes_are_fixed(write_layout):
    with pytest.raises(ValueError, match='background'):
        build(write_layout('pairs'), metainfo={'classes': ('target',)})


def test_unknown_arguments_are_refused(write_layout):
    with pytest.raises(TypeError, match='ann_file'):
        build(write_layout('pairs'), ann_file='test.txt')


def loader_of(root):
    return Runner.build_dataloader(
        {
            'batch_size': 3,
            'num_workers': 1,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'dataset': {
                'type': 'mmirstd.IRSTDDataset',
                'data_root': str(root),
                'pipeline': [*LOAD, PACK],
            },
        }
    )


def test_batches_from_worker_processes(write_layout):
    loader = loader_of(write_layout('pairs'))
    (batch,) = list(loader)
    assert [int(s.gt_sem_seg.data.sum()) for s in batch['data_samples']] == [1, 2, 3]


def test_worker_errors_still_name_the_file(write_layout):
    root = write_layout('pairs')
    (root / 'images/000010.png').write_bytes(b'')
    loader = loader_of(root)
    with pytest.raises(ValueError, match=r'000010\.png: the file is empty'):
        list(loader)


@pytest.mark.parametrize(
    ('folder', 'split', 'images'),
    [
        ('SIRST', 'sirst/idx_427_train', 256),
        ('SIRST', 'sirst/idx_427_val', 85),
        ('SIRST', 'sirst/sirst85', 85),
        ('SIRST', None, 427),
        ('NUDT-SIRST', 'nudt/dnanet_50_50_train_fit', 597),
        ('NUDT-SIRST', 'nudt/dnanet_50_50_test', 664),
        ('IRSTD-1k', 'irstd1k/basicirstd_train_val', 80),
        ('IRSTD-1k', 'irstd1k/basicirstd_test', 201),
        ('MDFA', 'mdfa/dnanet_10000_100_test', 100),
        ('MDFA', 'splits/train_first_1500.txt', 1500),
    ],
)
def test_real_sets(data_root, folder, split, images):
    dataset = build(data_root / folder, split)
    assert len(dataset) == images
    for index in (0, images // 2, images - 1):
        sample = dataset[index]
        assert sample['gt_seg_map'].shape == sample['img'].shape[:2]
        assert sample['gt_seg_map'].max() == 1


def test_partial_real_mdfa_is_an_error_that_counts(data_root):
    with pytest.raises(FileNotFoundError, match='8,478 images listed'):
        build(data_root / 'MDFA', 'mdfa/dnanet_10000_100_train')
