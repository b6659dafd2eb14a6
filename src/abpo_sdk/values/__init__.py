"""What every room speaks: decisions and their reasons, reviews and answers, personal fields, sources, clocks."""

from abpo_sdk.values.clock import Clock, SystemClock
from abpo_sdk.values.decision import Decision, Reason
from abpo_sdk.values.encoded import Encoded, PersonalValue
from abpo_sdk.values.encoding import Codec
from abpo_sdk.values.money import Money
from abpo_sdk.values.personal import Personal
from abpo_sdk.values.review import Answer, Review
from abpo_sdk.values.source import Source

__all__ = [
    "Answer",
    "Clock",
    "Codec",
    "Decision",
    "Encoded",
    "Money",
    "Personal",
    "PersonalValue",
    "Reason",
    "Review",
    "Source",
    "SystemClock",
]
