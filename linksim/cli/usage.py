"""What is wrong with a command as it was typed, in one line."""

import importlib
import math
from typing import Any

from typer.core import TyperCommand

# Typer carries a copy of click, or uses the one that is installed, by its version.
_click: Any = importlib.import_module(TyperCommand.__mro__[1].__module__.rpartition(".")[0] + ".exceptions")
UsageError: type[Exception] = _click.UsageError


def usage_line(error: Any) -> str:
    """The error in one line; help stands for itself."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return str(error.ctx.get_help()) or "error: no command; see linksim --help"
    command = getattr(error.ctx, "command_path", "linksim")
    return f"error: {error.format_message()} (see {command} --help)"


class CarefulCommand(TyperCommand):
    """A command that refuses what would be dropped or misread: an option given twice, and numbers that are none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises `UsageError`."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for parameter in {id(each): each for each in order}.values():
            if order.count(parameter) > 1 and not (parameter.multiple or getattr(parameter, "is_flag", False)):
                raise _click.UsageError(
                    f"{parameter.opts[0]} is given {order.count(parameter)} times; give it once", ctx
                )
        rest = super().parse_args(ctx, args)
        for parameter in self.get_params(ctx):
            value = ctx.params.get(parameter.name)
            numbers = value if isinstance(value, tuple | list) else (value,)
            if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
                raise _click.BadParameter(f"{value} is no finite number.", ctx, parameter)
        return rest
