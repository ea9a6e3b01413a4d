"""Every command of the documentation is run by a test, or is listed here with the reason why not.

Pages that tests run from beginning to end are in `RUN_AS_PAGES`. The other commands run here, in
one folder with small scenes in the place of the data that the pages speak of.
"""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from documented import BLOCK, ROOT, find_commands, run_command
from test_commands import CONFIGS, PAGES

from mmirstd.datasets.splits import load_split

RUN_AS_PAGES = {
    'how_to/add_a_dataset.md', 'how_to/add_a_model.md', 'how_to/detect.md', 'how_to/export.md',
    'explanation/read_the_numbers.md', 'reference/semantic_sam.md', 'tutorials/own_folder.md',
}  # fmt: skip

EPOCH = '--cfg-options train_cfg.max_epochs=1 train_dataloader.num_workers=0 '
EPOCH += 'train_dataloader.persistent_workers=False val_dataloader.num_workers=0 '
EPOCH += 'val_dataloader.persistent_workers=False'
TESTED = EPOCH.partition('train_dataloader')[0].replace('train_cfg.max_epochs=1 ', '')
TESTED += 'test_dataloader.num_workers=0 test_dataloader.persistent_workers=False'

# In this order; what follows a command makes it shorter.
RUN_HERE = {
    'mmirstd make-scenes data/synthetic --train 200 --val 50 --test 100 --size 256': (
        '--train 2 --val 1 --test 1'
    ),
    'mmirstd make-scenes data/synthetic16 --bits 16 --scr 2 8 --targets 1 5 --empty 0.2': (
        '--train 2 --val 1 --test 1'
    ),
    'python tools/make_nested_shapes.py data/nested_shapes': '--images 2 --val 1 --size 64 64',
    'mmirstd check data/SIRST': '',
    'mmirstd check data/MDFA --split mdfa/dnanet_10000_100_test --resize 128': '',
    'mmirstd score PRED_DIR GT_DIR': '',
    'mmirstd score results/DNANet data/SIRST/masks --gt-suffix _pixels0 '
    '--split sirst/idx_427_test --matching legacy --per-image worst.csv': '',
    'mmirstd detect frame.png --model tiny': '',
    'mmirstd detect frame.tif': '',
    'mmirstd detect my_images --out found --write mask overlay csv': '',
    'mmirstd report --images my_images --masks my_masks --model tiny --out report.html': '',
    'mmirstd report --images images --masks masks --model tiny --model synthetic '
    '--out report.html': '',
    'mmirstd export tiny --out tiny.onnx': '--dynamic none --size 64',
    'mmirstd train light_unet_two_folders --work-dir work_dirs/own': EPOCH,
    'mmirstd train own.py --cfg-options load_from=tiny': EPOCH.removeprefix('--cfg-options '),
    'mmirstd test own.py tiny': TESTED,
}

NOT_RUN = {
    r'mim ': 'starts another program; tests/test_mim.py trains and tests through both mims',
    r'mmirstd demo ': 'serves until it is stopped; tests/tools/test_demo.py stops it',
    r'mmirstd (detect 0|detect "v4l2src|track rtsp:)': 'needs a camera; tests/io/test_live.py',
    r'mmirstd detect archive .* --ray auto': 'needs a Ray cluster; tests/parallel/test_ray.py',
    r'mmirstd convert ': 'needs a checkpoint of another project; tests/conversion',
    r'mmirstd train (simirstd_nudt|simirstd_sirst) ': 'hours; tests/cli/test_train_and_test.py',
    r'mmirstd test (simirstd_nudt|simirstd_sirst) ': 'needs a result of these hours; the same',
    r'mmirstd train configs/distill/': 'half an hour; tests/distillation',
    r'mmirstd make-scenes data/synthetic --train 64': 'the options of the commands above',
    r'mmirstd make-scenes data/scenes --train 3000': 'minutes; the options of the commands above',
    r'python -m benchmarks\.': 'minutes to hours; tests/benchmarks',
    r'python tools/feature_heatmaps\.py .* CHECKPOINT IMAGE': (
        'placeholders; tests/tools/test_feature_heatmaps.py'
    ),
    r'mmirstd (check data/own( --image-dir images .*)?|split data/own --out data/own/lists)$': (
        'in the comment of a config; the tutorial runs them'
    ),
    r'mmirstd convert-labels ': 'needs labels as boxes; tests/datasets/labels',
    r'mmirstd split .* --group sequence': 'needs sequences; tests/datasets/test_dividing.py',
}


def documented():
    """Complete commands of pages and configs, without those that a test runs with their page."""
    found = {}
    for path in [*PAGES, *CONFIGS]:
        if path.suffix == '.pyc':
            continue
        text = path.read_text()
        page = str(path.relative_to(ROOT)).removeprefix('docs/')
        run = set()
        if page in RUN_AS_PAGES:
            shells = [block for kind, block in BLOCK.findall(text) if kind == 'bash']
            blocks = (find_commands(f'```bash\n{block}```') for block in shells)
            run = {command for block in blocks for command, _ in block}
        for command, is_complete in find_commands(text):
            if is_complete and command not in run:
                found.setdefault(re.split(r'\s+#', command)[0], page)
    return found


def test_no_command_is_forgotten():
    commands = documented()
    lost = [
        f'{page}: {command}'
        for command, page in commands.items()
        if command not in RUN_HERE and not any(re.match(each, command) for each in NOT_RUN)
    ]
    assert not lost, 'run them, or say why not:\n' + '\n'.join(lost)
    assert [command for command in RUN_HERE if command not in commands] == []
    unused = [each for each in NOT_RUN if not any(re.match(each, one) for one in commands)]
    assert unused == []
    both = [one for one in RUN_HERE if any(re.match(each, one) for each in NOT_RUN)]
    assert both == []


def test_pages_are_run_by_their_tests():
    tests = '\n'.join(path.read_text() for path in Path(__file__).parent.glob('test_*.py'))
    assert set(re.findall(r"run_page\('([^']+)'", tests)) >= RUN_AS_PAGES


def write_pair(image, mask, seed):
    """A noisy 16-bit scene with one target."""
    random = np.random.default_rng(seed)
    scene = random.integers(900, 1100, (48, 48)).astype(np.uint16)
    top, left = random.integers(4, 40, 2)
    scene[top : top + 3, left : left + 3] += 2000
    for path, array in ((image, scene), (mask, (scene > 2000).astype(np.uint8) * 255)):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), array)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with the files that the commands name."""
    from mmengine.registry import DefaultScope

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LOCAL_RANK', '0')
    for k, name in enumerate(load_split('sirst/idx_427_test').names):
        write_pair(f'data/SIRST/images/{name}.png', f'data/SIRST/masks/{name}_pixels0.png', k)
        write_pair('unused.png', f'results/DNANet/{name}.png', k)
    for k, name in enumerate(load_split('mdfa/dnanet_10000_100_test').names):
        name = f'0{name[2:6]}'  # 010023_1 is file 00023
        write_pair(f'data/MDFA/test_org/{name}.png', f'data/MDFA/test_gt/{name}.png', k)
    for k in range(8):
        for images, masks in (
            ('images', 'masks'), ('my_images', 'my_masks'), ('data/own/images', 'data/own/masks'),
            ('unused', 'PRED_DIR'), ('unused', 'GT_DIR'),
        ):  # fmt: skip
            write_pair(f'{images}/{k}.png', f'{masks}/{k}.png', k)
    Path('data/own/lists').mkdir()
    for name in ('train', 'val', 'test'):
        Path(f'data/own/lists/{name}.txt').write_text('\n'.join(map(str, range(8))) + '\n')
    write_pair('frame.png', 'mask.png', 0)
    write_pair('frame.tif', 'mask.png', 0)
    Path('own.py').write_text("_base_ = 'mmirstd::custom/light_unet_two_folders.py'\n")
    yield tmp_path
    DefaultScope._instance_dict.clear()


@pytest.mark.slow
def test_the_other_commands_run(workplace, monkeypatch):
    pytest.importorskip('onnxscript')
    for command, shorter in RUN_HERE.items():
        run_command(f'{command} {shorter}', monkeypatch)
    written = ['worst.csv', 'found/targets.csv', 'report.html', 'tiny.onnx', 'unused.png']
    written += ['work_dirs/own/epoch_1.pth']
    assert [path for path in written if not Path(path).is_file()] == []
