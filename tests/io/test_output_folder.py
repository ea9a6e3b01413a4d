"""Results of one run stay those of one run."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from mmirstd.io.outputs.folder import RECORD, OutputFolder
from mmirstd.io.outputs.growing import partial_path
from mmirstd.io.outputs.guard import OutputError


def run(folder, names, **options):
    with OutputFolder(folder, 'detect', **options) as files:
        for name in names:
            files.path(name).write_text('result')


def content(folder):
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob('*')
        if path.is_file() and path.name != RECORD
    )


def lines(folder):
    return [json.loads(line) for line in (folder / RECORD).read_text().splitlines()]


def test_the_record_names_files_before_they_exist(tmp_path):
    with OutputFolder(tmp_path / 'out', 'detect') as files:
        place = files.path('masks/a.png')
        assert not place.exists()
        assert place.parent.is_dir()
        assert lines(tmp_path / 'out')[-1] == {'file': 'masks/a.png'}
    header, _, end = lines(tmp_path / 'out')
    assert header['program'] == 'detect'
    assert end == {'state': 'complete'}


def test_a_second_run_is_refused_or_replaces_exactly_the_files_of_the_first(tmp_path):
    out = tmp_path / 'out'
    run(out, ['masks/a.png', 'masks/b.png', 'targets.csv'])
    (out / 'notes.txt').write_text('mine')
    with pytest.raises(FileExistsError, match=r'3 files of an earlier run.*complete.*--overwrite'):
        OutputFolder(out, 'detect')
    assert content(out) == ['masks/a.png', 'masks/b.png', 'notes.txt', 'targets.csv']
    run(out, ['masks/c.png'], overwrite=True)
    assert content(out) == ['masks/c.png', 'notes.txt']


def test_files_of_others_are_neither_replaced_nor_mixed_with(tmp_path):
    (tmp_path / 'masks').mkdir()
    (tmp_path / 'masks/a.png').write_text('mine')
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match='masks already exists'):
            run(tmp_path, ['masks/b.png'], overwrite=overwrite)
    run(tmp_path, ['targets.csv'])
    assert content(tmp_path) == ['masks/a.png', 'targets.csv']


def test_a_foreign_file_among_old_results_stops_the_next_run(tmp_path):
    run(tmp_path, ['masks/a.png'])
    (tmp_path / 'masks/mine.png').write_text('mine')
    with pytest.raises(FileExistsError, match='masks already exists'):
        run(tmp_path, ['masks/a.png'], overwrite=True)
    assert content(tmp_path) == ['masks/mine.png']


def test_one_run_does_not_write_a_name_twice(tmp_path):
    with OutputFolder(tmp_path, 'detect') as files:
        files.path('masks/a.png').write_text('1')
        with pytest.raises(FileExistsError, match='already written by this run'):
            files.path('masks/a.png')
        assert files.path('masks/a.png', again=True).read_text() == '1'
        with pytest.raises(OutputError, match='record of the run'):
            files.path(RECORD)


def test_old_results_that_are_the_inputs_now_are_not_removed(tmp_path):
    run(tmp_path, ['masks/a.png'])
    with pytest.raises(OutputError, match='is an input'):
        OutputFolder(tmp_path, 'detect', inputs=[tmp_path / 'masks/a.png'], overwrite=True)
    assert content(tmp_path) == ['masks/a.png']


@pytest.mark.parametrize('name', ['../victim', '/etc/hostname', 'linked/victim', 'link'])
def test_a_record_cannot_make_us_remove_other_files(tmp_path, name):
    out, victim = tmp_path / 'out', tmp_path / 'victim'
    out.mkdir()
    victim.write_text('mine')
    (out / 'linked').symlink_to(tmp_path)
    (out / 'link').symlink_to(victim)
    header = {'format': 'mmirstd run 1', 'program': 'detect'}
    (out / RECORD).write_text(f'{json.dumps(header)}\n{json.dumps({"file": name})}\n')
    with pytest.raises(OutputError, match=r'outside of|is a link'):
        OutputFolder(out, 'detect', overwrite=True)
    assert victim.read_text() == 'mine'


def test_a_linked_record_is_not_followed(tmp_path):
    (tmp_path / 'precious').write_text('')
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / RECORD).symlink_to(tmp_path / 'precious')
    with pytest.raises(OutputError, match='is a link'):
        run(tmp_path / 'out', ['a'])
    assert (tmp_path / 'precious').read_text() == ''


def test_torn_and_foreign_records(tmp_path):
    run(tmp_path, ['a.png'])
    with (tmp_path / RECORD).open('a') as file:
        file.write('{"file": "b.p')
    with pytest.raises(FileExistsError, match='1 file of an earlier run'):
        OutputFolder(tmp_path, 'detect')
    (tmp_path / RECORD).write_text('{"format": "of another program"}\n')
    with pytest.raises(FileExistsError, match='not the record of a run'):
        OutputFolder(tmp_path, 'detect')


def test_an_earlier_run_without_files_is_no_obstacle(tmp_path):
    run(tmp_path, [])
    run(tmp_path, ['a.png'])
    assert content(tmp_path) == ['a.png']


def test_a_run_that_fails_says_so(tmp_path):
    def fail():
        with OutputFolder(tmp_path, 'detect') as files:
            files.path('a.png').write_text('1')
            raise OSError('disk')

    with pytest.raises(OSError, match='disk'):
        fail()
    assert lines(tmp_path)[-1] == {'state': 'failed'}
    with pytest.raises(FileExistsError, match='failed'):
        OutputFolder(tmp_path, 'detect')


WORKER = textwrap.dedent("""
    import sys, time
    from mmirstd.io.outputs.folder import OutputFolder
    try:
        with OutputFolder(sys.argv[1], 'detect', overwrite=True) as files:
            for k in range(20):
                files.path(f'masks/{sys.argv[2]}_{k}.png').write_text('x')
                print('wrote', flush=True)
                time.sleep(float(sys.argv[3]))
    except FileExistsError as error:
        print(error)
        sys.exit(3)
""")


def start(folder, name, pause):
    command = [sys.executable, '-c', WORKER, str(folder), str(name), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize('count', [2, 4])
def test_of_several_processes_one_writes_and_the_others_say_why(tmp_path, count):
    workers = [start(tmp_path, k, 0.15) for k in range(count)]
    said = [worker.communicate()[0] for worker in workers]
    codes = [worker.returncode for worker in workers]
    assert codes.count(0) >= 1
    assert set(codes) <= {0, 3}
    assert all('another run is writing' in said[k] for k, code in enumerate(codes) if code)
    owners = {name.split('/')[1].split('_')[0] for name in content(tmp_path)}
    assert len(owners) == 1  # never results of two runs
    assert len(content(tmp_path)) == 20


def test_after_a_kill_the_next_run_knows_what_is_left(tmp_path):
    worker = start(tmp_path, 0, 0.05)
    for _ in range(3):
        worker.stdout.readline()
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    left = len(content(tmp_path))
    assert 0 < left < 20
    with pytest.raises(FileExistsError, match=rf'{left} files of an earlier run .*ended abruptly'):
        OutputFolder(tmp_path, 'detect')
    run(tmp_path, ['masks/new.png'], overwrite=True)
    assert content(tmp_path) == ['masks/new.png']


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_a_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match='cannot write'):
        run(tmp_path, ['a.png'])


def write_half(folder, job):
    """A run that ends abruptly after one of two files."""
    try:
        with OutputFolder(folder, 'detect', job=job) as files:
            files.path('masks/a.png').write_text('first')
            files.path('masks/b.png')
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass


def test_a_run_is_continued_by_the_same_job_alone(tmp_path):
    write_half(tmp_path, {'threshold': 0.5, 'range': (0, 1)})
    with pytest.raises(FileExistsError, match=r'1 file of an earlier run.*--resume continues'):
        OutputFolder(tmp_path, 'detect')
    for job, text in (
        ({'threshold': 0.4, 'range': (0, 1)}, r'threshold was 0\.5 and is 0\.4 now'),
        ({'threshold': 0.5}, r'range was \[0, 1\] and is None now'),
        (None, 'range was'),
    ):
        with pytest.raises(FileExistsError, match=text):
            OutputFolder(tmp_path, 'detect', job=job, resume=True)
    with pytest.raises(FileExistsError, match="program was 'detect' and is 'test' now"):
        OutputFolder(tmp_path, 'test', job={'threshold': 0.5, 'range': (0, 1)}, resume=True)
    with OutputFolder(
        tmp_path, 'detect', job={'range': [0, 1], 'threshold': 0.5}, resume=True
    ) as files:
        assert not files.is_finished
        assert files.path('masks/a.png').read_text() == 'first'
        files.path('masks/b.png').write_text('second')
        files.path('masks/c.png').write_text('third')
        with pytest.raises(FileExistsError, match='already written by this run'):
            files.path('masks/c.png')
    assert content(tmp_path) == ['masks/a.png', 'masks/b.png', 'masks/c.png']
    names = [line['file'] for line in lines(tmp_path) if 'file' in line]
    assert names == ['masks/a.png', 'masks/b.png', 'masks/c.png']
    again = OutputFolder(tmp_path, 'detect', job={'range': [0, 1], 'threshold': 0.5}, resume=True)
    assert again.is_finished
    run(tmp_path, ['masks/d.png'], overwrite=True)
    assert content(tmp_path) == ['masks/d.png']


def test_without_an_earlier_run_there_is_nothing_to_continue(tmp_path):
    run(tmp_path / 'out', ['a.csv'], job={'k': 1}, resume=True)
    assert content(tmp_path / 'out') == ['a.csv']
    run(tmp_path / 'old', ['a.csv'])
    with pytest.raises(FileExistsError, match='does not say what its results depend on'):
        OutputFolder(tmp_path / 'old', 'detect', job={'k': 1}, resume=True)


def test_a_torn_line_of_the_record_stays_alone(tmp_path):
    write_half(tmp_path, {'k': 1})
    with (tmp_path / RECORD).open('a') as file:
        file.write('{"file": "masks/to')
    run(tmp_path, ['masks/b.png', 'masks/z.png'], job={'k': 1}, resume=True)
    assert content(tmp_path) == ['masks/a.png', 'masks/b.png', 'masks/z.png']
    run(tmp_path, ['new.csv'], overwrite=True)
    assert content(tmp_path) == ['new.csv']


@pytest.mark.parametrize('existed', [False, True])
def test_a_run_that_fails_with_nothing_in_its_files_leaves_none(tmp_path, existed):
    folder = tmp_path / 'out'
    if existed:
        folder.mkdir()
        (folder / 'mine.txt').write_text('mine')

    def fail():
        with OutputFolder(folder, 'detect') as files:
            files.keep_on_failure = False
            partial_path(files.growing('targets.csv')).write_text('image,x,y')
            raise OSError('broken')

    with pytest.raises(OSError, match='broken'):
        fail()
    assert folder.exists() == existed
    if existed:
        assert [path.name for path in folder.iterdir()] == ['mine.txt']
    run(folder, ['targets.csv'])
