"""Distillation end to end: what the loops train, keep, resume, cache and refuse."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny import STUDENT, build, write_project
from toy_project import REPOSITORY, logged, losses, run, run_tool_here, scores_of_test, tool

from mmirstd.checkpoints import load_checkpoint

pytest.importorskip('pycocotools')
EPOCHS, ITERATIONS = 2, 5  # of two images each


@pytest.fixture(scope='module', autouse=True)
def single_thread():
    """Several threads sum in changing order, and Adam enlarges what that does to weights."""
    threads, variable = torch.get_num_threads(), os.environ.get('OMP_NUM_THREADS')
    torch.set_num_threads(1)
    os.environ['OMP_NUM_THREADS'] = '1'
    yield
    torch.set_num_threads(threads)
    os.environ.pop('OMP_NUM_THREADS')
    if variable is not None:
        os.environ['OMP_NUM_THREADS'] = variable


@pytest.fixture(scope='module')
def config(tmp_path_factory) -> Path:
    return write_project(tmp_path_factory.mktemp('distillation'), images=10)


@pytest.fixture(scope='module')
def uninterrupted(config) -> Path:
    run_tool_here('train', config, '--work-dir', 'uninterrupted', cwd=config.parent)
    return config.parent / 'uninterrupted'


def trained(config: Path, work: str, *options: str) -> Path:
    options = ['--cfg-options', *options] if options else []
    run_tool_here('train', config, '--work-dir', work, *options, cwd=config.parent)
    return config.parent / work


def test_checkpoints_hold_the_student_alone(uninterrupted):
    checkpoint = load_checkpoint(uninterrupted / f'iter_{EPOCHS * ITERATIONS}.pth')
    assert {key.split('.')[0] for key in checkpoint['state_dict']} == {'backbone', 'neck'}
    student = build(STUDENT)
    assert checkpoint['state_dict'].keys() == student.state_dict().keys()
    momenta = checkpoint['optimizer']['state']
    assert len(momenta) == len(list(student.parameters()))


def test_log_tells_of_teacher_and_data(uninterrupted):
    record = next(record for record in logged(uninterrupted) if 'loss' in record)
    assert {'loss_bce', 'loss_dice', 'loss_kl', 'loss_cd', 'teacher_time'} < record.keys()
    assert record['replaced_images'] == 0
    scores = [record for record in logged(uninterrupted) if 'one_click/max' in record]
    assert scores[0]['one_click/oracle'] >= scores[0]['one_click/max']


@pytest.mark.slow
def test_killed_inside_of_an_epoch_and_resumed_equals_uninterrupted(config, uninterrupted):
    kill = 'custom_hooks=[dict(type="KillHook", iteration=8)]'
    copy = config.with_name('killed.py')
    copy.write_text(f'_base_ = {str(config)!r}\n{kill}\n')
    command = [sys.executable, tool('train'), copy, '--work-dir', 'killed']
    command += ['--cfg-options', 'default_hooks.checkpoint.interval=7']
    assert run(command, cwd=config.parent, check=False).returncode == -signal.SIGKILL
    work = config.parent / 'killed'
    assert load_checkpoint(work / 'iter_7.pth')['meta']['epoch'] == 1  # two images into it

    run_tool_here('train', config, '--work-dir', 'killed', '--resume', cwd=config.parent)

    assert losses(work) == pytest.approx(losses(uninterrupted), rel=1e-5)
    assert len(set(losses(work).values())) == EPOCHS * ITERATIONS
    last = f'iter_{EPOCHS * ITERATIONS}.pth'
    expected, resumed = (load_checkpoint(folder / last) for folder in (uninterrupted, work))
    for name, weight in expected['state_dict'].items():
        torch.testing.assert_close(resumed['state_dict'][name], weight)


def test_loop_by_iterations_sees_the_same(config, uninterrupted):
    iters = EPOCHS * ITERATIONS
    loop = config.with_name('by_iterations.py')
    loop.write_text(
        f'_base_ = {str(config)!r}\n'
        f"train_cfg = dict(_delete_=True, type='mmirstd.DistillIterLoop', max_iters={iters}, "
        f'val_interval=100, teacher={{{{_base_.teacher}}}})\n'
    )
    work = trained(loop, 'by_iterations', 'default_hooks.checkpoint.interval=4')
    assert losses(work) == pytest.approx(losses(uninterrupted), rel=1e-5)
    # Resumed from iteration 4, inside of the first epoch.
    options = [f'load_from={work / "iter_4.pth"}', 'default_hooks.checkpoint.interval=100']
    run_tool_here(
        'train', loop, '--work-dir', 'by_iterations_2', '--resume', '--cfg-options', *options,
        cwd=config.parent,
    )  # fmt: skip
    again = losses(config.parent / 'by_iterations_2')
    assert min(again) == 5
    assert again == pytest.approx(
        {k: v for k, v in losses(uninterrupted).items() if k > 4}, rel=1e-5
    )


def test_cache_replaces_the_teacher_from_the_second_epoch_on(config, monkeypatch):
    from mmirstd.distillation.teacher import Teacher

    asked = []
    compute = Teacher._compute
    monkeypatch.setattr(
        Teacher, '_compute', lambda self, *rest: asked.append(1) or compute(self, *rest)
    )
    cached = trained(config, 'cached', 'train_cfg.teacher.cache=answers')
    assert len(asked) == ITERATIONS
    assert len(list((config.parent / 'answers').glob('*/*.npz'))) == 2 * ITERATIONS
    # Draws repeat and answers are rounded to half precision: losses hardly change.
    plain = losses(trained(config, 'plain'))
    assert losses(cached) == pytest.approx(plain, rel=2e-2)
    with pytest.raises(ValueError, match='another setup'):
        trained(
            config, 'refused', 'train_cfg.teacher.cache=answers',
            'train_dataloader.dataset.seed=5',
        )  # fmt: skip


def test_bits_are_for_losses_of_hard_masks(config):
    options = ['train_cfg.teacher.cache=bits', 'train_cfg.teacher.cache_precision=bits']
    with pytest.raises(ValueError, match='stores no logits'):
        trained(config, 'refused', *options)
    work = trained(config, 'bits_run', *options, "model.loss.terms=\"('bce','dice')\"")
    records = [record for record in logged(work) if 'loss' in record]
    assert 'loss_kl' not in records[0]


def test_ema_averages_the_student_alone(config):
    ema = config.with_name('ema.py')
    base = REPOSITORY / 'configs/_base_/ema.py'
    ema.write_text(f'_base_ = [{str(config)!r}, {str(base)!r}]\n')
    work = trained(ema, 'ema', 'train_cfg.max_epochs=1', 'train_cfg.val_interval=1')
    checkpoint = load_checkpoint(work / f'iter_{ITERATIONS}.pth')
    averaged = {k.removeprefix('module.').split('.')[0] for k in checkpoint['ema_state_dict']}
    assert averaged == {'steps', 'backbone', 'neck'}


def test_gradients_accumulate(config):
    work = trained(config, 'accumulated', 'optim_wrapper.accumulative_counts=5')
    one, two = (load_checkpoint(work / f'iter_{n}.pth')['optimizer'] for n in (5, 10))
    assert [int(state['state'][0]['step']) for state in (one, two)] == [1, 2]


def test_mixed_precision_on_the_cpu(config):
    work = trained(config, 'amp', 'optim_wrapper.type=mmirstd.AmpOptimWrapper')
    assert all(torch.tensor(value).isfinite() for value in losses(work).values())


def test_student_is_tested_with_the_teachers_decoder(config, uninterrupted):
    checkpoint = uninterrupted / f'iter_{EPOCHS * ITERATIONS}.pth'
    run_tool_here('test', config, checkpoint, '--work-dir', 'tested', cwd=config.parent)
    scores = scores_of_test(config.parent / 'tested')
    (during,) = [record for record in logged(uninterrupted) if 'one_click/max' in record]
    assert scores['one_click/oracle'] == pytest.approx(during['one_click/oracle'])
    assert scores['one_click/max'] == pytest.approx(during['one_click/max'])


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('train_cfg.teacher.checkpoint=None', 'teacher must be trained'),
        ('train_cfg.teacher.checkpoint=nowhere.pth', 'nowhere.pth does not exist'),
        ('train_dataloader.sampler.type=DefaultSampler', 'ResumableSampler'),
    ],
)
def test_mistakes_are_explained(config, option, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        trained(config, 'mistake', option)


def test_cache_needs_repeating_draws(config):
    with pytest.raises(ValueError, match='distinct_epochs'):
        trained(
            config, 'mistake', 'train_cfg.teacher.cache=other',
            'train_dataloader.dataset.distinct_epochs=None',
        )  # fmt: skip


WORKER = """
import json, os, sys
import torch.distributed as dist
from mmengine.config import Config
from mmengine.runner import Runner
dist.init_process_group('gloo')
cfg = Config.fromfile(sys.argv[1])
cfg.work_dir = 'distributed'
cfg.launcher = 'pytorch'
cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None)
cfg.train_cfg.max_epochs = 1
cfg.train_dataloader.dataset.indices = 8  # whole batches: BatchNorm on maps of one cell
cfg.train_cfg.val_interval = 1
cfg.val_dataloader.dataset.indices = 2
runner = Runner.from_cfg(cfg)
keys = []
step = runner.model.module.loss
def watch(inputs, data_samples, teacher):
    keys.extend(int(key) for key in data_samples['key'])
    return step(inputs, data_samples, teacher)
runner.model.module.loss = watch
runner.train()
module = runner.model.module
total = sum(float(p.detach().double().abs().sum()) for p in module.parameters())
names = sorted({name.split('.')[0] for name, _ in runner.model.module.named_parameters()})
print('RESULT', json.dumps([dist.get_rank(), keys, total, names]), flush=True)
"""


@pytest.mark.slow
def test_two_processes_share_the_images_and_agree(config):
    script = config.with_name('worker.py')
    script.write_text(WORKER)
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        port = str(server.getsockname()[1])
    environment = {
        **os.environ,
        'PYTHONPATH': os.pathsep.join([str(REPOSITORY), str(REPOSITORY / 'tests')]),
        'OMP_NUM_THREADS': '1',
        'MASTER_ADDR': '127.0.0.1',
        'MASTER_PORT': port,
        'WORLD_SIZE': '2',
    }
    workers = [
        subprocess.Popen(
            [sys.executable, str(script), str(config)],
            cwd=config.parent,
            env={**environment, 'RANK': str(rank), 'LOCAL_RANK': str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [worker.communicate(timeout=1200)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    results = [
        json.loads(line.removeprefix('RESULT '))
        for output in outputs
        for line in output.splitlines()
        if line.startswith('RESULT ')
    ]
    (_, first, total_0, names), (_, second, total_1, _) = sorted(results)
    assert sorted(first + second) == list(range(8))
    assert total_0 == pytest.approx(total_1, rel=1e-9)
    assert names == ['backbone', 'neck']
