"""Processes: functions that wire steps, policies and gates together."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from abpo_sdk.errors import DefinitionError
from abpo_sdk.ledger.recorder import recorder
from abpo_sdk.steps.signature import Signature
from abpo_sdk.values.code import code_version

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Process(Generic[P, R]):
    """A function that wires steps, policies and gates; made by `@process`.

    Called outside a run it is the plain function. A `Runtime` runs it so that it survives crashes and waits for people.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None,
        version: str | None,
        depends: Sequence[Callable[..., Any]],
        depth: int = 2,
    ) -> None:
        self.name = name or function.__name__
        what = f"process {self.name!r}"
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise DefinitionError(f"{what} is a generator, and a process runs to its end; return a list")
        self.asynchronous = inspect.iscoroutinefunction(function)
        self.function = function
        self.signature = Signature(function, what=what, depth=depth + 1)
        self._version = version
        self._depends = tuple(depends)
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it as the plain function that it is; inside another process, as a part of that one's run."""
        if self.asynchronous:
            return cast("R", recorder().awaited(self.name, lambda heard: self._call_async(args, kwargs, heard)))
        with recorder().inner(self.name):
            return self.function(*args, **kwargs)

    async def _call_async(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], heard: Callable[[], None]) -> Any:
        heard()
        with recorder().inner(self.name):
            return await cast("Any", self.function)(*args, **kwargs)

    def bind(self, **wiring: Any) -> BoundProcess[R]:
        """The process with its wiring (what stands after `*`), ready for a runtime.

        Raises:
            DefinitionError: something is missing, or is no wiring of this process.
        """
        unknown = [name for name in wiring if name not in self.signature.wiring]
        if unknown:
            known = ", ".join(self.signature.wiring) or "none"
            raise DefinitionError(f"process {self.name!r} has no wiring {unknown[0]!r}; after `*` it has {known}")
        missing = self.signature.missing(wiring)
        if missing:
            raise DefinitionError(
                f"process {self.name!r} needs {', '.join(missing)} after `*`; write {self.name}.bind({missing[0]}=...)"
            )
        return BoundProcess(self, {**self.signature.default_wiring(), **wiring})

    @functools.cached_property
    def pins(self) -> dict[str, str]:
        """The versions that a run keeps to: the process's own, and those of the policies, gates and processes that it names.

        What it names are the globals and enclosing variables that its body uses by their bare names.
        """
        return self._pins(())

    def _pins(self, within: tuple[Process[Any, Any], ...]) -> dict[str, str]:
        """`pins`, as a part of processes that name this one, which are left out: two may name each other."""
        own = self._version or code_version(self.function, depends=self._depends)
        pins = {f"{type(self).__name__} {self.name}": own}
        for thing in _named_in(self.function):
            if thing is self or any(thing is outer for outer in within):
                continue
            name = getattr(thing, "name", None)
            if isinstance(thing, Process):
                pins[f"{type(thing).__name__} {name}"] = _hash_of(thing._pins((*within, self)))  # noqa: SLF001
            elif isinstance(name, str) and isinstance(version := getattr(thing, "version", None), str):
                pins[f"{type(thing).__name__} {name}"] = version
        return pins

    @functools.cached_property
    def version(self) -> str:
        """One hash over `pins`."""
        return _hash_of(self.pins)

    def __repr__(self) -> str:
        return f"<process {self.name}>"


class BoundProcess(Generic[R_co]):
    """A process with its wiring."""

    __slots__ = ("process", "wiring")

    def __init__(self, process: Process[Any, R_co], wiring: Mapping[str, Any]) -> None:
        self.process = process
        self.wiring = dict(wiring)

    @property
    def name(self) -> str:
        """The name of the process."""
        return self.process.name

    def call(self, values: Mapping[str, Any]) -> Any:
        """Call the function itself with case values and the wiring."""
        return cast("Callable[..., Any]", self.process.function)(**values, **self.wiring)

    def __repr__(self) -> str:
        return f"<process {self.name}, bound to {', '.join(self.wiring) or 'nothing'}>"


@overload
def process(function: Callable[P, R], /) -> Process[P, R]: ...
@overload
def process(
    *, name: str | None = None, version: str | None = None, depends: Sequence[Callable[..., Any]] = ()
) -> Callable[[Callable[P, R]], Process[P, R]]: ...


def process(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    depends: Sequence[Callable[..., Any]] = (),
) -> Any:
    """Marks a function as a process: it wires steps, policies and gates, and a runtime can run and resume it.

    What stands before `*` is the case and is stored; what stands after it is wiring, given once by `bind`.
    Everything in it that reads the world or changes it belongs into steps, because a resumed run calls the
    function again and answers each step from the ledger.

    Args:
        function: the function, where the decorator is used without options.
        name: under which the runtime knows it; default: the function's name.
        version: of its code; default: a hash over its syntax. A run keeps to the version that it started with.
        depends: plain functions that it calls, whose change is a change of the process.

    Raises:
        DefinitionError: when a parameter or the result cannot be stored, or wiring could be data.

    >>> @process
    ... def greet(name: str) -> str:
    ...     return f"hello {name}"
    >>> greet("Ada")
    'hello Ada'
    """
    if function is not None:
        return Process(function, name=name, version=version, depends=depends)
    return lambda decorated: Process(decorated, name=name, version=version, depends=depends)


def _hash_of(pins: Mapping[str, str]) -> str:
    return hashlib.sha256(repr(sorted(pins.items())).encode()).hexdigest()[:16]


def _named_in(function: Callable[..., Any]) -> list[Any]:
    code = inspect.unwrap(function).__code__
    scope: dict[str, Any] = dict(getattr(function, "__globals__", {}))
    for name, cell in zip(code.co_freevars, getattr(function, "__closure__", None) or (), strict=False):
        try:
            scope[name] = cell.cell_contents
        except ValueError:  # not yet assigned where the function was declared
            continue
    return [scope[name] for name in (*code.co_names, *code.co_freevars) if name in scope]
