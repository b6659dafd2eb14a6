"""The logic of decisions in XML: tables, literal expressions, boxed contexts and invocations."""

from __future__ import annotations

from abpo_sdk.errors import DmnError
from abpo_sdk.policies.dmn.definitions import (
    Cell,
    ContextEntry,
    ContextText,
    InputClause,
    InvocationText,
    LiteralText,
    Logic,
    NoLogic,
    OutputClause,
    RuleText,
    TableText,
)
from abpo_sdk.policies.dmn.parts import cell_in, cell_of, own_of, place_of, text_in, type_ref_of
from abpo_sdk.policies.dmn.xml import Element

READ = ("decisionTable", "literalExpression", "context", "invocation")
NOT_READ = ("functionDefinition", "relation", "list", "conditional", "for", "every", "some", "filter")


def logic_of(element: Element, source: str, what: str) -> Logic:
    """The logic that an element holds.

    Args:
        element: a decision, a function, an entry of a context or a binding.
        source: the file.
        what: what the logic is of, for errors.

    Raises:
        DmnError: it is malformed. Logic of a kind that is not supported is none here, but `NoLogic`, which says so when it is used.
    """
    logic = element.first(*READ, *NOT_READ)
    if logic is None:
        return NoLogic("has no logic")
    if logic.name in NOT_READ:
        return NoLogic(f"is a boxed {logic.name} (line {logic.line}), which is not supported")
    if logic.name == "decisionTable":
        return _table(logic, source, what)
    if logic.name == "literalExpression":
        return LiteralText(cell_of(logic, source, f"the expression of {what}"))
    if logic.name == "context":
        return _context(logic, source, what)
    return _invocation(logic, source, what)


def _context(element: Element, source: str, what: str) -> Logic:
    entries: list[ContextEntry] = []
    for position, entry in enumerate(element.all("contextEntry"), start=1):
        variable = entry.first("variable")
        name = "" if variable is None else " ".join(variable.get("name").split())
        place = f"{place_of(source, entry)}: {what}, entry {name or position!r}"
        if any(name and name == other.name for other in entries):
            raise DmnError(f"{place}: the name is taken by an entry above")
        logic = logic_of(entry, source, f"{what}, entry {name!r}" if name else f"{what}, its result")
        entries.append(ContextEntry(name, "" if variable is None else type_ref_of(variable), logic, place))
    if any(not entry.name for entry in entries[:-1]):
        raise DmnError(f"{place_of(source, element)}: {what} has an entry without a name before its last")
    if not entries:
        return NoLogic("is a context without entries")
    return ContextText(tuple(entries), f"{place_of(source, element)}: {what}")


def _invocation(element: Element, source: str, what: str) -> Logic:
    called = element.first("literalExpression")
    if called is None:
        return NoLogic(f"is an invocation of something else than a name (line {element.line}), which is not supported")
    bindings: dict[str, Logic] = {}
    for binding in element.all("binding"):
        parameter = binding.first("parameter")
        name = "" if parameter is None else " ".join(parameter.get("name").split())
        if not name or name in bindings:
            raise DmnError(
                f"{place_of(source, binding)}: {what} binds the parameter {name!r}, which has no name of its own"
            )
        bindings[name] = logic_of(binding, source, f"{what}, parameter {name!r}")
    return InvocationText(
        cell_of(called, source, f"what {what} calls"), bindings, f"{place_of(source, element)}: {what}"
    )


def _table(element: Element, source: str, what: str) -> TableText:
    inputs = tuple(_input(e, n, source, what) for n, e in enumerate(element.all("input"), start=1))
    outputs = tuple(_output(e, n, source, what) for n, e in enumerate(element.all("output"), start=1))
    place = f"{place_of(source, element)}: {what}"
    if not outputs:
        raise DmnError(f"{place} is a table without an output")
    if len(outputs) > 1:
        names = [output.name for output in outputs]
        if "" in names or len(set(names)) < len(names):
            raise DmnError(
                f"{place} has the outputs {', '.join(n or '(no name)' for n in names)}; each needs its own name"
            )
    return TableText(
        hit_policy=element.get("hitPolicy", "UNIQUE"),
        aggregation=element.get("aggregation"),
        inputs=inputs,
        outputs=outputs,
        annotations=tuple(a.get("name") for a in element.all("annotation")),
        rules=tuple(_rule(e, n, inputs, outputs, source, what) for n, e in enumerate(element.all("rule"), start=1)),
        place=place,
    )


def _input(element: Element, number: int, source: str, what: str) -> InputClause:
    what = f"{what}, input {number}"
    expression = element.first("inputExpression")
    cell = None if expression is None else cell_of(expression, source, what)
    if expression is None or cell is None or not cell.text:
        raise DmnError(f"{place_of(source, element)}: {what} has no expression (<inputExpression>)")
    allowed = cell_in(element, "inputValues", source, f"the allowed values of {what} ({cell.text})")
    return InputClause(Cell(cell.text, f"{cell.place} ({cell.text})"), type_ref_of(expression), allowed)


def _output(element: Element, number: int, source: str, what: str) -> OutputClause:
    name = " ".join(element.get("name").split())
    what = f"{what}, output {name or number!r}"
    default = element.first("defaultOutputEntry")
    return OutputClause(
        name=name,
        type_ref=type_ref_of(element),
        values=cell_in(element, "outputValues", source, f"the values of {what}"),
        default=cell_in(element, "defaultOutputEntry", source, f"the default of {what}"),
        python=own_of(element).get("python", ""),
        default_python="" if default is None else own_of(default).get("python", ""),
        place=f"{place_of(source, element)}: {what}",
    )


def _rule(
    element: Element,
    number: int,
    inputs: tuple[InputClause, ...],
    outputs: tuple[OutputClause, ...],
    source: str,
    what: str,
) -> RuleText:
    what = f"{what}, rule {number}"
    own = own_of(element)
    tests, results = list(element.all("inputEntry")), list(element.all("outputEntry"))
    for cells, columns, kind in ((tests, inputs, "input"), (results, outputs, "output")):
        if len(cells) != len(columns):
            raise DmnError(
                f"{place_of(source, element)}: {what} has {len(cells)} {kind} cells, and the table has {len(columns)} {kind}s"
            )
    return RuleText(
        inputs=tuple(
            cell_of(cell, source, f"{what}, input {column.expression.text!r}")
            for cell, column in zip(tests, inputs, strict=True)
        ),
        outputs=tuple(
            cell_of(cell, source, f"{what}, output {column.name or position!r}")
            for position, (cell, column) in enumerate(zip(results, outputs, strict=True), start=1)
        ),
        annotations=tuple(text_in(a, "text") for a in element.all("annotationEntry")),
        description=text_in(element, "description"),
        name=own.get("name"),
        python=tuple(own_of(cell).get("python", "") for cell in results),
        place=f"{place_of(source, element)}: {what}",
    )
