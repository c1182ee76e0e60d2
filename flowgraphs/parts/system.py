"""A system that carries pictures: its parts' defaults, and the link that they make."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from linksim import Block, Flowgraph
from linksim.flowgraphs.parts.codec import PictureCodec
from linksim.flowgraphs.parts.header import Header
from linksim.flowgraphs.parts.picture_link import picture_link


@dataclass(frozen=True)
class PictureSystem:
    """Makes links: called without parts it takes its own defaults, see `picture_link` for all the rest.

    Args:
        name: the system's name.
        about: a description, with its source.
        codec: makes the default codec.
        rate: makes the default rate block.
        uses_importance: whether the transmitter has importance labels.
        labeller: makes the block that gives the transmitter its labels, where they are not those of the inputs.
        inputs: inputs beyond those of every link that carries pictures.
        finish: called with the link; what else belongs to it.
    """

    name: str
    about: str
    codec: Callable[[], PictureCodec]
    rate: Callable[[], Block]
    uses_importance: bool = True
    labeller: Callable[[], Block] | None = None
    inputs: Mapping[str, object] = field(default_factory=dict[str, object])
    finish: Callable[[Flowgraph], None] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "__doc__", self.about)

    @property
    def __name__(self) -> str:
        """As a function has it."""
        return self.name

    def __call__(
        self,
        *,
        codec: PictureCodec | None = None,
        rate: Block | None = None,
        header: Header | None = None,
        channel: Block | None = None,
        metrics: Sequence[Block] = (),
    ) -> Flowgraph:
        """A link of these parts; those that are not given are the system's defaults, `RobustHeader()` and AWGN."""
        link = picture_link(
            self.name,
            codec or self.codec(),
            rate or self.rate(),
            header=header,
            channel=channel,
            labeller=self.labeller() if self.labeller else None,
            uses_importance=self.uses_importance,
            inputs=self.inputs,
            metrics=metrics,
        )
        if self.finish:
            self.finish(link)
        return link
