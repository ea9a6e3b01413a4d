"""Procedural sets lie as the real ones do, so the dataset class reads all their layouts."""

import pytest

from mmirstd.datasets.checking import check_dataset
from mmirstd.datasets.irstd import IRSTDDataset
from mmirstd.datasets.synthetic import WRITTEN_LAYOUTS, SceneConfig, write_dataset


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('layout', sorted(WRITTEN_LAYOUTS))
def test_every_layout_of_the_generator_is_read(tmp_path, layout, bits):
    config = SceneConfig(size=(40, 48), bits=bits)
    write_dataset(tmp_path, {'train': 2, 'test': 1}, config=config, seed=0, layout=layout)
    report = check_dataset(tmp_path)
    assert not report.problems
    assert len(report.facts) == 3
    pipeline = [
        {'type': 'mmirstd.LoadIRImage', 'intensity_range': 'dtype' if bits == 8 else (0, 16383)},
        {'type': 'mmirstd.LoadMask'},
    ]
    for sample in IRSTDDataset(str(tmp_path), pipeline=pipeline, serialize_data=False):
        assert sample['gt_seg_map'].shape == sample['img'].shape[:2] == (40, 48)
        assert 0 <= sample['img'].min() < sample['img'].max() <= 255
