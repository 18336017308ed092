"""Origin of a model that was trained elsewhere: what its checkpoint says of where it came from."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

Text = Annotated[str, Meta(max_length=1000)]


@dataclass(frozen=True)
class Origin:
    """Where a network of somebody else came from, and how well it was taken over.

    `network` is its class or file, `source` an address and `licence` a name, both as the importer
    gave them, or empty. `parity` is the largest difference between the program's outputs and the
    network's, as a share of the largest output. `answers` are what the file could not say: pairs of
    a question and what was answered. `imported` is a date, `with_torch` a version.
    """

    network: Text
    parity: Annotated[float, Meta(ge=0, le=1)]
    imported: Annotated[str, Meta(max_length=40)]
    with_torch: Annotated[str, Meta(max_length=40)]
    source: Text = ""
    licence: Text = ""
    answers: Annotated[tuple[tuple[Text, Text], ...], Meta(max_length=40)] = ()

    def __post_init__(self) -> None:
        """Raise ValueError where a text is not printable."""
        texts = (self.network, self.imported, self.with_torch, self.source, self.licence)
        if not all(t.isprintable() for t in (*texts, *(t for pair in self.answers for t in pair))):
            raise ValueError("a text with characters that cannot be shown")
