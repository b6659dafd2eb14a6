"""Steps: functions with an effect or a result worth remembering, done once per run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.recorder import Call, recorder
from abpo_sdk.steps.checked import Checked, check_fits
from abpo_sdk.steps.reads import Reads
from abpo_sdk.steps.retry import Retry
from abpo_sdk.steps.signature import Signature
from abpo_sdk.steps.timeout import within, within_async

P = ParamSpec("P")
R = TypeVar("R")


class Step(Generic[P, R]):
    """A function that is done once per run; made by `@step` or `@effect`.

    Called outside a run it is the plain function, with its retries. Inside, its result is stored before it returns, and
    a run that is resumed gets the stored result instead of a second call.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None,
        reads: str | Sequence[str],
        pure: bool = False,
        retry: Retry | None = None,
        timeout: timedelta | None = None,
        transaction: bool = False,
        check: Callable[..., Any] | None = None,
        depth: int = 2,
    ) -> None:
        self.name = name or function.__name__
        self.pure = pure
        self._function = function
        self._what = what = f"step {self.name!r}"
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise DefinitionError(f"{what} is a generator, and a step gives one result; return a list")
        self._asynchronous = inspect.iscoroutinefunction(function)
        self._signature = Signature(function, what=what, depth=depth + 1)
        templates = (reads,) if isinstance(reads, str) else tuple(reads)
        known = (*self._signature.case, *self._signature.wiring)
        self._reads = Reads(templates, self._signature.annotations, known, what)
        self._check_options(retry, timeout, transaction=transaction)
        self._again = retry.again if retry is not None else None
        self._timeout = timeout
        self._transaction = transaction
        self._look = check
        if check is not None:
            check_fits(check, known, what, asynchronous=self._asynchronous)
        functools.update_wrapper(self, function)

    def _check_options(self, retry: object, timeout: object, *, transaction: bool) -> None:
        if retry is not None and not isinstance(retry, Retry):
            raise DefinitionError(f"{self._what}: retry={retry!r}; write retry=Retry(ConnectionError, attempts=3)")
        if timeout is not None and (not isinstance(timeout, timedelta) or timeout <= timedelta(0)):
            raise DefinitionError(f"{self._what}: timeout={timeout!r}; write timeout=timedelta(seconds=30)")
        if transaction and self.pure:
            raise DefinitionError(
                f"{self._what} is pure=True, so it writes nothing that belongs into a transaction; drop one of the two"
            )
        if transaction and self._asynchronous:
            raise DefinitionError(
                f"{self._what}: transaction=True would hold the ledger's transaction while others have their turn in the event "
                "loop; make it a plain function, which an async process can call, too"
            )
        if transaction and timeout is not None:
            raise DefinitionError(
                f"{self._what}: transaction=True and timeout= cannot both be, since what is late would go on writing in the "
                "ledger's transaction; set a timeout of the database itself"
            )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it, or give back what the ledger has."""
        values, wiring = self._signature.split(args, kwargs)
        call = self._call(values, wiring)
        if self._asynchronous:
            return cast("R", recorder().awaited(self.name, lambda heard: self._awaited(call, values, wiring, heard)))
        if self._timeout is not None or self._look is not None:
            late: R = recorder().perform(call, lambda: self._do(values, wiring))
            return late
        result: R = recorder().perform(call, lambda: cast("Callable[..., R]", self._function)(**values, **wiring))
        return result

    async def _awaited(
        self, call: Call[Any], values: dict[str, Any], wiring: dict[str, Any], heard: Callable[[], None]
    ) -> Any:
        heard()
        return await recorder().perform_async(call, lambda: self._do_async(values, wiring))

    def _do(self, values: dict[str, Any], wiring: dict[str, Any]) -> Any:
        def act() -> Any:
            do = functools.partial(cast("Any", self._function), **values, **wiring)
            return do() if self._timeout is None else within(self._timeout, do, what=self._what)

        if self._look is None:
            return act()
        look = functools.partial(self._look, **values, **wiring)
        return Checked(act, look, self._what).do()

    async def _do_async(self, values: dict[str, Any], wiring: dict[str, Any]) -> Any:
        async def act() -> Any:
            do = functools.partial(cast("Any", self._function), **values, **wiring)
            return await (do() if self._timeout is None else within_async(self._timeout, do, what=self._what))

        if self._look is None:
            return await act()
        look = functools.partial(self._look, **values, **wiring)
        return await Checked(act, look, self._what).do_async()

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
            again=self._again,
            transaction=self._transaction,
        )

    def __repr__(self) -> str:
        return f"<step {self.name}>"


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(
    *,
    name: str | None = None,
    pure: bool = False,
    reads: str | Sequence[str] = (),
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    transaction: bool = False,
) -> Callable[[Callable[P, R]], Step[P, R]]: ...


def step(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    pure: bool = False,
    reads: str | Sequence[str] = (),
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    transaction: bool = False,
) -> Any:
    """Marks a function as a step: done once per run, its result stored before it returns.

    What stands before `*` is the case: it is checked and must be storable. What stands after it is wiring and is
    never stored. Sync and async functions alike.

    Args:
        function: the function, where the decorator is used without options.
        name: under which the ledger knows it; default: the function's name. Changing it makes it another step.
        pure: whether it only computes, so that its result need not be on disk before the next pure thing runs.
        reads: the records outside that it reads, as "system:identifier" with its parameters in braces, such as
            "file:{document}"; lineage starts there.
        retry: when it is attempted again after an error; default: never. Each attempt that failed is recorded.
        timeout: how long one attempt may take; then it raises `StepTimedOut`, and what it was doing may still happen.
        transaction: whether its effect is kept in the transaction that records its result: it writes on
            `ledger_connection()`, and so is done exactly once.

    Raises:
        DefinitionError: when a parameter or the result cannot be stored, or options contradict each other.

    >>> @step
    ... def double(amount: int) -> int:
    ...     return 2 * amount
    >>> double(21)
    42
    """
    options: dict[str, Any] = {
        "name": name,
        "pure": pure,
        "reads": reads,
        "retry": retry,
        "timeout": timeout,
        "transaction": transaction,
    }
    if function is not None:
        return Step(function, **options)
    return lambda decorated: Step(decorated, **options)
