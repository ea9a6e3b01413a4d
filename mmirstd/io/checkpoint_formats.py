"""Recognising files that are not usable as checkpoints, from their first and last bytes."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from mmirstd.wording import format_count

_PICKLE, _ZIP = b'\x80', b'PK'
_MXNET = (0x112).to_bytes(8, 'little')
_HEAD = 512


def is_safetensors(path: Path) -> bool:
    """Whether the file has the safetensors format, whatever its name is."""
    with path.open('rb') as file:
        start = file.read(9)
    length = int.from_bytes(start[:8], 'little')
    return len(start) == 9 and start[8:] == b'{' and 2 <= length <= path.stat().st_size - 8


def damage(path: Path) -> str:
    """Why a file is not a usable PyTorch checkpoint; empty if nothing is wrong.

    The text continues a sentence that begins with the file's name. It says what the file is and
    what to do.
    """
    with path.open('rb') as file:
        head = file.read(_HEAD)
    if not head:
        return 'is empty'
    if head.startswith(_ZIP):  # torch >= 1.6 writes a zip archive; its directory comes last
        return _damaged_archive(path)
    if head.startswith(_PICKLE) or is_safetensors(path):
        return ''
    text = head.lstrip(b'\xef\xbb\xbf \t\r\n').lower()
    if text.startswith((b'<!doctype', b'<html', b'<?xml')) or b'<html' in text:
        return (
            'is a web page (HTML), not a checkpoint: the site answered with a page, such as a '
            'question or an error. Open the address in a browser and download the file itself; for '
            'Google Drive: `pip install gdown; gdown ID`'
        )
    if text.startswith(b'version https://git-lfs'):
        return (
            'is a Git LFS pointer, not the checkpoint itself: run `git lfs pull` in its '
            'repository, or download it from the page of the file'
        )
    if head.startswith(b'\x89HDF'):
        return 'is an HDF5 file, as from Keras, not a PyTorch checkpoint'
    if head.startswith(_MXNET):
        return (
            'is an MXNet file, not a PyTorch checkpoint: export its arrays with MXNet '
            '(docs/reference/models.md, "Published weights")'
        )
    if path.suffix.lower() == '.onnx':
        return 'is an ONNX model: use it with OnnxDetector or --onnx, without a checkpoint'
    return 'is not a PyTorch checkpoint'


def _damaged_archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        size = path.stat().st_size
        return f'is incomplete ({format_count(size, "byte was written", "bytes were written")})'
    except (UnicodeDecodeError, struct.error, NotImplementedError, EOFError) as error:
        return f'is damaged: its list of contents cannot be read ({error})'
    if any(name.endswith('constants.pkl') for name in names):
        return (
            'is a TorchScript program, not a checkpoint: save its weights with `torch.save('
            "{'state_dict': torch.jit.load(FILE).state_dict()}, 'weights.pth')`"
        )
    if not any(name.endswith('data.pkl') for name in names):
        return 'is another kind of zip archive: unpack it and give the checkpoint in it'
    return ''
