"""Version, workflows, issue forms and Dockerfile agree with the package."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from mmirstd import __version__

ROOT = Path(__file__).resolve().parents[2]


def read(name):
    return (ROOT / name).read_text(encoding='utf-8')


def load(name):
    content = yaml.safe_load(read(name))
    return {('on' if key is True else key): value for key, value in content.items()}


def test_the_version_is_stated_once_and_the_same_everywhere():
    assert load('CITATION.cff')['version'] == __version__
    assert f'\n## [{__version__}] - {load("CITATION.cff")["date-released"]}\n' in read(
        'CHANGELOG.md'
    )
    wheels = re.findall(r'mmirstd-([\d.]+)-py3', read('docs/how_to/install.md'))
    assert wheels == [__version__]


def test_old_names_go_with_the_next_minor_release():
    page = read('docs/reference/deprecations.md')
    rows = re.findall(r'\| ([\d.]+) \| ([\d.]+) \|$', page, re.MULTILINE)
    assert rows
    current = tuple(map(int, re.findall(r'\d+', __version__)))
    for since, until in rows:
        since, until = (tuple(map(int, each.split('.'))) for each in (since, until))
        assert since <= current < until
        assert until == (since[0], since[1] + 1, 0)


def test_the_release_workflow_reads_the_version(tmp_path):
    steps = load('.github/workflows/release.yml')['jobs']['build']['steps']
    (script,) = (step['run'] for step in steps if 'GITHUB_REF_NAME' in step.get('run', ''))
    for tag, code in ((f'v{__version__}', 0), ('v9.9.9', 1)):
        run = subprocess.run(
            ['bash', '-e', '-c', script],
            cwd=ROOT,
            env={'GITHUB_REF_NAME': tag, 'PATH': '/usr/bin:/bin'},
        )
        assert (run.returncode != 0) == bool(code)


@pytest.mark.parametrize('name', ['tests', 'release'])
def test_workflows_run_what_exists(name):
    workflow = load(f'.github/workflows/{name}.yml')
    assert workflow['on']
    assert workflow['permissions'] == {'contents': 'read'}
    for job in workflow['jobs'].values():
        assert job['runs-on']
        for step in job['steps']:
            assert ('run' in step) != ('uses' in step)
            for script in re.findall(r'bash (\S+)', step.get('run', '')):
                assert (ROOT / script).is_file()
            if 'checkout' in step.get('uses', ''):
                assert step['with']['persist-credentials'] is False


def test_the_tested_versions_of_python_are_supported():
    matrix = load('.github/workflows/tests.yml')['jobs']['ci']['strategy']['matrix']['python']
    low, high = re.search(
        r'requires-python = ">=3\.(\d+),<3\.(\d+)"', read('pyproject.toml')
    ).groups()
    assert matrix == [f'3.{low}', f'3.{int(high) - 1}']


def test_issue_forms_ask_for_what_an_answer_needs():
    forms = {name: read(f'.github/ISSUE_TEMPLATE/{name}.yml') for name in ('bug', 'numbers')}
    assert all('mmirstd info' in form for form in forms.values())
    numbers = {item['id'] for item in yaml.safe_load(forms['numbers'])['body'] if 'id' in item}
    assert {'split', 'size', 'matching', 'info'} <= numbers
    from mmirstd.evaluation.matching import MATCHINGS

    (matching,) = (
        item for item in yaml.safe_load(forms['numbers'])['body'] if item.get('id') == 'matching'
    )
    assert set(MATCHINGS) <= set(matching['attributes']['options'])


def test_the_dockerfile_installs_what_is_pinned_and_declared():
    text = re.sub(r'\\\n\s*', '', read('Dockerfile'))
    for source in re.findall(r'^COPY (\S+) ', text, re.MULTILINE):
        assert (ROOT / source).exists()
    pins = re.findall(r'^([\w.-]+)==', read('requirements/default.txt'), re.MULTILINE)
    declared = re.findall(r'^(\w+) = \[', read('pyproject.toml'), re.MULTILINE)
    for command in re.findall(r'pip install ([^&\n]+)', text):
        assert '--constraint requirements/default.txt' in command
        for word in re.sub(r'\$\{[^}]*\}', '', command).replace("'", '').split():
            if word.startswith('.['):
                assert set(word[2:-1].split(',')) <= set(declared)
            elif not word.startswith('-') and '/' not in word:
                assert word in pins
    python = re.search(r'FROM python:3\.(\d+)', text)[1]
    assert 10 <= int(python) < 14
