"""A table as text and as HTML, and with a case, whose rows and cells it marks."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from abpo_sdk.conditions import Reading
from abpo_sdk.policies.rules import written_out
from abpo_sdk.policies.sheets.columns import ANYTHING, Columns, columns_of, hit_letter
from abpo_sdk.policies.trace import RowTrace, Trace, trace_of

if TYPE_CHECKING:
    from abpo_sdk.policies.table import DecisionTable

WIDTH = 100
"""So many characters a line of text may have."""
NARROW = 8
"""So many characters a column of text has at least; where they do not fit, rows are written one below the other."""
TALL = 3
"""So many lines a reason takes in text; what is longer is cut, with a sign."""
MOST = 200
"""So many rows are shown, beside those that match a case."""

COUNTS, MATCHES, FAILS, UNSEEN, UNKNOWN = "→", "✓", "✗", "·", "?"
LEGEND = {
    COUNTS: "counts",
    MATCHES: "matches, and does not count",
    FAILS: "keeps the row from matching",
    UNKNOWN: "cannot be told",
    UNSEEN: "not looked at",
}

STYLE = """<style>
.abpo-table{font-size:13px;line-height:1.4}
.abpo-table p{margin:.3em 0}
.abpo-table table{border-collapse:collapse;border:1px solid rgba(128,128,128,.6);margin:.4em 0}
.abpo-table table th,.abpo-table table td{text-align:left;vertical-align:top;padding:.25em .6em;max-width:24em;\
border:1px solid rgba(128,128,128,.35);white-space:normal;overflow-wrap:break-word}
.abpo-table table th{font-weight:600;background:rgba(128,128,128,.16)}
.abpo-table table tr{background:none}
.abpo-table table .n{text-align:right;white-space:nowrap;opacity:.75}
.abpo-table table .then{border-left:3px double rgba(128,128,128,.8)}
.abpo-table table .case td{font-style:italic;background:rgba(128,128,128,.08)}
.abpo-table table .counts td{background:rgba(40,160,80,.22)}
.abpo-table table .matches td{background:rgba(40,160,80,.08)}
.abpo-table table .fails{background:rgba(220,60,50,.2)}
.abpo-table table .unseen td{opacity:.5}
.abpo-table .note{opacity:.8}
</style>"""


_OPERATOR = re.compile(r"(?<![^ (])(<=|>=|<|>|is|not) (?=\S)")
_TIED = "\\1\N{NO-BREAK SPACE}"
"""An operator stays on the line of what it compares with."""


class Line(NamedTuple):
    """One row as it is shown: its mark and number, what it asks, what it gives, its reason, and which of its cells fail."""

    mark: str
    number: str
    asks: tuple[str, ...]
    gives: tuple[str, ...]
    because: str
    fails: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """A table with a case: printed, or as the last thing in a cell of a notebook, it marks what matched and what did not.

    Made by `DecisionTable.show`.

    Args:
        trace: how the table came to what it decided.
        text: the same as text, at most 100 columns wide.
        html: the same as HTML.
    """

    trace: Trace
    text: str
    html: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self.trace.table} shown with a case>"

    def _repr_html_(self) -> str:
        return self.html


def shown(table: DecisionTable, case: Any) -> Shown:
    """A table with a case that is of its type."""
    trace = trace_of(table, case)
    sheet = _Sheet(table, Reading(case), trace)
    return Shown(trace, sheet.text(), sheet.html())


def as_text(table: DecisionTable) -> str:
    """A table as text, at most 100 columns wide."""
    return _Sheet(table).text()


def as_html(table: DecisionTable) -> str:
    """A table as HTML, every text escaped."""
    return _Sheet(table).html()


class _Sheet:
    """A table, drawn: its title, headings, rows and notes."""

    def __init__(self, table: DecisionTable, reading: Reading | None = None, trace: Trace | None = None) -> None:
        self.table = table
        self.trace = trace
        self.columns: Columns = columns_of(table, reading)
        self.values = None if reading is None else self.columns.values(reading)
        self.left_off = 0
        self.lines = list(self._lines())

    @property
    def title(self) -> str:
        owner = f", owner: {self.table.owner}" if self.table.owner else ""
        return _line(f"{self.table.name} (version {self.table.version}{owner})")

    @property
    def headings(self) -> tuple[str, ...]:
        return (*self.columns.headings, *(_line(output.name) for output in self.table.outputs), "because")

    def _lines(self) -> Iterator[Line]:
        for number, (row, cells) in enumerate(zip(self.table.rules, self.columns.rows, strict=True)):
            traced = None if self.trace is None else self.trace.rows[number]
            if number >= MOST and not (traced and traced.looked_at and traced.matches):
                self.left_off += 1
                continue
            failing = () if traced is None else [place for place, cell in enumerate(traced.cells) if not cell.holds]
            fails = frozenset(place for place, cell in enumerate(cells) if set(cell.parts) & set(failing))
            name = f"{number + 1} {row.name}" if row.name else str(number + 1)
            gives = tuple(_line(written_out(value)) for value in self.table.values[number])
            asks = tuple(_line(cell.text) for cell in cells)
            yield Line(_mark(traced), _line(name), asks, gives, _line(row.because), fails)
        if self.table.default is not None:
            mark = COUNTS if self.trace and self.trace.error is None and not self.trace.counting else ""
            gives = tuple(_line(written_out(value)) for value in self.table.default)
            yield Line(mark, "else", (ANYTHING,) * len(self.columns.of), gives, "no rule applies")

    @property
    def notes(self) -> list[str]:
        """What there is to say below the table."""
        policy = " ".join(filter(None, (self.table.hit_policy, self.table.aggregation)))
        told = [f"{hit_letter(self.table)}: hit policy {policy}"]
        if self.left_off:
            told.append(f"and {self.left_off:,} more rows, all in table.to_frame()")
        for output in self.table.outputs:
            if output.values:
                first = ", the first before the others" if self.table.hit_policy in ("PRIORITY", "OUTPUT ORDER") else ""
                told.append(f"{output.name} is one of {', '.join(map(written_out, output.values))}{first}")
        if self.table.default is None:
            told.append("a case that no row covers is an error")
        used = {line.mark for line in self.lines} | {FAILS for line in self.lines if line.fails}
        legend = "; ".join(f"{mark} {text}" for mark, text in LEGEND.items() if mark in used)
        return [*map(_line, told), *([legend] if legend else [])]

    # --- as text ---

    def text(self) -> str:
        parts = [*textwrap.wrap(self.title, WIDTH)]
        if self.trace is not None:
            parts += textwrap.wrap(_line(_how(self.trace)), WIDTH)
        parts += [
            *(self._drawn() or self._listed()),
            *(part for note in self.notes for part in textwrap.wrap(note, WIDTH)),
        ]
        return "\n".join(parts)

    def _drawn(self) -> list[str]:
        """The table itself; nothing where its columns do not fit."""
        rows = [("", hit_letter(self.table), *self.headings)]
        if self.values is not None:
            rows.append(("", "case", *map(_line, self.values), *("",) * (len(self.table.outputs) + 1)))
        for line in self.lines:
            asks = (f"{text} {FAILS}" if place in line.fails else text for place, text in enumerate(line.asks))
            rows.append((line.mark, line.number, *asks, *line.gives, line.because))
        widths = _widths(rows)
        if widths is None:
            return []
        bar = 2 + len(self.columns.of)
        ruled = [tuple("-" * width for width in widths)]
        drawn = [text for row in (*rows[:1], *ruled, *rows[1:]) for text in _wrapped(row, widths, bar)]
        return drawn if self.trace else [text[2:] for text in drawn]

    def _listed(self) -> list[str]:
        """Each row as a sentence, for tables of very many columns."""
        told = []
        for line in self.lines:
            asks = " and ".join(
                f"{heading}: {text}{f' {FAILS}' if place in line.fails else ''}"
                for place, (heading, text) in enumerate(zip(self.columns.headings, line.asks, strict=True))
                if text != ANYTHING
            )
            gives = ", ".join(f"{o.name} {text}" for o, text in zip(self.table.outputs, line.gives, strict=True))
            start = f"{line.mark} {line.number}: " if line.mark else f"{line.number}: "
            told += textwrap.wrap(
                f"{start}{asks or 'always'} | {gives} | {line.because}", WIDTH, subsequent_indent="    "
            )
        return told

    # --- as HTML ---

    def html(self) -> str:
        inputs = len(self.columns.of)
        head = _tag("th", f"{hit_letter(self.table)}", "n", title=self.notes[0])
        head += "".join(_tag("th", text, _side(place, inputs)) for place, text in enumerate(self.headings))
        body = "".join(map(self._html_row, self.lines))
        case = ""
        if self.values is not None:
            blank = ("",) * (len(self.table.outputs) + 1)
            texts = (*map(_line, self.values), *blank)
            cells = "".join(_tag("td", text, _side(place, inputs)) for place, text in enumerate(texts))
            case = f'<tr class="case">{_tag("td", "case", "n")}{cells}</tr>'
        how = "" if self.trace is None else _tag("p", _line(_how(self.trace)))
        notes = "".join(_tag("p", note, "note") for note in self.notes)
        return (
            f'{STYLE}<div class="abpo-table"><p><strong>{escape(self.title)}</strong></p>{how}'
            f"<table><thead><tr>{head}</tr></thead><tbody>{case}{body}</tbody></table>{notes}</div>"
        )

    def _html_row(self, line: Line) -> str:
        inputs = len(line.asks)
        cells = _tag("td", f"{line.mark} {line.number}".strip(), "n")
        for place, text in enumerate((*line.asks, *line.gives, line.because)):
            fails = place in line.fails
            tied = _OPERATOR.sub(_TIED, text) if place < inputs else text
            cells += _tag(
                "td", f"{tied}\N{NO-BREAK SPACE}{FAILS}" if fails else tied, "fails" if fails else _side(place, inputs)
            )
        kind = {COUNTS: "counts", MATCHES: "matches", UNSEEN: "unseen"}.get(line.mark, "")
        return f'<tr class="{kind}">{cells}</tr>' if kind else f"<tr>{cells}</tr>"


def _how(trace: Trace) -> str:
    return str(trace).partition("\n")[0].removeprefix(f"{trace.table}: ")


def _mark(row: RowTrace | None) -> str:
    if row is None:
        return ""
    if not row.looked_at:
        return UNSEEN
    if row.matches is None:
        return UNKNOWN
    return COUNTS if row.counts else MATCHES if row.matches else ""


def _tag(tag: str, text: str, kind: str = "", title: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    told = f' title="{escape(title)}"' if title else ""
    return f"<{tag}{named}{told}>{escape(text)}</{tag}>"


def _side(place: int, inputs: int) -> str:
    """The class of a cell: a double line stands before the outputs."""
    return "then" if place == inputs else ""


def _widths(rows: Sequence[tuple[str, ...]]) -> list[int] | None:
    """The widths of columns that fit; the widest give way. None where they cannot."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    room = WIDTH - 2 * len(widths) - 1
    while sum(widths) > room:
        least = [*(NARROW for _ in widths[:-1]), 2 * NARROW]
        able = [place for place in range(2, len(widths)) if widths[place] > least[place]]
        if not able:
            return None
        widest = max(able, key=lambda place: (widths[place] / (2 if place == len(widths) - 1 else 1), place))
        widths[widest] -= 1
    return widths


def _wrapped(row: tuple[str, ...], widths: Sequence[int], bar: int) -> Iterator[str]:
    """The lines of a row; a bar stands before the outputs."""
    cells = [textwrap.wrap(text, width) or [""] if width else [""] for text, width in zip(row, widths, strict=True)]
    if len(cells[-1]) > TALL:
        cells[-1] = [*cells[-1][: TALL - 1], f"{cells[-1][TALL - 1][: widths[-1] - 1]}…"]
    for height in range(max(map(len, cells))):
        texts = [cell[height] if height < len(cell) else "" for cell in cells]
        drawn = [text.ljust(width) for text, width in zip(texts, widths, strict=True)]
        yield f"{'  '.join(drawn[:bar])} | {'  '.join(drawn[bar:])}".rstrip()


def _line(text: str) -> str:
    """A text as one line that can be printed."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
