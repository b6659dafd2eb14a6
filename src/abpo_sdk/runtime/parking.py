"""How a run waits: its process is unwound, and nothing is held until what it waits for has come."""

from __future__ import annotations

from datetime import datetime

from abpo_sdk.errors import ParkingSwallowed
from abpo_sdk.ledger import Place
from abpo_sdk.ledger.entry import Draft
from abpo_sdk.runtime.chain import RunChain
from abpo_sdk.values.clock import to_text


class Parked(BaseException):
    """Unwinds the stack of a process where it waits; no `Exception`, so that `except Exception` lets it pass."""


def swallowed(run: str) -> ParkingSwallowed:
    """What a process did that caught `Parked`."""
    return ParkingSwallowed(
        f"run {run!r}: the process caught what ends its segment where it waits; "
        "write `except Exception:` instead of a bare `except:` or `except BaseException:`"
    )


def fire(chain: RunChain, place: Place, name: str, due: datetime) -> None:
    """Note that the time has come for which the timer at a place was set."""
    chain.waits.pop(place, None)
    following = chain.next_due()
    payload = {"due": to_text(due), "next": to_text(following) if following else None}
    chain.hold(Draft(Place(place.inner, 0), "fired", name, payload, chain.ledger.clock.now()))
