"""The table's cells as texts of the languages in which contenders read them."""

from __future__ import annotations

from benchmarks.table_and_cases import Cell, Interval, Is, OneOf, Row


def quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def unary_test(cell: Cell | None) -> str:
    """A cell as FEEL has it, and zen-engine the same: about an input that is not named; a dash is written by who needs one."""
    match cell:
        case Interval(None, high, _, closed):
            return f"{'<=' if closed else '<'} {high}"
        case Interval(low, None, closed, _):
            return f"{'>=' if closed else '>'} {low}"
        case Interval(low, high, low_closed, high_closed):
            return f"{'[' if low_closed else '('}{low}..{high}{']' if high_closed else ')'}"
        case OneOf(words):
            return quoted(words)
        case Is(truth):
            return str(truth).lower()
    return ""


def bounds(name: str, cell: Interval) -> list[str]:
    low = [] if cell.low is None else [f"{name} {'>=' if cell.low_closed else '>'} {cell.low}"]
    high = [] if cell.high is None else [f"{name} {'<=' if cell.high_closed else '<'} {cell.high}"]
    return low + high


def python_tests(name: str, cell: Cell) -> list[str]:
    """A cell as Python has it, as one would write it by hand."""
    match cell:
        case Interval():
            return bounds(name, cell)
        case OneOf((word,)):
            return [f'{name} == "{word}"']
        case OneOf(words):
            return [f"{name} in ({quoted(words)})"]
        case Is(truth):
            return [name if truth else f"not {name}"]


def rule_engine_tests(name: str, cell: Cell) -> list[str]:
    """A cell as rule-engine has it."""
    match cell:
        case Interval():
            return bounds(name, cell)
        case OneOf(words):
            return [f"{name} in [{quoted(words)}]"]
        case Is(truth):
            return [f"{name} == {str(truth).lower()}"]


def python_condition(row: Row, prefix: str = "") -> str:
    """A row as one Python expression; True for a row without cells."""
    return (
        " and ".join(test for name, cell in row.cells.items() for test in python_tests(prefix + name, cell)) or "True"
    )
