"""Tables and lists that grow: whole rows at any moment, and a name only when they are complete."""

import csv
import os
import resource
import signal
import subprocess
import sys
import textwrap

import pytest

from mmirstd.io.outputs.growing import CsvTable, GrowingFile, csv_text, partial_path, safe_cell


def test_the_name_comes_with_the_end(tmp_path):
    table = CsvTable(tmp_path / 'out/t.csv', ['a', 'b'])
    table.write_rows([[1, 2]])
    assert partial_path(tmp_path / 'out/t.csv').read_bytes() == b'a,b\r\n1,2\r\n'
    assert not table.path.exists()
    table.close(complete=True)
    assert os.listdir(tmp_path / 'out') == ['t.csv']


def test_what_is_not_complete_keeps_the_other_name(tmp_path):
    table = CsvTable(tmp_path / 't.csv', ['a'])
    table.close(complete=False)
    assert os.listdir(tmp_path) == ['t.part.csv']


def test_a_failed_append_leaves_whole_rows(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    table = CsvTable(tmp_path / 't.csv', ['name'])

    def fill():
        for k in range(10_000):
            table.write_rows([[f'row {k}', 'x' * 50]])

    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        with pytest.raises(OSError, match=r'MB are free.*ulimit -f.*t\.part\.csv'):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    table.close(complete=False)
    lines = table.partial.read_bytes().split(b'\r\n')
    assert lines[-1] == b''
    assert 60 < len(lines) < 90
    assert all(line.endswith(b'x' * 50) for line in lines[1:-1])


def test_an_end_that_does_not_fit_is_one_error(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    file = GrowingFile(tmp_path / 't.json', b'[' + b' ' * 4095, b']')
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        with pytest.raises(OSError, match='MB are free') as caught:
            file.close(complete=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(caught.value).count('cannot write') == 1
    assert os.listdir(tmp_path) == ['t.part.json']


@pytest.mark.parametrize('text', ['=1+1', '+cmd', '-cmd', '@SUM(A1)', '\tx', "'x", "'=x"])
def test_names_are_not_formulas_and_can_be_read_back(text):
    (cell,) = next(csv.reader([csv_text([[text]]).decode().rstrip('\r\n')]))
    assert cell == "'" + text == safe_cell(text)


@pytest.mark.parametrize('text', ['frame=1', '-1.250', '+3', '1e-5', 'a@b', ''])
def test_other_cells_stay_as_they_are(text):
    assert safe_cell(text) == text


def test_names_keep_their_bytes():
    assert csv_text([[os.fsdecode(b'caf\xe9')]]) == b'caf\xe9\r\n'


def test_a_growing_file_does_not_follow_links(tmp_path):
    (tmp_path / 'photo').write_text('mine')
    for name in ('t.csv', 't.part.csv'):
        (tmp_path / name).symlink_to(tmp_path / 'photo')
        with pytest.raises(ValueError, match='is a link'):
            GrowingFile(tmp_path / 't.csv')
        (tmp_path / name).unlink()
    assert (tmp_path / 'photo').read_text() == 'mine'


def test_a_killed_table_has_whole_rows(tmp_path):
    code = textwrap.dedent("""
        import sys
        from mmirstd.io.outputs.growing import CsvTable
        table = CsvTable(sys.argv[1], ['number', 'text'])
        for k in range(10**9):
            table.write_rows([[k, 'x' * 200]] * 3)
            print(k, flush=True)
    """)
    worker = subprocess.Popen(
        [sys.executable, '-c', code, str(tmp_path / 't.csv')], stdout=subprocess.PIPE
    )
    for _ in range(5):
        worker.stdout.readline()
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    assert os.listdir(tmp_path) == ['t.part.csv']
    rows = (tmp_path / 't.part.csv').read_bytes().decode().split('\r\n')
    assert rows[-1] == ''
    assert len(rows) >= 5 * 3 + 2
    assert all(len(row.split(',')[1]) == 200 for row in rows[1:-1])
