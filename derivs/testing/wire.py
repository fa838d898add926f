"""Messages between a program and a process that it does not trust: fields in JSON, arrays as raw bytes.

    4 bytes   length of the header, big-endian
    4 bytes   length of the arrays
    header    JSON: the fields, and under "arrays" a row [name, dtype, shape, kind] for each array
    arrays    their bytes, one behind the other, in C order

Nothing is unpickled, and no length is believed before it is compared with its bound.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Value = NDArray[Any] | int | float

HEAD: Final = struct.Struct(">II")
HEADER: Final = 1_000_000              # bytes of a header, at most
AXES: Final = 64                      # as many as NumPy has
CHUNK: Final = 1 << 16

# Of fixed size, with no pointer in them, the same on every machine.
DTYPES: Final = frozenset({"|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"})
KINDS: Final = {"array": DTYPES, "int": {"<i8"}, "float": {"<f8"}}     # the last two are plain numbers


class Malformed(Exception):
    """Bytes that are no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """Fields, and arrays by name; a plain number stays one."""

    fields: Mapping[str, Any]
    arrays: Mapping[str, Value] = field(default_factory=dict)


def packed(fields: Mapping[str, Any], arrays: Mapping[str, Value] | None = None) -> bytes:
    """The bytes of a message. Raises ValueError for what no message can carry."""
    rows: list[list[Any]] = []
    parts: list[bytes] = []
    for name, value in (arrays or {}).items():
        kind = "int" if type(value) is int else "float" if type(value) is float else "array"
        array = np.asarray(value)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype.str not in DTYPES:
            raise ValueError(f"{name} is an array of dtype {array.dtype}")
        rows.append([name, array.dtype.str, list(array.shape), kind])
        parts.append(array.tobytes())
    header = json.dumps({**fields, "arrays": rows}, allow_nan=False).encode()
    if len(header) > HEADER:
        raise ValueError(f"a header of {len(header)} bytes")
    body = b"".join(parts)
    return HEAD.pack(len(header), len(body)) + header + body


class Inbox:
    """One message after the other, from bytes as they come. largest: bytes of the arrays of one, at most."""

    def __init__(self, largest: int) -> None:
        self._largest, self._bytes = largest, bytearray()
        self._lengths: tuple[int, int] | None = None

    @property
    def wanted(self) -> int:
        """How many bytes to read next; never more than the message has left."""
        whole = HEAD.size if self._lengths is None else HEAD.size + sum(self._lengths)
        return min(whole - len(self._bytes), CHUNK)

    def feed(self, chunk: bytes) -> Message | None:
        """The message, once it is whole. Raises Malformed."""
        self._bytes += chunk
        if self._lengths is None and len(self._bytes) >= HEAD.size:
            header, body = HEAD.unpack_from(self._bytes)
            if header > HEADER or body > self._largest:
                raise Malformed(f"a header of {header} bytes and arrays of {body}")
            self._lengths = header, body
        if self._lengths is None or len(self._bytes) < HEAD.size + sum(self._lengths):
            return None
        start = HEAD.size + self._lengths[0]
        message = _message(bytes(self._bytes[HEAD.size:start]), bytes(self._bytes[start:]))
        self._bytes, self._lengths = bytearray(), None
        return message


def _message(header: bytes, body: bytes) -> Message:
    try:
        fields = json.loads(header.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"a header that is no JSON: {type(error).__name__}") from error
    if not isinstance(fields, dict):
        raise Malformed("a header that is no object")
    rows = fields.pop("arrays", None)
    if not isinstance(rows, list):
        raise Malformed("a header without its arrays")
    arrays: dict[str, Value] = {}
    at = 0
    for row in rows:
        name, array, kind = _array(row, body, at)
        at += array.nbytes
        arrays[name] = array if kind == "array" else array.item()
    if at != len(body):
        raise Malformed(f"{len(body) - at} bytes too many")
    return Message(fields, arrays)


def _array(row: Any, body: bytes, at: int) -> tuple[str, NDArray[Any], str]:
    """An array of its own, that may be written to."""
    match row:
        case [str(name), str(dtype), list(shape), str(kind)] if dtype in KINDS.get(kind, ()):
            pass
        case _:
            raise Malformed("a row that describes no array")
    if len(shape) > AXES or any(type(size) is not int or not 0 <= size < 2**62 for size in shape):
        raise Malformed(f"{name} has no such shape")
    if kind != "array" and shape:
        raise Malformed(f"{name} is no plain number")
    count, size = prod(shape), np.dtype(dtype).itemsize
    if at + count * size > len(body):
        raise Malformed(f"{name} is longer than its bytes")
    try:
        return name, np.frombuffer(body, dtype, count, at).reshape(shape).copy(), kind
    except (ValueError, MemoryError) as error:
        raise Malformed(f"{name} has no such shape") from error


def _no_constant(name: str) -> Any:
    raise ValueError(name)
