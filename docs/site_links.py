"""Hook of MkDocs: links to files outside of docs/ become plain text on the site."""

import posixpath
import re
from typing import Any

LINK = re.compile(r'(?<!!)\[([^\]]*)\]\(([^)#\s:]+)(#[^)\s]*)?\)')


def on_page_markdown(markdown: str, *, page: Any, files: Any, **_: Any) -> str:
    """Keep the links whose target is a file of the site."""

    def keep_or_name(match: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page.file.src_uri), match[2]))
        return match[0] if files.get_file_from_path(target) else match[1]

    return LINK.sub(keep_or_name, markdown)
