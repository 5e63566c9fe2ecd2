"""Row counts of an Arrow stream, read before anything of it is decoded.

A few bytes of a stream can describe very many rows. The count bounds the memory that decoding takes. It is read from
the flatbuffer in each message's metadata, of which only the fields used here are parsed.
"""

from __future__ import annotations

import struct

from fts.errors import InvalidInput

_SCHEMA, _RECORD_BATCH = 1, 3
"""Types of message."""


def count_rows(metadata: bytes) -> int:
    """Read the number of rows that one message of an Arrow stream brings.

    Raises
    ------
    InvalidInput
        The message is compressed, or is no plain record batch.
    struct.error, IndexError
        The metadata is malformed.
    """
    message = FlatbufferTable(metadata, struct.unpack_from("<I", metadata)[0])
    kind, header = message.byte(1), message.table(2)
    if kind == _SCHEMA or header is None:
        return 0
    if kind != _RECORD_BATCH:
        raise InvalidInput("the Arrow stream has messages other than plain columns; write it without dictionaries")
    if header.position(3):
        raise InvalidInput("the Arrow stream is compressed; write it without compression")
    if (count := header.long(0)) < 0:
        raise struct.error("a number of rows below 0")
    return count


class FlatbufferTable:
    """A table of a flatbuffer: fields by number, absent ones 0.

    Parameters
    ----------
    content : bytes
    start : int
        Offset of the table [bytes].
    """

    def __init__(self, content: bytes, start: int) -> None:
        self._content, self._start = content, start
        self._fields = start - struct.unpack_from("<i", content, start)[0]
        if start < 0 or self._fields < 0:
            raise struct.error("an offset before the beginning")
        self._size = struct.unpack_from("<H", content, self._fields)[0]

    def position(self, field: int) -> int:
        """Look up the offset of a field [bytes]; 0 if it is absent."""
        at = 4 + 2 * field
        offset: int = struct.unpack_from("<H", self._content, self._fields + at)[0] if at < self._size else 0
        return self._start + offset if offset else 0

    def byte(self, field: int) -> int:
        """Read a field of one byte."""
        return self._content[position] if (position := self.position(field)) else 0

    def long(self, field: int) -> int:
        """Read a signed field of eight bytes."""
        value: int = struct.unpack_from("<q", self._content, position)[0] if (position := self.position(field)) else 0
        return value

    def table(self, field: int) -> FlatbufferTable | None:
        """Read a field that is a table; None if it is absent."""
        if not (position := self.position(field)):
            return None
        offset: int = struct.unpack_from("<I", self._content, position)[0]
        return FlatbufferTable(self._content, position + offset)
