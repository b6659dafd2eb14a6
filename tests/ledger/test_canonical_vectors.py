"""The test vectors of RFC 8785's authors: six files, and a sequence of numbers known by its checksums.

The files, their source and their licence are in `data/rfc8785`.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from abpo_sdk.ledger import canonical_bytes, parse_json

FILES = Path(__file__).parent / "data" / "rfc8785"
NAMES = ["arrays", "french", "structures", "unicode", "values", "weird"]

SMALLEST_NORMAL = 0x0010000000000000
CHECKSUMS = {
    1_000: "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687",
    10_000: "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892",
    100_000: "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_published_files_are_written_as_published(name: str) -> None:
    given, expected = ((FILES / kind / f"{name}.json").read_bytes() for kind in ("input", "output"))
    assert canonical_bytes(parse_json(given)) == expected
    assert canonical_bytes(parse_json(expected)) == expected


def test_no_published_file_is_left_out() -> None:
    assert {path.stem for kind in ("input", "output") for path in (FILES / kind).iterdir()} == set(NAMES)


def numbers() -> Iterator[float]:
    """The published sequence: edges, 2,000 in a row, then SHA-256 of SHA-256 of ... 32 zeros, read as doubles."""
    for bits in (FILES / "edges.txt").read_text().split():
        yield struct.unpack(">d", bytes.fromhex(bits))[0]
    for offset in range(2_000):
        yield struct.unpack(">d", (SMALLEST_NORMAL + offset).to_bytes(8, "big"))[0]
    block = bytes(32)
    while True:
        block = hashlib.sha256(block).digest()
        for number in struct.unpack("<4d", block):
            if number != 0 and math.isfinite(number):
                yield number


def test_the_published_sequence_of_numbers_is_written_to_its_checksums() -> None:
    table, found = hashlib.sha256(), {}
    for line, number in enumerate(islice(numbers(), max(CHECKSUMS)), 1):
        (bits,) = struct.unpack(">Q", struct.pack(">d", number))
        table.update(b"%x,%s\n" % (bits, canonical_bytes(number)))
        if line in CHECKSUMS:
            found[line] = table.hexdigest()
    assert found == CHECKSUMS


def test_each_number_of_the_published_sequence_is_read_as_it_was() -> None:
    for number in islice(numbers(), 20_000):
        back = parse_json(canonical_bytes(number))
        assert back == number
        assert canonical_bytes(back) == canonical_bytes(number)
