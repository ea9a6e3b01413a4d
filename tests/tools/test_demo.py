"""The demo tool, and its page in a browser as a user drives it."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

from bright_model import scene, write_models  # noqa: E402

from mmirstd.cli.commands import demo  # noqa: E402
from mmirstd.cli.stopping import run_tool  # noqa: E402
from mmirstd.inference.torch_detector import IRSTDInferencer  # noqa: E402
from mmirstd.reporting.demo_server import remove_oldest  # noqa: E402

BROWSER = shutil.which('chromium') or shutil.which('chromium-browser')


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_models()
    cv2.imwrite('frame.tif', scene(dtype=np.uint16))
    write_clip('clip.avi', frames=8)
    return tmp_path


def write_clip(path, frames):
    """A target that moves by one pixel a frame."""
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*'MJPG'), 10, (64, 48))
    for k in range(frames):
        writer.write(cv2.cvtColor(scene(targets=[(20, 10 + k)]), cv2.COLOR_GRAY2BGR))
    writer.release()


BRIGHT = ['--model', 'bright.py', 'bright.pth']


def test_without_a_model_there_is_no_page(capsys):
    with pytest.raises(SystemExit) as exit_info:
        demo.main([])
    assert exit_info.value.code == 2
    assert 'give at least one --model or --onnx' in capsys.readouterr().err


def test_without_gradio_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(demo.importlib.util, 'find_spec', lambda name: None)
    assert demo.main(BRIGHT) == 1
    assert "pip install 'mmirstd[demo]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ('number', 'code'), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_the_server_with_its_code(monkeypatch, capsys, number, code):
    """Without gradio: what the command does around the server."""
    from mmirstd.reporting import demo_page

    folders, closed = [], []

    class Page:
        def close(self):
            closed.append(Path(folders[0]).is_dir())

    def build(detectors, folder):
        assert list(detectors) == ['bright']
        (Path(folder) / 'upload.tif').write_bytes(b'private')
        folders.append(folder)
        return Page()

    def serve(page, **options):
        assert options['block'] is False
        threading.Timer(0.5, os.kill, (os.getpid(), number)).start()
        return 'http://127.0.0.1:7860/'

    monkeypatch.setattr(demo.importlib.util, 'find_spec', lambda name: name)
    monkeypatch.setattr(demo, 'load_model', lambda *files, **options: None)
    monkeypatch.setattr(demo_page, 'build_demo', build)
    monkeypatch.setattr(demo_page, 'serve', serve)
    assert run_tool(lambda: demo.main(BRIGHT)) == code
    assert closed == [True]  # before its folder is removed
    assert not Path(folders[0]).exists()
    assert f'stopped by {number.name}; uploads and results are removed' in ' '.join(
        capsys.readouterr().err.split()
    )


@pytest.fixture
def served(project, monkeypatch):
    """Address of a page with two models."""
    pytest.importorskip('gradio')
    from mmirstd.reporting.demo_page import build_demo, serve

    for variable in ('GRADIO_ANALYTICS_ENABLED', 'GRADIO_TEMP_DIR', 'HF_HUB_OFFLINE'):
        monkeypatch.setenv(variable, os.environ.get(variable, ''))  # restored afterwards
    uploads = project / 'uploads'
    uploads.mkdir()
    models = {name: IRSTDInferencer('bright.py', f'{name}.pth') for name in ('bright', 'blind')}
    page = build_demo(models, uploads)
    yield serve(page, block=False)
    page.close()


def test_the_page_refuses_what_others_deliver(served):
    with urllib.request.urlopen(served, timeout=600) as answer:
        assert "default-src 'self'" in answer.headers['content-security-policy']
    assert re.match(r'http://127\.0\.0\.1:\d+', served)


def test_the_page_answers_to_its_own_names_only(served):
    port = served.rstrip('/').rpartition(':')[2]
    for host, status in ((f'localhost:{port}', 200), ('evil.example', 421)):
        connection = http.client.HTTPConnection('127.0.0.1', int(port), timeout=60)
        connection.request('GET', '/', headers={'Host': host})
        answer = connection.getresponse()
        assert answer.status == status
        assert "frame-ancestors 'none'" in answer.headers['content-security-policy']
        connection.close()


def test_a_moved_slider_does_not_fill_the_disk(served, project, monkeypatch):
    from mmirstd.reporting import demo_page
    from mmirstd.reporting.demo import detect as run

    monkeypatch.setattr(demo_page, 'remove_oldest', lambda folder: remove_oldest(folder, 50_000))
    models = {'bright': IRSTDInferencer('bright.py', 'bright.pth')}
    found = run(models, 'frame.tif', model='bright', threshold=0.5, intensity_range='minmax')
    gradio = pytest.importorskip('gradio')
    for k in range(30):
        demo_page._show(gradio, found.at_threshold(k / 40), project / 'uploads')
    kept = sum(path.stat().st_size for path in (project / 'uploads').rglob('*') if path.is_file())
    assert kept < 50_000 + 40_000  # what is allowed and one answer


def test_sigterm_removes_uploads_and_answers(project):
    pytest.importorskip('gradio')
    (project / 'temporary').mkdir()
    words = [sys.executable, str(ROOT / 'tools/demo.py'), *BRIGHT]
    path = os.pathsep.join([str(ROOT / 'tests'), str(ROOT)])
    environment = {**os.environ, 'TMPDIR': str(project / 'temporary'), 'PYTHONPATH': path}
    worker = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment)
    for line in worker.stderr:
        if line.startswith('Open '):
            break
    (folder,) = (project / 'temporary').glob('mmirstd_demo_*')
    (folder / 'upload.tif').write_bytes(b'private')
    worker.send_signal(signal.SIGTERM)
    _, said = worker.communicate(timeout=60)
    assert worker.returncode == 143
    assert 'stopped by SIGTERM' in said
    assert not folder.exists()


def test_the_page_answers_a_video_with_a_film(served, project):
    """What happens on a click, without a browser."""
    from mmirstd.reporting import demo_page

    gradio = pytest.importorskip('gradio')
    detector = IRSTDInferencer('bright.py', 'bright.pth')
    steps = []
    summary, picture, film, _, _, files = demo_page._show_film(
        gradio, detector, 'clip.avi', project / 'uploads', steps.append,
        lambda step, unit: steps.append((*step, unit)),
    )  # fmt: skip
    assert summary.startswith('**8 detections, 1 track** in 8 frames')
    assert steps[-1] == (8, 500, 'frames')
    assert not picture['visible']
    assert film['visible']
    assert [Path(file).name for file in files] == [
        'clip_tracks.webm', 'clip_tracks.csv', 'clip_detections.json'
    ]  # fmt: skip
    with urllib.request.urlopen(served, timeout=600) as answer:
        assert "media-src 'self' blob:" in answer.headers['content-security-policy']


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason='chromium is not installed')
def test_a_user_drops_an_image_and_sees_targets(served, project):
    playwright = pytest.importorskip('playwright.sync_api', reason='drives the browser')
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=BROWSER, args=['--no-sandbox', '--disable-gpu']
        )
        page = browser.new_page(viewport={'width': 1280, 'height': 1300})
        page.set_default_timeout(120_000)
        requests, complaints = [], []
        page.on('request', lambda request: requests.append(request.url))
        page.on('pageerror', lambda error: complaints.append(str(error)))
        page.goto(served)

        page.click('#detect')
        page.wait_for_selector('text=Drop an image or a video first.')
        page.set_input_files('#image input[type=file]', 'frame.tif')
        page.wait_for_selector('#image :text("frame")')
        page.click('#detect')
        page.wait_for_selector('#summary :text("2 targets")')
        page.wait_for_selector('#picture img')
        page.wait_for_function("document.querySelectorAll('#crops img').length >= 2")
        assert '0.9996' in page.inner_text('#table')
        page.wait_for_function("document.querySelector('#picture img').naturalWidth > 0")
        page.screenshot(path='page.png', full_page=True)

        found = {}
        for link in page.query_selector_all('#files a'):
            with page.expect_download() as download:
                link.click()
            found[download.value.suggested_filename] = download.value.path().read_bytes()
        names = [
            'frame_detections.json',
            'frame_mask.png',
            'frame_overlay.png',
            'frame_targets.csv',
        ]
        assert sorted(found) == names
        mask = cv2.imdecode(np.frombuffer(found['frame_mask.png'], np.uint8), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (48, 64)
        assert np.count_nonzero(mask) == 18
        (image,) = json.loads(found['frame_detections.json'])['images']
        assert [(t['x'], t['y']) for t in image['targets']] == [(12, 10), (50, 30)]

        # The other model sees nothing.
        page.fill('input[aria-label="Model"]', 'blind')
        page.keyboard.press('Enter')
        page.click('#detect')
        page.wait_for_selector('#summary :text("0 targets")')

        # A video comes back as one that plays.
        page.fill('input[aria-label="Model"]', 'bright')
        page.keyboard.press('Enter')
        page.click('#image button[aria-label="Clear"]')
        page.set_input_files('#image input[type=file]', 'clip.avi')
        page.wait_for_selector('#image :text("clip")')
        page.click('#detect')
        page.wait_for_selector('#summary :text("8 detections, 1 track")')
        page.wait_for_function("document.querySelector('#film video')?.videoWidth == 640")
        page.wait_for_function("document.querySelector('#film video').currentTime > 0")
        browser.close()
    assert complaints == []
    assert all(url.startswith((served, 'data:', 'blob:')) for url in requests), requests
    shot = cv2.imread('page.png')
    # The colour of the markers, and the white pixels of a target.
    assert (np.abs(shot[..., ::-1].astype(int) - (0, 158, 115)).sum(axis=2) < 12).sum() > 200
