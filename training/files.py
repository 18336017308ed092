"""Files that are whole or not there: written beside their place, then renamed."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO


def replace_file(path: Path, write: Callable[[IO[bytes]], object], sync: bool = True) -> None:
    """Have `write(file)` fill a file beside `path`, sync it, and put it in its place.

    Whatever goes wrong (OSError, or what `write` raises), nothing is left beside `path`.
    """
    partial = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=path.stem[:32], suffix=".partial", delete=False
        ) as file:
            partial = Path(file.name)
            write(file)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        partial.chmod(0o644)
        os.replace(partial, path)
    except BaseException:
        if partial is not None:
            partial.unlink(missing_ok=True)
        raise
