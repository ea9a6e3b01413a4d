import hashlib
import re
from importlib import resources

import pytest

from mmirstd.datasets import splits
from mmirstd.datasets.catalog import get_dataset
from mmirstd.datasets.splits import load_split, set_aside, split_names

SIZES = {
    'nudt/dnanet_50_50_train': 663,
    'nudt/dnanet_50_50_test': 664,
    'sirst/idx_427_train': 256,
    'sirst/idx_427_val': 85,
    'sirst/idx_427_test': 86,
    'sirst/idx_427_trainval': 341,
    'sirst/sirst85': 85,
    'sirst/dnanet_50_50_train': 213,
    'sirst/dnanet_50_50_test': 214,
    'irstd1k/basicirstd_train': 800,
    'irstd1k/basicirstd_test': 201,
    'mdfa/dnanet_10000_100_train': 10000,
    'mdfa/dnanet_10000_100_train_9978': 9978,
    'mdfa/dnanet_10000_100_test': 100,
    'sirst_v2/train_full': 512,
    'sirst_v2/val_full': 256,
    'sirst_v2/test_full': 256,
}

CARVED = {  # base list -> (fit, val, first 12 digits of the SHA-256 of the val names)
    'nudt/dnanet_50_50_train': (597, 66, '330ca4a26092'),
    'irstd1k/basicirstd_train': (720, 80, '089b74d4c5cb'),
    'mdfa/dnanet_10000_100_train': (8980, 998, '03a9f0e36df8'),
}


@pytest.mark.parametrize(('name', 'size'), SIZES.items())
def test_sizes(name, size):
    assert len(load_split(name).names) == size


@pytest.mark.parametrize('name', split_names())
def test_every_list_holds_distinct_bare_names(name):
    split = load_split(name)
    assert len(set(split.names)) == len(split.names) > 0
    assert all(re.fullmatch(r'[\w-]+', stem) for stem in split.names)
    assert split.name == name
    assert split.dataset == name.split('/')[0]


@pytest.mark.parametrize(
    ('train', 'test'),
    [
        ('nudt/dnanet_50_50_train', 'nudt/dnanet_50_50_test'),
        ('sirst/idx_427_trainval', 'sirst/idx_427_test'),
        ('sirst/idx_427_train', 'sirst/idx_427_val'),
        ('sirst/dnanet_50_50_train', 'sirst/dnanet_50_50_test'),
        ('irstd1k/basicirstd_train', 'irstd1k/basicirstd_test'),
        ('mdfa/dnanet_10000_100_train', 'mdfa/dnanet_10000_100_test'),
        ('sirst_v2/trainval_full', 'sirst_v2/test_full'),
    ],
)
def test_training_and_test_lists_are_disjoint(train, test):
    assert not set(load_split(train).names) & set(load_split(test).names)


@pytest.mark.parametrize(('base', 'expected'), CARVED.items())
def test_validation_lists_are_carved_out_of_the_training_list(base, expected):
    fit, val = load_split(f'{base}_fit').names, load_split(f'{base}_val').names
    damaged = get_dataset(base.split('/')[0]).damaged
    train = [name for name in load_split(base).names if name not in damaged]
    assert (len(fit), len(val)) == expected[:2]
    assert sorted([*fit, *val]) == sorted(train)
    # The choice is part of what published numbers mean, so it must never change.
    digest = hashlib.sha256('\n'.join(val).encode()).hexdigest()
    assert digest[:12] == expected[2]


def test_set_aside_does_not_depend_on_the_order():
    names = [f'{number:03d}' for number in range(50)]
    assert set_aside(names) == set_aside(names[::-1])
    assert len(set_aside(names)) == 5


def test_sirst85_lacks_exactly_misc_111():
    test = load_split('sirst/idx_427_test').names
    assert set(test) - set(load_split('sirst/sirst85').names) == {'Misc_111'}


def test_aliases_name_the_same_list():
    expected = load_split('mdfa/dnanet_10000_100_test')
    for alias in ('MDEA', 'NUST-SIRST', 'mdvsfa', 'MDvsFA_cGAN', 'nust_sirst'):
        assert load_split(f'{alias}/dnanet_10000_100_test') == expected


def test_unknown_list_names_the_known_ones_of_its_dataset():
    with pytest.raises(ValueError, match='nudt/dnanet_50_50_test') as error:
        load_split('NUDT-SIRST/50_50')
    assert 'irstd1k/' not in str(error.value)
    with pytest.raises(ValueError, match=r"'test\.txt'.*irstd1k/basicirstd_test.*sirst/sirst85"):
        load_split('test.txt')


def test_unknown_dataset_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'coco'.*NUAA-SIRST.*MDEA"):
        get_dataset('coco')


def test_files_are_stored_as_published():
    folder = resources.files(splits)
    # DNANet's lists end lines with CRLF; the SIRST authors' lists lack the final newline.
    assert folder.joinpath('nudt/dnanet_50_50_test.txt').read_bytes().endswith(b'\r\n')
    assert folder.joinpath('sirst/idx_427_test.txt').read_bytes().endswith(b'Misc_160')


def test_changed_list_is_refused(monkeypatch):
    checksums = dict(splits._checksums())
    checksums['sirst/idx_427_val'] = '0' * 64
    monkeypatch.setattr(splits, '_checksums', lambda: checksums)
    with pytest.raises(RuntimeError, match=r'sirst/idx_427_val\.txt.*not the published split'):
        load_split('sirst/idx_427_val')
    assert len(load_split('sirst/idx_427_test').names) == 86


@pytest.mark.parametrize(
    ('folder', 'file', 'name'),
    [
        ('SIRST', 'sirst_idx_427_test', 'sirst/idx_427_test'),
        ('SIRST', 'dnanet_50_50_test', 'sirst/dnanet_50_50_test'),
        ('NUDT-SIRST', 'dnanet_50_50_train', 'nudt/dnanet_50_50_train'),
        ('IRSTD-1k', 'basicirstd_test', 'irstd1k/basicirstd_test'),
        ('MDFA', 'dnanet_10000_100_train', 'mdfa/dnanet_10000_100_train'),
    ],
)
def test_lists_beside_the_real_data_agree(data_root, folder, file, name):
    real = (data_root / folder / 'splits' / f'{file}.txt').read_text().split()
    assert list(load_split(name).names) == real
