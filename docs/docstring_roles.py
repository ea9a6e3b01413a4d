"""Extension of griffe: Sphinx's roles in docstrings become code, as Markdown writes it."""

import re
from typing import Any

from griffe import Extension, Object

ROLE = re.compile(r':[a-z]+:`~?([^`]+)`')


class DocstringRoles(Extension):
    """Turns ``:func:`~a.b` `` into `` `a.b` ``."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring:
            obj.docstring.value = ROLE.sub(r'`\1`', obj.docstring.value)
