"""Writes from several threads, of which the main one is interrupted: `python -m tests.ledger.interrupted_writes PATH`.

What the others write is kept, each once, and none of them waits for ever; prints how many chains they wrote.
"""

from __future__ import annotations

import faulthandler
import random
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from abpo_sdk.ledger import Lease, Ledger, Writer
from abpo_sdk.ledger.entry import Draft, Place
from abpo_sdk.values.encoded import Encoded

INTERRUPTIONS = 100
PATIENCE = 20
"""How many seconds until it is said where each thread stands."""


def put(ledger: Ledger, chain: str, lease: Lease) -> None:
    """Write a chain of three entries, one by one."""
    end = None
    for number in range(3):
        draft = Draft(Place("/", number), "step", "put", {"number": number}, ledger.clock.now(), (), Encoded({}))
        parts = [(draft, ledger.encrypted(draft))]

        def work(writer: Writer, parts: Any = parts, after: Any = end) -> Any:
            if after is None:
                assert writer.begin(chain, parts[0], lease=lease)
            else:
                writer.append_encrypted(chain, parts, lease=lease, after=after)
            return writer.end

        end = ledger.commit(work)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main(path: str) -> None:
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    ledger = Ledger(f"sqlite:///{path}")
    over = threading.Event()

    def keep_writing(thread: int) -> list[str]:
        chains: list[str] = []
        while not over.is_set():
            chains.append(f"{thread}/{len(chains)}")
            put(ledger, chains[-1], Lease(chains[-1], 1, chains[-1], "9"))
        return chains

    signal.signal(signal.SIGALRM, interrupt)
    chance = random.Random(7)
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(keep_writing, thread) for thread in range(4)]
        for number in range(INTERRUPTIONS):
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0005, 0.02))
                for again in range(10_000):
                    put(ledger, f"main/{number}/{again}", Lease("main", 1, f"{number}/{again}", "9"))
            except KeyboardInterrupt:
                time.sleep(0.001)
        over.set()
        chains = [chain for future in writing for chain in future.result()]
    assert {len(ledger.entries(chain)) for chain in chains} == {3}
    ledger.verify()
    ledger.close()
    print(len(chains))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
