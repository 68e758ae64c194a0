"""Answers as an Arrow stream or a Parquet file: bytes, which go to a file or a pipe and never to a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, TextIO

from tacit.errors import InvalidArgument, MissingExtra

if TYPE_CHECKING:
    from tacit.release import Release

FORMATS = ("arrow", "parquet")


def check(out: TextIO, output: str) -> None:
    """Refuse, before anything is bought, what could not be written."""
    if output not in FORMATS:
        return
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise MissingExtra(f"{output} needs pyarrow: pip install 'tacit[arrow]'") from None
    if out.isatty():
        raise InvalidArgument(f"{output} is not for a terminal: send it to a file or a pipe (\\o FILE in the console)")
    if output == "parquet" and _sink(out).seekable() and _sink(out).tell() > 0:
        raise InvalidArgument("a Parquet file holds one answer: \\o FILE names the file of the next")


def write(out: TextIO, release: Release, output: str) -> None:
    """The answer with its interval columns; the schema's metadata hold the receipt."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table, sink = release.to_arrow(intervals=True), _sink(out)
    out.flush()
    if output == "parquet":
        pq.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
    sink.flush()


def _sink(out: TextIO) -> BinaryIO:
    return out.buffer
