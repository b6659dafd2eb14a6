"""Steps: functions with an effect or a result worth remembering, done once per run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.recorder import Call, recorder
from abpo_sdk.steps.reads import Reads
from abpo_sdk.steps.signature import Signature

P = ParamSpec("P")
R = TypeVar("R")


class Step(Generic[P, R]):
    """A function that is done once per run; made by `@step`.

    Called outside a run it is the plain function. Inside, its result is stored before it returns, and a run that
    is resumed gets the stored result instead of a second call.
    """

    def __init__(
        self, function: Callable[P, R], *, name: str | None, pure: bool, reads: Sequence[str], depth: int = 2
    ) -> None:
        self.name = name or function.__name__
        self.pure = pure
        self._function = function
        what = f"step {self.name!r}"
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise DefinitionError(f"{what} is a generator, and a step gives one result; return a list")
        self._asynchronous = inspect.iscoroutinefunction(function)
        self._signature = Signature(function, what=what, depth=depth + 1)
        self._reads = Reads(reads, self._signature.annotations, (*self._signature.case, *self._signature.wiring), what)
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it, or give back what the ledger has."""
        values, wiring = self._signature.split(args, kwargs)
        call = self._call(values, wiring)
        if self._asynchronous:
            return cast("R", recorder().perform_async(call, lambda: cast("Any", self._function)(**values, **wiring)))
        result: R = recorder().perform(call, lambda: cast("Callable[..., R]", self._function)(**values, **wiring))
        return result

    def _call(self, values: dict[str, Any], wiring: dict[str, Any]) -> Call[Any]:
        codec = self._signature.result
        return Call(
            kind="step",
            name=self.name,
            inputs=lambda digest: self._signature.encode(values, digest),
            record=lambda result, _: codec.round_trip(result),
            restore=lambda tree, _: codec.decode(tree),
            effect=not self.pure,
            arguments=values,
            sources=(lambda: self._reads.sources({**values, **wiring})) if self._reads else tuple,
        )

    def __repr__(self) -> str:
        return f"<step {self.name}>"


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(
    *, name: str | None = None, pure: bool = False, reads: str | Sequence[str] = ()
) -> Callable[[Callable[P, R]], Step[P, R]]: ...


def step(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    pure: bool = False,
    reads: str | Sequence[str] = (),
) -> Any:
    """Marks a function as a step: done once per run, its result stored before it returns.

    What stands before `*` is the case: it is checked and must be storable. What stands after `*` is wiring and is
    never stored. Sync and async functions alike.

    Args:
        function: the function, where the decorator is used without options.
        name: under which the ledger knows it; default: the function's name. Changing it makes it another step.
        pure: whether it only computes, so that its result need not be on disk before the next pure thing runs.
        reads: the records outside that it reads, as "system:identifier" with its parameters in braces, such as
            "file:{document}"; lineage starts there.

    Raises:
        DefinitionError: when a parameter or the result cannot be stored.

    >>> @step
    ... def double(amount: int) -> int:
    ...     return 2 * amount
    >>> double(21)
    42
    """
    templates = (reads,) if isinstance(reads, str) else tuple(reads)
    if function is not None:
        return Step(function, name=name, pure=pure, reads=templates)
    return lambda decorated: Step(decorated, name=name, pure=pure, reads=templates)
