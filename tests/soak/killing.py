"""Two workers at once on one ledger, killed with kill -9 at random moments, and replaced, until all claims are settled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPARES = 8
"""Workers that have started and wait, so that a killed one is replaced at once and there are two at work."""

PATIENCE = 120
"""After how many seconds without anything said a soak hangs."""

PAUSE = 0.02
"""Up to how many seconds after a moment a kill comes."""

MOMENTS = 5
"""How many moments a worker says of a claim: two payments begin and end, and the claim stands somehow."""


class Worker:
    """A worker's process, and what it says.

    Args:
        arguments: of the worker's script.
        log: where its errors go.
        heard: is notified of each moment.
    """

    def __init__(self, arguments: list[str], log: Path, heard: threading.Condition) -> None:
        self.moments = 0
        self.last = ""
        self.ended = False
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.soak.worker", *arguments],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._heard = heard
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    @property
    def ready(self) -> bool:
        """Whether it waits to be sent to work."""
        return self.last == "ready"

    @property
    def at_work(self) -> bool:
        """Whether it has got somewhere."""
        return self.moments > 0 and not self.ended

    @property
    def holds(self) -> bool:
        """Whether it has stopped within an effect."""
        return self.last == "holds"

    def begin(self) -> None:
        """Send it to work."""
        assert self._process.stdin
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def kill(self) -> int:
        """Kill it, unless it has ended; how it ended."""
        self._process.kill()
        code = self._process.wait()
        self._listener.join()  # until then `last` may not be the last
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            stream.close()
        return code

    def check_ended_well(self) -> None:
        """Fail where it ended with an error of its own."""
        code = self._process.wait(timeout=PATIENCE)
        assert code in (0, -signal.SIGKILL), f"a worker ended with {code}:\n{self._log.read_text()[-4000:]}"

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._heard:
                self.last = line.strip()
                self.moments += not self.ready
                self._heard.notify_all()
        with self._heard:
            self.ended = True
            self._heard.notify_all()


@dataclass
class Kills:
    """Where kills fell, by what the victim had said last."""

    moments: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.moments)

    def in_payment(self) -> int:
        """How many fell when a payment had been asked for, and no answer had come."""
        return sum(moment.startswith(("begins", "holds")) for moment in self.moments)

    def after_payment(self) -> int:
        """How many fell between the answer and the next moment; in between, the step is recorded."""
        return sum(moment.startswith("ends") for moment in self.moments)

    def elsewhere(self) -> int:
        """How many fell before a claim's first payment: at its start, while it is decided, parked or answered, or while sealing."""
        return len(self) - self.in_payment() - self.after_payment()


class Killing:
    """Has claims settled by two workers, and kills them meanwhile.

    Args:
        url: of the ledger.
        directory: where keys, signer and payments are.
        claims: how many.
        kills: how many are wanted.
        seed: of what is random.
        hold: whether the first worker stops within an effect, and is killed there.
    """

    def __init__(self, url: str, directory: Path, claims: int, *, kills: int, seed: str, hold: bool) -> None:
        self._arguments = [url, str(directory), str(claims)]
        self._logs = directory
        self._moments = MOMENTS * claims
        self._wanted = kills
        self.seed = seed
        self._chance = random.Random(seed)
        self._hold = hold
        self._heard = threading.Condition()
        self._started: list[Worker] = []
        self._spares: list[Worker] = []
        self._crew: list[Worker] = []
        self._due = 0.0
        self.kills = Kills()
        self.seconds = 0.0

    def run(self) -> None:
        """Until both workers find nothing left to do."""
        with ExitStack() as stack:
            stack.callback(self._kill_all)
            self._spares = [self._start(*(["hold"] if self._hold else []))]
            self._spares += [self._start() for _ in range(min(SPARES, self._wanted))]
            self._wait(lambda: all(worker.ready or worker.ended for worker in self._spares))
            began = time.monotonic()
            self._crew = [self._replacement(), self._replacement()]
            while len(self.kills) < self._wanted and self._goes_on_until_a_kill_is_due():
                self._kill_one()
            self._wait(lambda: all(worker.ended for worker in self._crew))
            self.seconds = time.monotonic() - began
            for worker in self._crew:
                worker.check_ended_well()

    def _goes_on_until_a_kill_is_due(self) -> bool:
        """Wait for the next kill's moment; False where a worker found nothing left to do before."""
        left = max(0, self._moments - self._said())
        self._due = self._said() + self._chance.uniform(0, 1.4) * left / (self._wanted - len(self.kills))
        self._wait(lambda: any(worker.holds or worker.ended for worker in self._crew) or self._is_due())
        for worker in self._crew:
            if worker.ended:
                worker.check_ended_well()
        return not any(worker.ended for worker in self._crew)

    def _is_due(self) -> bool:
        return self._said() >= self._due and all(worker.at_work for worker in self._crew)

    def _kill_one(self) -> None:
        """Kill the one that holds, or any; at whatever moment, and not only just after it said one."""
        holding = [number for number, worker in enumerate(self._crew) if worker.holds]
        number = holding[0] if holding else self._chance.randrange(len(self._crew))
        time.sleep(self._chance.uniform(0, PAUSE))
        victim = self._crew[number]
        if victim.kill() == -signal.SIGKILL:
            self.kills.moments.append(victim.last)
        victim.check_ended_well()
        self._crew[number] = self._replacement()

    def _kill_all(self) -> None:
        for worker in self._started:
            worker.kill()

    def _said(self) -> int:
        return sum(worker.moments for worker in self._started)

    def _start(self, *options: str) -> Worker:
        log = self._logs / f"worker-{len(self._started)}.log"
        worker = Worker([*self._arguments, *options], log, self._heard)
        self._started.append(worker)
        return worker

    def _replacement(self) -> Worker:
        """Send the next spare to work, and have another in readiness while kills are to come."""
        worker = self._spares.pop(0) if self._spares else self._start()
        self._wait(lambda: worker.ready or worker.ended)
        worker.begin()
        if len(self._started) < self._wanted + 2:
            self._spares.append(self._start())
        return worker

    def _wait(self, condition: Callable[[], bool]) -> None:
        with self._heard:
            assert self._heard.wait_for(condition, timeout=PATIENCE), (
                f"what was waited for did not come in {PATIENCE} s"
            )
