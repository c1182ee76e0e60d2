"""Where commands print: what users' names hold is shown as it is, and never read as markup."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from linksim.text import printable


class PlainConsole(Console):
    """A console without markup and emoji codes, which shows control characters as escapes."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, markup=False, emoji=False)

    def render_str(self, text: str, **how: Any) -> Text:
        """Text of tables and lines alike passes here."""
        return super().render_str(printable(text), **how)

    def note(self, text: object) -> None:
        """A line about what is not as usual."""
        self.print(f"note: {text}", style="yellow", soft_wrap=True, highlight=False)


@contextmanager
def noting() -> Generator[None]:
    """Within, what linksim warns of is printed on standard error, each note once; other warnings are not."""
    console, said = PlainConsole(stderr=True), set[str]()

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        if category is UserWarning and str(message) not in said:
            said.add(str(message))
            console.note(message)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        yield
