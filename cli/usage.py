"""What is wrong with a command as it was typed, in one line."""

import importlib
from typing import Any

from typer.core import TyperCommand

from linksim.cli.values import NO_NUMBER
from linksim.text import decimal

# Typer carries a copy of click, or uses the one that is installed, by its version.
_click: Any = importlib.import_module(TyperCommand.__mro__[1].__module__.rpartition(".")[0] + ".exceptions")
UsageError: type[Exception] = _click.UsageError


def usage_line(error: Any) -> str:
    """The error in one line; below the help, where that is what nothing asks for."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return "error: no command; see linksim --help"
    command = getattr(error.ctx, "command_path", "linksim")
    return f"error: {error.format_message()} (see {command} --help)"


class CarefulCommand(TyperCommand):
    """A command that refuses what would be dropped or misread: an option given twice, and numbers that are none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises `UsageError`."""
        typed, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for parameter in {id(each): each for each in order}.values():
            switch = getattr(parameter, "is_flag", False) and not parameter.secondary_opts
            if order.count(parameter) > 1 and not (parameter.multiple or switch):
                raise _click.UsageError(f"{parameter.opts[0]} is given more than once; give one value", ctx)
        try:
            rest = super().parse_args(ctx, args)
        except _click.BadParameter as error:
            # A limit is not what is wrong with a number that is none.
            _check_finite(ctx, error.param, typed.get(getattr(error.param, "name", "")))
            raise
        for parameter in self.get_params(ctx):
            _check_decimal(ctx, parameter, ctx.params.get(parameter.name), typed.get(parameter.name))
        return rest


def _check_decimal(ctx: Any, parameter: Any, values: object, typed: object) -> None:
    """Refuse what Python reads as a number and nobody else does, as 1_0."""
    several = isinstance(values, tuple | list) and isinstance(typed, tuple | list)
    for value, text in zip(values, typed, strict=False) if several else ((values, typed),):  # pyright: ignore
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if isinstance(value, float):
            _check_finite(ctx, parameter, value)
        if number and isinstance(text, str) and decimal(text) is None:
            raise _click.BadParameter(f"must be a decimal number (got '{text}')", ctx, parameter)


def _check_finite(ctx: Any, parameter: Any, value: object) -> None:
    for each in value if isinstance(value, tuple | list) else (value,):
        if NO_NUMBER.fullmatch(str(each)):
            raise _click.BadParameter(f"must be a finite number (got '{each}')", ctx, parameter)
