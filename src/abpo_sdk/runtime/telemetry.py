"""Runs as spans of OpenTelemetry: one for each segment of a run, and below it one for each attempt of a call."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import abpo_sdk
from abpo_sdk.errors import DefinitionError
from abpo_sdk.runtime.logs import log
from abpo_sdk.runtime.observing import Moment

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span, TracerProvider

ENDS = ("call recorded", "call raised", "segment ends")


class OpenTelemetry:
    """An observer that makes spans; give it to a runtime: `Runtime(..., observers=[OpenTelemetry()])`.

    A segment's span is a child of the span that is current where the run is started, answered or taken up, and is
    current itself while the process runs; so is a call's span while the call is done. All segments of a run, wherever
    they run, have the attribute `abpo.run` and one and the same link. No argument, result, message or reason is in any
    of it. What goes wrong with it is logged once, and does not disturb the run.

    Args:
        tracer_provider: where spans go; default: the one that the application has set for all.

    Raises:
        DefinitionError: opentelemetry-api is not installed (the extra `otel`).

    >>> from abpo_sdk.runtime import Runtime
    >>> from abpo_sdk.steps import process
    >>> @process
    ... def greet(name: str) -> str:
    ...     return f"hello {name}"
    >>> Runtime("sqlite://", [greet], observers=[OpenTelemetry()]).start(greet, "Ada").result()
    'hello Ada'
    """

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        try:
            from opentelemetry import context, trace
        except ImportError as missing:
            raise DefinitionError('OpenTelemetry() needs opentelemetry-api; pip install "abpo_sdk[otel]"') from missing
        self._context = context
        self._trace = trace
        self._tracer = trace.get_tracer("abpo_sdk", abpo_sdk.__version__, tracer_provider)
        self._open: dict[tuple[str, str, int, str], tuple[Span, Token[Context]]] = {}
        self._failed = False

    def __call__(self, moment: Moment) -> None:
        """Begin or end a span."""
        try:
            self._tell(moment)
        except Exception as error:  # noqa: BLE001  whatever a tracer raises is not the run's
            if not self._failed:
                self._failed = True
                log.warning(
                    "OpenTelemetry() raised %s and lost spans; this is logged once",
                    type(error).__name__,
                    extra={"error.type": type(error).__name__},
                )

    def _tell(self, moment: Moment) -> None:
        segment = (moment.ledger, moment.run, moment.epoch, "")
        if moment.what == "segment begins":
            self._begin(segment, f"run {moment.process}", moment, None, [self._link(moment)])
        elif moment.what == "call begins":
            within = self._open.get(segment)
            parent = self._trace.set_span_in_context(within[0]) if within is not None else None
            self._begin((*segment[:3], moment.place), f"{moment.kind} {moment.name}", moment, parent)
        elif moment.what in ENDS:
            self._end((*segment[:3], "" if moment.what == "segment ends" else moment.place), moment)
        elif moment.what == "call waits" and segment in self._open:
            self._open[segment][0].add_event(f"waits for {moment.kind}", moment.fields())

    def _begin(
        self,
        at: tuple[str, str, int, str],
        name: str,
        moment: Moment,
        parent: Context | None,
        links: list[Link] | None = None,
    ) -> None:
        span = self._tracer.start_span(name, parent, attributes=moment.fields(), links=links)
        self._open[at] = span, self._context.attach(self._trace.set_span_in_context(span))

    def _end(self, at: tuple[str, str, int, str], moment: Moment) -> None:
        if at not in self._open:
            return
        span, token = self._open.pop(at)
        self._context.detach(token)
        if moment.status:
            span.set_attribute("abpo.status", moment.status)
        if moment.error:
            span.set_attributes({"error.type": moment.error, "abpo.where": moment.where})
            span.set_status(self._trace.StatusCode.ERROR, moment.error)
        span.end()

    def _link(self, moment: Moment) -> Any:
        """What all segments of a run have in common; nothing stands at its other end."""
        digest = sha256(f"{moment.ledger}/{moment.run}".encode()).digest()
        trace_id, span_id = int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])
        return self._trace.Link(self._trace.SpanContext(trace_id, span_id, is_remote=True))
