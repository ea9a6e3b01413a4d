"""Processing of a video for the demo page: a film with tracks, which browsers play."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mmirstd.inference.detector import Detector
from mmirstd.inference.sources import Source, video_frames, video_rate
from mmirstd.inference.tracking import Tracker
from mmirstd.reporting.demo import short_paths, shorten_path
from mmirstd.reporting.video import TrackTable, TrackVideo
from mmirstd.reporting.writers import DetectionWriter
from mmirstd.wording import format_count

MAX_FRAMES = 500
"""Number of frames that are processed; `mmirstd track` has no such limit."""

FILM = '.webm'
"""Suffix of the film: VP8, which browsers play and OpenCV writes without further programs."""

_OTHER_RATE = 25.0


@dataclass(frozen=True)
class VideoAnswer:
    """Content of the page for a video.

    Attributes:
        summary: One or more sentences.
        film: The frames with their tracks.
        files: Film, table of tracks, JSON.
    """

    summary: str
    film: Path
    files: list[Path]


def answer_video(
    detector: Detector,
    path: str | Path,
    folder: str | Path,
    *,
    tell: Callable[[str], None] | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> VideoAnswer:
    """Track targets through the first `MAX_FRAMES` frames of a video.

    Args:
        detector: The detector, see `mmirstd.reporting.demo.choose_detector`.
        path: The video file.
        folder: An empty folder for the files.
        tell: Receives warnings about unsuitable options.
        progress: Receives the number of processed frames and `MAX_FRAMES`.

    Raises:
        ValueError: The video is unusable; the message is meant for the user.
        OSError: A file cannot be written.
    """
    path, folder = Path(path), Path(folder)
    unusable: list[str] = []
    tracker = Tracker()
    frames = targets = 0

    def skip(source: Source, error: Exception) -> None:
        unusable.append(str(error))

    film, table = folder / f'{path.stem}_tracks{FILM}', folder / f'{path.stem}_tracks.csv'
    with ExitStack() as stack:
        stack.enter_context(short_paths(path, tell))
        writer = stack.enter_context(DetectionWriter(folder, ('json',)))
        tracks = stack.enter_context(TrackTable(table))
        video = stack.enter_context(TrackVideo(film, video_rate(path) or _OTHER_RATE))
        sources = islice(video_frames(path), MAX_FRAMES + 1)  # one more frame shows that more exist
        for found in detector.stream(sources, on_error=skip):
            if frames == MAX_FRAMES:
                frames += 1
                break
            found = shorten_path(found)
            seen = tracker.update(found.targets)
            writer.write(found)
            tracks.write(found.source.name, seen)
            video.write(found, seen)
            frames, targets = frames + 1, targets + len(found.targets)
            progress(frames, MAX_FRAMES)
        if not frames:
            raise ValueError(unusable[0] if unusable else f'{path.name}: the video has no frame')
    summary = (
        f'**{format_count(targets, "detection")}, {format_count(tracker.count, "track")}** in '
        f'{format_count(min(frames, MAX_FRAMES), "frame")} of {path.name}.'
    )
    if frames > MAX_FRAMES:
        summary += f' The page stops after {MAX_FRAMES} frames; `mmirstd track` has no limit.'
    if unusable:
        summary += ' ' + unusable[0].replace(str(path), path.name) + '.'
    listed = (folder / 'detections.json').replace(folder / f'{path.stem}_detections.json')
    return VideoAnswer(summary, film, [film, table, listed])
