import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

from bright_model import scene, write_models  # noqa: E402

from mmirstd.cli.commands import report  # noqa: E402
from mmirstd.inference.torch_detector import IRSTDInferencer  # noqa: E402
from mmirstd.reporting.report import error_rank, evaluate, pair_with_masks  # noqa: E402

BROWSER = shutil.which('chromium') or shutil.which('chromium-browser')


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Four images: right, one missed, one false, empty; and two models."""
    monkeypatch.chdir(tmp_path)
    write_models()
    a, b, c = (10, 12), (30, 50), (40, 20)
    pairs = {'right': ([a, b], [a, b]), 'missed': ([a], [a, b]), 'false <&>': ([a, c], [a]),
             'empty': ([], [])}  # fmt: skip
    for name, (seen, true) in pairs.items():
        for folder, targets in (('images', seen), ('masks', true)):
            Path(folder).mkdir(exist_ok=True)
            cv2.imwrite(f'{folder}/{name}.png', scene(targets=targets))
    return tmp_path


WORDS = ['--images', 'images', '--masks', 'masks', '--out', 'page/report.html']
GOOD = ['--model', 'bright.py', 'bright.pth']
BLIND = ['--model', 'bright.py', 'blind.pth']


def test_counts_curves_and_order(project):
    images = pair_with_masks('images', 'masks')
    evaluation = evaluate(IRSTDInferencer('bright.py', 'bright.pth'), images, keep_worst=2)
    result = evaluation.result
    scores = result.scores[0]
    assert (scores.targets, scores.hits, scores.false_predictions) == (5, 4, 1)
    assert (scores.tp, scores.fp, scores.fn) == (36, 9, 9)
    assert scores.fa == 9 / (4 * 48 * 64)
    # Both have one wrong target and IoU 1/2; files are in natural order.
    assert [worst.counts.name for worst in evaluation.worst] == ['false <&>', 'missed']
    assert error_rank(result.images[0]) == (0, 0.0)
    assert result.target_curve.pd[10] == 0.8
    np.testing.assert_array_equal(result.pixel_curve.tp[[0, -1]], [45, 0])


class Checker(HTMLParser):
    """Collects what a page refers to and complains about unbalanced tags."""

    def __init__(self):
        super().__init__()
        self.open, self.references = [], []

    def handle_starttag(self, tag, attributes):
        self.references += [
            v for k, v in attributes if k in ('src', 'srcset', 'href', 'action', 'data')
        ]
        assert tag not in ('script', 'link', 'iframe', 'object')
        if tag not in ('meta', 'img', 'source'):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_complete_and_self_contained(project, capsys):
    assert report.main([*WORDS, *GOOD, *BLIND, '--names', 'good', '$b_x <b>']) == 0
    assert '2 models on 4 images' in capsys.readouterr().err
    page = Path('page/report.html').read_text()
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert all(link.startswith('data:image/png;base64,') for link in checker.references)
    assert not re.search(r'https?://|@import|url\(', page.split('<h2>Models')[0])
    assert '<td>Pd, %</td><td>80.00</td><td>0.00</td>' in page
    assert '<td>IoU, %</td><td>66.67</td><td>0.00</td>' in page
    assert '$b_x &lt;b&gt;' in page
    assert '<b>' not in page
    assert 'false &lt;&amp;&gt;: 0 missed, 1 false of 1 target, IoU 50.0 %' in page
    assert page.count('<figure>') == 1 + 2 + 3  # nothing to show of what came out right
    assert 'BrightBackbone' in page
    assert len(re.findall(r'[0-9a-f]{64}', page)) >= 5


@pytest.mark.skipif(BROWSER is None, reason='chromium is not installed')
def test_a_browser_shows_it(project):
    assert report.main([*WORDS, *GOOD]) == 0
    page = Path('page/report.html').resolve()
    done = subprocess.run(
        [BROWSER, '--headless', '--no-sandbox', '--disable-gpu', '--window-size=1200,2400',
         '--virtual-time-budget=3000', f'--screenshot={project}/shot.png', page.as_uri()],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    shot = cv2.imread(str(project / 'shot.png'))
    assert shot is not None, done.stderr
    assert shot.shape == (2400, 1200, 3)
    # Text and pictures, and something of the palette of the overlays.
    assert (shot < 128).any(axis=2).mean() > 0.02
    assert (np.abs(shot[..., ::-1].astype(int) - (240, 228, 66)).sum(axis=2) < 12).any()


@pytest.mark.parametrize(
    ('words', 'code'),
    [
        ([*WORDS], 2),
        ([*WORDS, *GOOD, '--names', 'a', 'b'], 2),
        ([*WORDS[:-1], 'report.pdf', *GOOD], 2),
        ([*WORDS, *GOOD, '--overlap', '3'], 2),
        ([*WORDS, '--model', 'bright.py', 'absent.pth'], 1),
        (['--images', 'images', '--masks', 'page', '--out', 'r.html', *GOOD], 1),
    ],
)
def test_failures(project, words, code):
    if code == 2:
        with pytest.raises(SystemExit) as exit_info:
            report.main(words)
        assert exit_info.value.code == 2
    else:
        assert report.main(words) == 1
    assert not list(project.rglob('*.html'))


def test_an_image_without_mask_is_named(project):
    Path('masks/missed.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 4 images.*missed\.png'):
        pair_with_masks('images', 'masks')


def test_suffixes_of_masks_and_ranges_of_values(project, capsys):
    for path in sorted(Path('masks').iterdir()):
        path.rename(path.with_name(f'{path.stem}_pixels0.png'))
        image = cv2.imread(f'images/{path.name}', cv2.IMREAD_UNCHANGED)
        cv2.imwrite(f'images/{path.stem}.tif', image.astype(np.float32) / 255 * 20 + 15)
        Path(f'images/{path.name}').unlink()
    assert report.main([*WORDS, *GOOD]) == 1
    assert '--mask-suffix' in ' '.join(capsys.readouterr().err.split())
    suffix = ['--mask-suffix', '_pixels0']
    assert report.main([*WORDS, *GOOD, *suffix]) == 1
    assert '--intensity-range' in ' '.join(capsys.readouterr().err.split())
    assert report.main([*WORDS, *GOOD, *suffix, '--intensity-range', '15', '35']) == 0
    images = pair_with_masks('images', 'masks', '_pixels0')
    detector = IRSTDInferencer('bright.py', 'bright.pth', intensity_range=(15, 35))
    assert evaluate(detector, images).result.scores[0].hits == 4


def test_void_pixels_are_left_out(project):
    """The second target and a false alarm are void; what is found there does not count."""
    for name in ('right', 'false <&>'):
        mask = cv2.imread(f'masks/{name}.png', cv2.IMREAD_UNCHANGED) // 255
        if name == 'right':
            mask[28:33, 46:55] = 255  # around (30, 50)
        else:
            mask[38:43, 16:25] = 255  # around the false alarm at (40, 20)
        cv2.imwrite(f'masks/{name}.png', mask)
    for name in ('missed', 'empty'):
        mask = cv2.imread(f'masks/{name}.png', cv2.IMREAD_UNCHANGED) // 255
        cv2.imwrite(f'masks/{name}.png', mask)
    images = pair_with_masks('images', 'masks')
    evaluation = evaluate(IRSTDInferencer('bright.py', 'bright.pth'), images, void_value=255)
    scores = evaluation.result.scores[0]
    assert (scores.targets, scores.hits, scores.false_predictions) == (4, 3, 0)
    assert (scores.tp, scores.fp, scores.fn) == (27, 0, 9)
    assert scores.pixels == 4 * 48 * 64 - 2 * 45
    assert next(worst.counts.name for worst in evaluation.worst) == 'missed'
    assert report.main([*WORDS, *GOOD]) == 1
    assert report.main([*WORDS, *GOOD, '--void-value', '255']) == 0
