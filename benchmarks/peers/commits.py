"""How many commits an SQLite file has had, read from the file itself, so that no engine needs to be asked.

`python -m benchmarks.peers.commits FILE` prints the number. It must be another process than the one that uses the file: closing
a file takes away the locks that the whole process has on it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WRITE_AHEAD = 2
HEADER, FRAME = 32, 24


def count(path: Path) -> int:
    """The commits in the write-ahead log, or the file's own counter where it has none. Differences count, and no checkpoint may come between.

    Source: the SQLite file format, sections 1.3 and 4.1 (https://sqlite.org/fileformat2.html).
    """
    with path.open("rb") as file:
        head = file.read(100)
    if head[18] != WRITE_AHEAD:
        return int.from_bytes(head[24:28], "big")
    log = path.with_name(f"{path.name}-wal").read_bytes()
    page, salts = int.from_bytes(log[8:12], "big"), log[16:24]
    commits = 0
    for at in range(HEADER, len(log), FRAME + page):
        frame = log[at : at + FRAME]
        if frame[8:16] != salts:  # of an earlier round of the log
            break
        commits += frame[4:8] != bytes(4)
    return commits


def committed(path: Path) -> int:
    """The same, from within the process that uses the file."""
    command = [sys.executable, "-m", "benchmarks.peers.commits", str(path)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    print(count(Path(sys.argv[1])))
