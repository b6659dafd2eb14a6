"""Run the benchmarks: all of them, or those whose module is named."""

import sys

from benchmarks import durable_process, import_line
from benchmarks.runner import run

BENCHMARKS = {"import_line": lambda: import_line.BENCHMARK, "durable_process": durable_process.benchmark}

if __name__ == "__main__":
    names = sys.argv[1:] or list(BENCHMARKS)
    run(BENCHMARKS[name]() for name in names)
