"""Every command that a page, a config or a help text shows is understood by its program.

Pages whose blocks are run: test_how_to_pages.py, test_inference_pages.py and others. Here are all
the others, and commands within sentences.
"""

import re
import shlex

import pytest
from documented import ROOT, find_commands, parse_command

PAGES = [ROOT / name for name in ('README.md', 'CONTRIBUTING.md', 'SECURITY.md')]
PAGES += [*(ROOT / '.github').rglob('*.md'), *(ROOT / '.github').rglob('*.yml')]
# Logs say what was run then, with the words of then.
PAGES += [path for path in (ROOT / 'docs').rglob('*.md') if 'results' not in path.parts]
CONFIGS = sorted((ROOT / 'configs').rglob('*.*'))

# Options of pip, mkdocs, docker, torchrun and others.
FOREIGN = {'--node-rank', '--no-deps', '--strict', '--no-build-isolation', '--wheel-dir', '--gpus'}


def relative(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize(
    'page', [*PAGES, None], ids=lambda page: relative(page) if page else 'configs'
)
def test_commands_are_understood(page):
    texts = [path.read_text() for path in ([page] if page else CONFIGS) if path.suffix != '.pyc']
    faults = []
    for command, complete in dict.fromkeys(each for text in texts for each in find_commands(text)):
        try:
            parse_command(command, complete)
        except (ValueError, AssertionError, OSError) as error:
            faults.append(f'{command}: {error}')
    assert not faults, '\n'.join(faults)


def test_examples_of_the_help_texts_are_understood():
    from mmirstd.cli.main import COMMANDS, load_command

    for name in COMMANDS:
        lines = load_command(name).build_parser().epilog.splitlines()
        examples = [line.strip() for line in lines if line.startswith(f'  mmirstd {name}')]
        assert examples, name
        for example in examples:
            parse_command(re.split(' [|>] ', example)[0])


def test_faults_are_found():
    parse_command('mmirstd detect images --out found  # a comment')
    parse_command('mim test mmsegmentation CONFIG --checkpoint W --show-dir D')
    parse_command('mmirstd train --verbose', complete=False)
    parse_command('python tools/detect.py images --tta')
    for wrong in (
        'mmirstd detect images --outt found',
        'mmirstd found images',
        'mmirstd train',
        'mim train CONFIG',
        'mim train mmsegmentation CONFIG --work_dir W',
        'python tools/detect.py --images images',
        'python -m benchmarks.speed --no-such',
    ):
        with pytest.raises(ValueError, match=r'understood|no |needs'):
            parse_command(wrong)
    with pytest.raises(ValueError, match='no option --verbos'):
        parse_command('mmirstd train x --verbos', complete=False)


def test_options_that_sentences_name_exist():
    from mmirstd.cli.main import build_full_parser
    from mmirstd.stack import mmseg_tool

    commands = build_full_parser()._subparsers._group_actions[0].choices.values()
    known = {option for one in commands for each in one._actions for option in each.option_strings}
    sources = [*(ROOT / 'tools').glob('*.py'), *(ROOT / 'benchmarks').glob('*.py')]
    texts = [path.read_text() for path in (*sources, mmseg_tool('train'), mmseg_tool('test'))]
    known |= {option for text in texts for option in re.findall(r"'(--[a-z][\w-]*)'", text)}
    faults = []
    for page in PAGES:
        for inline in re.findall(r'`(--[^`]+)`', page.read_text()):
            words = {word.partition('=')[0] for word in inline.split() if word.startswith('--')}
            faults += [f'{relative(page)}: {word}' for word in words - known - FOREIGN]
    assert not faults, '\n'.join(faults)


def test_configs_that_pages_name_exist():
    from mmirstd.inference.configs import find_config

    faults = []
    for page in PAGES:
        text = page.read_text()
        written = set(re.findall(r'# file: (\S+)', text))
        for path in re.findall(r'\bconfigs/[\w/]+\.py\b', text):
            if path not in written and not (ROOT / path).is_file() and 'NAME' not in path:
                faults.append(f'{relative(page)}: {path}')
        for command, _ in find_commands(text):
            for name in config_names(shlex.split(command, comments=True)):
                try:
                    find_config(name)
                except (ValueError, OSError) as error:
                    faults.append(f'{relative(page)}: {error}')
    assert not faults, '\n'.join(faults)


def config_names(words):
    """Words of a command that name a config of the package."""
    after = {'--config': 1, '--model': 1}
    named = [words[k + 1] for k, word in enumerate(words[:-1]) if word in after]
    if words[:2] in (['mmirstd', 'train'], ['mmirstd', 'test'], ['mmirstd', 'export']):
        named += words[2:3]
    if words[:3] in (['mim', 'train', 'mmirstd'], ['mim', 'test', 'mmirstd']):
        named += words[3:4]
    return [name for name in named if re.fullmatch(r'[a-z0-9_]+(_[a-z0-9]+)+(\.py)?', name)]
