"""The shape of a picture: channels first, as torch has it."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

Side = Annotated[int, Meta(ge=1, le=256)]


@dataclass(frozen=True)
class ImageShape:
    """Channels (1 grey, 3 red, green and blue), height and width of a picture, in pixels.

    A picture is flat wherever it is a row of a batch: `size` values, channels first.
    """

    channels: Literal[1, 3]
    height: Side
    width: Side

    @property
    def size(self) -> int:
        """The number of values of a picture, channels · height · width."""
        return self.channels * self.height * self.width

    @property
    def dims(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.channels, self.height, self.width

    def __str__(self) -> str:
        return f"{self.channels}×{self.height}×{self.width}"


GREY_28 = ImageShape(1, 28, 28)  # of MNIST and its kin, and of checkpoints that name no shape
