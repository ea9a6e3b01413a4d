"""The demo page: gradio components connected to `mmirstd.reporting.demo`.

The page loads only content of its own server: no analytics, external fonts or share link. A content
security policy makes the browser refuse everything else.
"""

from __future__ import annotations

import html
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmirstd.inference.detector import Detector
from mmirstd.inference.results import Detection
from mmirstd.io.folders import IMAGE_SUFFIXES
from mmirstd.io.videos import VIDEO_SUFFIXES, is_video
from mmirstd.reporting.demo import RANGES, TABLE_COLUMNS, answer, choose_detector, detect
from mmirstd.reporting.demo_server import Guard, remove_oldest
from mmirstd.reporting.demo_video import answer_video

TILES = {'whole image': None, **{f'{side} px': side for side in (64, 96, 128, 256, 512)}}
"""Label -> side of the tiles."""

DETECTORS = 'detectors'
"""Group of requests that run one at a time, because they run a detector or draw pictures."""

WAITING = 16
"""Number of waiting requests; further ones are refused with a message on the page."""

_STYLE = """
.gradio-container {max-width: 1280px !important}
#picture img, #crops img {image-rendering: pixelated}
#crops .grid-wrap {min-height: 0 !important}
"""


def build_demo(detectors: Mapping[str, Detector], folder: str | Path) -> Any:
    """The page as a ``gradio.Blocks``.

    Args:
        detectors: Detectors by their names on the page; the first one is the default.
        folder: Folder for uploads and results; the caller removes it.

    Raises:
        ImportError: gradio is not installed.
        ValueError: There is no detector.
    """
    if not detectors:
        raise ValueError('detectors is empty: the page needs at least one model')
    gradio = _import_gradio(folder)
    first = next(iter(detectors))
    with gradio.Blocks(
        title='Infrared small targets', analytics_enabled=False, delete_cache=(3600, 3600)
    ) as page:
        gradio.Markdown('# Infrared small target detection')
        kept = gradio.State(None)
        with gradio.Row():
            with gradio.Column(scale=1, min_width=300):
                image = gradio.File(
                    label='Image (8 or 16 bits, float TIFF) or video',
                    file_types=[*IMAGE_SUFFIXES, *VIDEO_SUFFIXES],
                    elem_id='image',
                    height=140,
                )
                model = gradio.Dropdown(list(detectors), value=first, label='Model')
                threshold = gradio.Slider(
                    0,
                    0.99,
                    value=detectors[first].threshold,
                    step=0.01,
                    label='Threshold: probability above which a pixel is a target',
                    elem_id='threshold',
                )
                tile = gradio.Dropdown(
                    list(TILES),
                    value=_tile_label(detectors[first]),
                    label='Tiles',
                    info='Larger images are cut into tiles of this side; choose the size that '
                    'the model was trained on.',
                )
                values = gradio.Dropdown(
                    list(RANGES),
                    value=next(iter(RANGES)),
                    label='Sensor values from black to white',
                    info='Matters for images of more than 8 bits.',
                )
                tta = gradio.Checkbox(
                    label='Average over mirror images', info='Four times the work.'
                )
                button = gradio.Button('Detect', variant='primary', elem_id='detect')
            with gradio.Column(scale=2, min_width=480):
                summary = gradio.Markdown(
                    'Drop an image or a video and press **Detect**.', elem_id='summary'
                )
                picture = gradio.Image(
                    label='Targets', format='png', elem_id='picture', interactive=False,
                    buttons=['download', 'fullscreen'],
                )  # fmt: skip
                film = gradio.Video(
                    label='Tracks', interactive=False, visible=False, autoplay=True, loop=True,
                    elem_id='film', buttons=['download'],
                )  # fmt: skip
                table = gradio.Dataframe(
                    headers=list(TABLE_COLUMNS), type='array', interactive=False, label='Targets',
                    elem_id='table', max_height=320,
                )  # fmt: skip
                crops = gradio.Gallery(
                    label='Enlarged', format='png', columns=4, height='auto', elem_id='crops',
                    object_fit='contain', buttons=['fullscreen'], interactive=False,
                )  # fmt: skip
                files = gradio.File(
                    label='Download: mask, picture, table, JSON', file_count='multiple',
                    interactive=False, elem_id='files',
                )  # fmt: skip
        shown = [summary, picture, film, table, crops, files]

        def run(
            path: str | None,
            *options: Any,
            progress: Any = gradio.Progress(),  # noqa: B008 - its way
        ) -> list[Any]:
            if path is None:
                raise gradio.Error('Drop an image or a video first.', print_exception=False)
            name, cut, side, label, mirrored = options
            chosen = {
                'model': name, 'threshold': cut, 'tile': TILES[side], 'tta': mirrored,
                'intensity_range': RANGES[label],
            }  # fmt: skip

            def tell(text: str) -> None:
                gradio.Warning(html.escape(text))

            if is_video(path):

                def follow() -> list[Any]:
                    detector = choose_detector(detectors, **chosen)
                    return _show_film(gradio, detector, path, folder, tell, progress)

                return [None, *_or_error(gradio, follow)]
            found = _or_error(gradio, lambda: detect(detectors, path, tell=tell, **chosen))
            return [found, *_show(gradio, found, folder)]

        def recut(found: Detection | None, cut: float) -> list[Any]:
            if found is None:  # nothing was detected yet
                return [None, *(gradio.skip() for _ in shown)]
            found = found.at_threshold(cut)
            return [found, *_show(gradio, found, folder)]

        options = [image, model, threshold, tile, values, tta]
        one_by_one = {
            'api_name': False, 'concurrency_limit': 1, 'concurrency_id': DETECTORS,
        }  # fmt: skip
        button.click(run, options, [kept, *shown], **one_by_one)
        threshold.release(recut, [kept, threshold], [kept, *shown], **one_by_one)
    page.queue(max_size=WAITING, default_concurrency_limit=1)
    return page


def serve(
    page: Any,
    *,
    host: str = '127.0.0.1',
    port: int | None = None,
    names: Sequence[str] = (),
    block: bool = True,
) -> str:
    """Serve the page.

    Args:
        page: The result of :func:`build_demo`.
        host: Address to listen on; the default can be reached from this machine only.
        port: Port; None for the first free one from 7860.
        names: Further host names of the page; requests for other names are refused, see
            `mmirstd.reporting.demo_server.Guard`.
        block: Return only when the server is stopped (Ctrl-C).

    Returns:
        The address of the page; ``page.close()`` stops a server that does not block.

    Raises:
        OSError: The port is in use.
    """
    import gradio
    from starlette.middleware import Middleware

    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        share=False,
        quiet=True,
        show_error=True,
        prevent_thread_lock=not block,
        max_file_size='500mb',
        footer_links=[],
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        ssr_mode=False,
        app_kwargs={'middleware': [Middleware(Guard, names=[host, *names])]},
        css=_STYLE,
        # The fonts of the themes are loaded from Google.
        theme=gradio.themes.Default(
            font=['system-ui', 'sans-serif'], font_mono=['ui-monospace', 'monospace']
        ),
    )
    return address


def _import_gradio(folder: str | Path) -> Any:
    # gradio reads these when it is imported.
    os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'
    os.environ['HF_HUB_OFFLINE'] = '1'
    os.environ['GRADIO_TEMP_DIR'] = str(folder)
    try:
        import gradio
    except ImportError as error:
        raise ImportError(
            f"the demo page needs gradio: pip install 'mmirstd[demo]' ({error})"
        ) from error
    return gradio


def _show(gradio: Any, found: Detection, folder: str | Path) -> list[Any]:
    """Values of the components that show an answer."""
    shown = answer(found, _place(folder))
    files = [str(file) for file in shown.files]
    crops = gradio.update(value=shown.crops, visible=bool(shown.crops))
    picture = gradio.update(value=shown.picture, visible=True)
    rows = gradio.update(value=shown.rows, visible=True)
    film = gradio.update(value=None, visible=False)
    return [shown.summary, picture, film, rows, crops, files]


def _show_film(
    gradio: Any,
    detector: Detector,
    path: str,
    folder: str | Path,
    tell: Callable[[str], None],
    progress: Any,
) -> list[Any]:
    """Values of the components that show a video."""
    shown = answer_video(
        detector,
        path,
        _place(folder),
        tell=tell,
        progress=lambda done, most: progress((done, most), unit='frames'),
    )
    hidden = gradio.update(value=None, visible=False)
    film = gradio.update(value=str(shown.film), visible=True)
    return [shown.summary, hidden, film, hidden, hidden, [str(file) for file in shown.files]]


def _place(folder: str | Path) -> str:
    """A new folder for the files of an answer; old files are removed if necessary."""
    remove_oldest(folder)
    return tempfile.mkdtemp(prefix='answer_', dir=folder)


def _or_error(gradio: Any, work: Callable[[], Any]) -> Any:
    """Show the documented errors on the page."""
    try:
        return work()
    except (ValueError, OSError) as error:
        raise gradio.Error(str(error), duration=None, print_exception=False) from error


def _tile_label(detector: Detector) -> str:
    size = detector.options.tile_size
    return next((label for label, side in TILES.items() if side == size), next(iter(TILES)))
