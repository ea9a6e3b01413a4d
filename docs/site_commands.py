"""Hook of MkDocs: the page of the command line, written from the parsers themselves."""

import argparse
import re
from collections.abc import Iterator
from typing import Any

from mkdocs.structure.files import File

PAGE = 'reference/commands.md'

HEAD = """\
# Command line

For everyone who types commands. This page is made from the parsers of the package, so it shows what
`mmirstd COMMAND --help` prints. `python -m mmirstd` is the same program, and
`mmirstd completion bash` prints the completion script of your shell.
"""


def on_files(files: Any, *, config: Any) -> Any:
    """Add the page to the site."""
    from mmirstd.cli.arguments.parser import EXIT_CODES
    from mmirstd.cli.main import build_full_parser

    text = '\n'.join([HEAD, *describe_codes(EXIT_CODES), *describe_commands(build_full_parser())])
    files.append(File.generated(config, PAGE, content=text))
    return files


def describe_codes(text: str) -> Iterator[str]:
    """The exit codes as a table."""
    head, *rows = text.strip().splitlines()
    yield from (f'{head[0].upper()}{head[1:]}\n', '| code | meaning |', '|---|---|')
    for row in rows:
        codes, meaning = re.split(r' {2,}', row.strip(), maxsplit=1)
        yield f'| {codes} | {cell(meaning)} |'
    yield ''


def describe_commands(parser: argparse.ArgumentParser, level: int = 2) -> Iterator[str]:
    """One section for each sub-command, with its own sub-commands below it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {choice.dest: choice.help for choice in action._choices_actions}
            for name, one in action.choices.items():
                yield from (f'{"#" * level} {one.prog}', '')
                yield from describe_command(one, summaries.get(name) or '')
                yield from describe_commands(one, level + 1)


def describe_command(parser: argparse.ArgumentParser, summary: str) -> Iterator[str]:
    """Purpose, usage, arguments by group, examples."""
    yield from ((parser.description or f'{summary[:1].upper()}{summary[1:]}.').strip(), '')
    usage = parser.format_usage().removeprefix('usage: ').strip()
    yield from ('```text', re.sub(r'\n +', '\n    ', usage), '```', '')
    for group in parser._action_groups:
        rows = [action for action in group._group_actions if action.help != argparse.SUPPRESS]
        rows = [action for action in rows if not isinstance(action, argparse._HelpAction)]
        rows = [action for action in rows if not isinstance(action, argparse._SubParsersAction)]
        if rows:
            title = f'{group.title[:1].upper()}{group.title[1:]}'
            yield from (f'**{title}**', '', '| argument | meaning |', '|---|---|')
            yield from (f'| {spelling(parser, row)} | {meaning(parser, row)} |' for row in rows)
            yield ''
    lines = (parser.epilog or '').partition('exit codes')[0].strip().splitlines()
    if examples := [line.strip() for line in lines if line.strip().startswith('mmirstd ')]:
        yield from ('```bash', *examples, '```', '')


def spelling(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """The argument as it is typed."""
    formatter = parser._get_formatter()
    if not action.option_strings:
        return f'`{formatter._format_args(action, action.dest)}`'
    value = '' if action.nargs == 0 else ' ' + formatter._format_args(action, action.dest.upper())
    return ', '.join(f'`{name}{value}`' for name in action.option_strings)


def meaning(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """The help of an argument, with its default where the formatter adds it."""
    formatter = parser._get_formatter()
    text = formatter._expand_help(action) if action.help else ''
    if action.choices is not None and action.metavar is not None:
        missing = [str(choice) for choice in action.choices if str(choice) not in text]
        text += f' (one of {", ".join(map(str, action.choices))})' if missing else ''
    return cell(text)


def cell(text: str) -> str:
    """Text as one cell of a table."""
    return ' '.join(text.split()).replace('|', '\\|').replace('<', '&lt;')
