"""The README's commands on your own images, as written; its other commands have their own tests.

tools/quickstart.sh and tools/run_tests.sh: tests/tools/test_quickstart.py and every run of .ci/run;
`mim train` and `mim test`: tests/test_mim.py; the other tools: tests/tools.
"""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from documented import BLOCK, ROOT, run_command
from toy_project import write_images

from mmirstd.cli.commands.demo import build_parser


@pytest.mark.slow
def test_use_it_on_your_own_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / 'own', 2, size=64)
    for kind in ('images', 'masks'):
        Path('own', kind).rename(f'my_{kind}')
    section = (ROOT / 'README.md').read_text().split('## Use it')[1]
    (block,) = re.findall(r'```bash\n(.*?)```', section.split('\n## ')[0], re.DOTALL)
    for line in block.strip().splitlines()[:2]:
        run_command(line, monkeypatch)
    assert Path('report.html').is_file()
    assert len(list(Path('found/overlays').iterdir())) == 2


@pytest.mark.slow
def test_the_first_command_and_the_first_program(tmp_path, monkeypatch, capsys):
    """Both print the same target."""
    monkeypatch.chdir(tmp_path)
    run_command('mmirstd make-scenes scenes --train 0 --val 0 --test 1 --bits 16', monkeypatch)
    (image,) = Path('scenes/test/images').iterdir()
    cv2.imwrite('frame.tif', cv2.imread(str(image), cv2.IMREAD_UNCHANGED))
    text = (ROOT / 'README.md').read_text()
    ((_, install), (_, program), *_) = BLOCK.findall(text)
    capsys.readouterr()
    run_command(install.splitlines()[1], monkeypatch)
    _, *rows = capsys.readouterr().out.splitlines()
    exec(compile(program, 'README.md', 'exec'), {})
    lines = capsys.readouterr().out.splitlines()
    assert lines
    printed = [[float(number) for number in row.split()[1:]] for row in rows]
    given = [[float(number) for number in line.split()] for line in lines]
    np.testing.assert_allclose(printed, given, atol=0.006)


def test_two_screens():
    assert len((ROOT / 'README.md').read_text().splitlines()) <= 100


def test_the_command_of_the_demo_page():
    """It serves until it is stopped, so here it is only taken apart; tests/tools serves it."""
    for page in ('README.md', 'docs/how_to/detect.md'):
        (command,) = re.findall(r'mmirstd demo (--model [^`\n#]+)', (ROOT / page).read_text())
        args = build_parser().parse_args(command.split())
        assert args.model in ([['tiny']], [['simirstd_synthetic', 'weights.pth']])
        assert args.host == '127.0.0.1'


LISTED = [ROOT / name for name in ('README.md', 'CONTRIBUTING.md', 'configs/README.md')]
PAGES = sorted((ROOT / 'docs').rglob('*.md')) + LISTED


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_exist(page):
    for link in re.findall(r'\]\(([^)#\s]+)', page.read_text()):
        path = page.parent / link
        if '://' not in link and not re.search(
            r'reference/(commands|components/\w+)\.md$', str(path)
        ):
            assert path.exists(), link  # the two exceptions are made by tests/docs/test_site.py


def test_pictures_of_the_readme_exist():
    pictures = re.findall(r'src="([^"]+)"|!\[[^]]*\]\(([^)]+)', (ROOT / 'README.md').read_text())
    assert len(pictures) >= 3
    for picture in pictures:
        assert (ROOT / ''.join(picture)).is_file()
