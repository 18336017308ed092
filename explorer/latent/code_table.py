"""Codes and terms of images as a table: CSV, Parquet, or NumPy's arrays."""

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from explorer.latent.codes import Codes
from training.data.datasets import ImageSet
from training.evaluation.image_terms import Terms

# What is told apart by the end of a file's name.
KINDS: dict[str, str] = {
    "csv": "text with commas, for a spreadsheet",
    "parquet": "columns, for pandas, polars and DuckDB",
    "npz": "NumPy's arrays",
}


def frame(codes: Codes, images: ImageSet, terms: Terms | None = None) -> pd.DataFrame:
    """A row an image: its number, label, class and factors; mu, std and kl of each dimension,
    counted from 1, kl in nats; and its `terms`, in the unit of the likelihood and in nats."""
    labels = images.labels.numpy()
    names = np.array([*images.classes], dtype=object)
    columns: dict[str, NDArray[np.generic]] = {
        "image": np.arange(len(labels)),
        "label": labels,
        "class": names[labels],
    }
    for factor in images.factors:
        values = factor.values
        named = np.array([*(factor.names or ())], dtype=object)
        columns[factor.name] = named[values.astype(np.int64)] if factor.names else values
    for name, array in zip(("mu", "std", "kl"), codes, strict=True):
        for dim in range(array.shape[1]):
            columns[f"{name}_{dim + 1}"] = array[:, dim]
    for name, part in ({} if terms is None else terms._asdict()).items():
        if part is not None:
            columns["kl_sum" if name == "kl" else name] = part.numpy()
    return pd.DataFrame(columns)


def _csv(table: pd.DataFrame) -> bytes:
    text = table.to_csv(index=False, float_format="%.7g", lineterminator="\r\n")
    return text.encode("utf-8")


def _parquet(table: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    return file.getvalue()


def _npz(table: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    arrays: dict[str, NDArray[np.generic]] = {}
    for stem in ("mu", "std", "kl"):
        own = [name for name in table if str(name).removeprefix(f"{stem}_").isdigit()]
        arrays[stem] = table[own].to_numpy()
    rest = [name for name in table if not str(name).rpartition("_")[2].isdigit()]
    for name in rest:
        values = table[name].to_numpy()
        arrays[str(name)] = values.astype(str) if values.dtype == object else values
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


_WRITERS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "csv": _csv,
    "parquet": _parquet,
    "npz": _npz,
}


def packed(table: pd.DataFrame, kind: str) -> bytes:
    """The content of a file of one of the `KINDS`; in an npz `mu`, `std` and `kl` are (N, d)."""
    return _WRITERS[kind](table)
