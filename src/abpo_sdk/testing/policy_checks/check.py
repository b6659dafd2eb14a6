"""Checks a policy of one's own: whether it does what every policy must."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abpo_sdk.errors import DefinitionError, PolicyCheckFailed
from abpo_sdk.policies import Policy
from abpo_sdk.testing.except_for import check_exceptions
from abpo_sdk.testing.expectations import NotAsExpectedError, SkippedError
from abpo_sdk.testing.policy_checks import decisions, declaration, frames, inputs, recording, versions
from abpo_sdk.testing.policy_checks.drawing import drawn_cases
from abpo_sdk.testing.policy_checks.examined import Examined

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["PolicyReport", "check_policy"]

CHECKS: tuple[Callable[[Examined], None], ...] = (
    *declaration.CHECKS,
    *decisions.CHECKS,
    *inputs.CHECKS,
    *recording.CHECKS,
    *frames.CHECKS,
    *versions.CHECKS,
)


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """What was checked of a policy.

    Args:
        policy: its name.
        cases: how many cases it was checked with.
        refused: how many of these it refused, because something that it needs was missing or mistyped.
        checked: the checks that it passed.
        skipped: the checks that were not made, each with the reason.
    """

    policy: str
    cases: int
    refused: int
    checked: tuple[str, ...]
    skipped: Mapping[str, str]

    def __str__(self) -> str:
        lines = [
            f"policy {self.policy!r} passed {len(self.checked)} checks with {self.cases} cases, of which it refused {self.refused}"
        ]
        return "\n".join([*lines, *(f"skipped: {name}: {why}" for name, why in self.skipped.items())])


def check_policy(
    policy: Policy,
    cases: Iterable[Any] | SearchStrategy[Any] | None = None,
    *,
    again: Callable[[], Policy] | None = None,
    frame: Callable[[Any], Any] | None = None,
    except_for: Mapping[str, str] | None = None,
    examples: int = 30,
) -> PolicyReport:
    """Check that a policy does what every policy must: what its decisions say, how they come about, and what is recorded of them.

    Cases that the policy refuses with MissingInput or MistypedInput count as refused; the checks are about the others.

    Args:
        policy: the policy.
        cases: what it decides about, or a strategy for it; default: cases made by Hypothesis for its type, often at the
            constants that the conditions of a table compare with.
        again: makes the policy once more, so that the versions can be compared.
        frame: decides a frame (columns are the case's fields, those of a model within it by dotted names) and gives the
            outcomes of its rows in order, or a frame with the column "outcome"; default: the policy's method `decide_frame`.
        except_for: checks that are not to be made, each with the reason.
        examples: how many cases are drawn from a strategy.

    Returns:
        What was checked, and what was skipped for which reason.

    Raises:
        PolicyCheckFailed: the first check that failed, the case, what was expected and what was seen.
        DefinitionError: it is no policy; there are no cases; `except_for` names an unknown check, or gives no reason.
        CasesRejected: nearly all made cases are refused by their model.

    >>> from pydantic import BaseModel
    >>> from abpo_sdk import DecisionTable, fields, rule
    >>> class Claim(BaseModel):
    ...     amount: int
    >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
    >>> def make() -> DecisionTable:
    ...     return DecisionTable("claims", small, otherwise="refer", owner="head of claims")
    >>> report = check_policy(make(), [Claim(amount=500), Claim(amount=501)], again=make)
    >>> len(report.checked), list(report.skipped)[0]
    (18, 'its reasons hold nothing personal')
    """
    if not isinstance(policy, Policy):
        raise DefinitionError(f"check_policy({policy!r}): give a policy, an object of a subclass of Policy")
    left_out = except_for or {}
    check_exceptions(left_out, [_name(check) for check in CHECKS], of="check_policy", kind="check")
    examined = Examined(policy, drawn_cases(policy, cases, examples), again, frame)
    checked, skipped = [], {}
    for check in CHECKS:
        name = _name(check)
        if name in left_out:
            skipped[name] = left_out[name]
            continue
        try:
            check(examined)
        except SkippedError as why:
            skipped[name] = str(why)
        except NotAsExpectedError as error:
            raise PolicyCheckFailed(f"policy {_shown(policy)}: {name}: {error}") from error.__cause__
        except Exception as error:
            raise PolicyCheckFailed(
                f"policy {_shown(policy)}: {name}: expected no error, and it raised {error!r}"
            ) from error
        else:
            checked.append(name)
    refused = len(examined.cases) - len(examined.decided)
    return PolicyReport(policy.name, len(examined.cases), refused, tuple(checked), skipped)


def _name(check: Callable[[Examined], None]) -> str:
    return check.__name__.replace("_", " ")


def _shown(policy: Policy) -> str:
    return repr(getattr(policy, "name", type(policy).__name__))
