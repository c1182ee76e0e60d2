"""Benches that send pictures."""

from dataclasses import dataclass
from pathlib import Path

from linksim.benches.bench import Bench
from linksim.errors import ParameterError


@dataclass(frozen=True, kw_only=True)
class SceneBench(Bench):
    """A bench that sends street scenes.

    Args:
        scenes: a folder of street scenes, whose part "val" is sent.
    """

    scenes: Path | None = None

    def inputs(self) -> list[Path]:
        """See `Bench`."""
        return [] if self.scenes is None else [self.scenes]

    def needed_scenes(self) -> Path:
        """The folder. Raises `ParameterError` where there is none."""
        if self.scenes is None:
            raise ParameterError("give --scenes, a folder with split.json")
        return self.scenes


@dataclass(frozen=True, kw_only=True)
class PictureBench(SceneBench):
    """A bench that sends street scenes, photographs, or both.

    Args:
        kodak: a folder of the Kodak pictures.
    """

    kodak: Path | None = None

    def inputs(self) -> list[Path]:
        """See `Bench`."""
        return [folder for folder in (self.scenes, self.kodak) if folder is not None]

    def check_given(self) -> None:
        """Raise `ParameterError` where there is neither."""
        if not self.inputs():
            raise ParameterError("give --scenes, a folder with split.json, or --kodak, a folder of pictures, or both")
