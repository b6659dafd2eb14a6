"""The forms in which a table is written and shown: row by row, as a sheet, as text and HTML, and with a case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from abpo_sdk.policies.policy import Policy
from abpo_sdk.policies.rules import Output, Value, declared_outputs

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path
    from typing import Self

    import pandas as pd

    from abpo_sdk.conditions import Condition, Expression
    from abpo_sdk.policies.hit_policies import Aggregation, HitPolicy
    from abpo_sdk.policies.showing import Shown
    from abpo_sdk.policies.table import DecisionTable
    from abpo_sdk.policies.trace import Trace


class TableForms(Policy):
    """What a decision table can be made from and turned into; the work is done where each form is, and loaded when it is asked for."""

    @property
    def _table(self) -> DecisionTable:
        return cast("DecisionTable", self)  # the only kind of it

    @classmethod
    def rows(
        cls,
        name: str,
        inputs: Iterable[Expression | Condition],
        outputs: Iterable[str | Output],
        rows: Iterable[Sequence[Any]],
        *,
        otherwise: Value | Mapping[str, Value],
        owner: str | None = None,
        hit_policy: HitPolicy = "FIRST",
        aggregation: Aggregation | None = None,
        strict: bool = False,
    ) -> Self:
        """A table written row by row: a cell for each input, one for each output, the reason, and perhaps a name.

        Args:
            name: the policy's name.
            inputs: what the columns are about: references to fields, arithmetic on them, or conditions.
            outputs: the outputs, by name or as `Output` with the values that they may have.
            rows: the rows, top down. In an input's cell, `None` asks nothing; a text is FEEL, as in DMN: `"-"` (asks nothing),
                `"> 1000"`, `"[1..5]"`, `'"DE", "FR"'`, `"not(3)"`; a list, tuple or set: the value is one of these; a function
                is called with the column and gives the condition; any other value: it equals that. An output's cell is the value.
            otherwise: what a case gets that no row covers, as for a table.
            owner: who answers for it.
            hit_policy: which of the rows that match count, as for a table.
            aggregation: of COLLECT, as for a table.
            strict: whether a table that `check` finds wrong is refused.

        Raises:
            DefinitionError: naming row, column and cell; also as for a table.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk import DecisionTable, fields
        >>> class Claim(BaseModel):
        ...     amount: int
        ...     country: str
        >>> c = fields(Claim)
        >>> claims = DecisionTable.rows("claims", [c.amount, c.country], ["decision"], [
        ...     ("<= 500", ["DE", "FR"], "pay", "the claim is small"),
        ...     ("> 9000", None, "reject", "the claim is too large", "large"),
        ... ], otherwise="refer")
        >>> claims.rules[0].when.text()
        "amount <= 500 and country in ('DE', 'FR')"
        """
        from abpo_sdk.policies.sheets.row_by_row import rules_of_rows  # which knows FEEL

        declared = declared_outputs(name, outputs)
        rules, model = rules_of_rows(name, inputs, declared, rows)
        made: Self = _maker(cls)(
            name,
            *rules,
            otherwise=otherwise,
            owner=owner,
            hit_policy=hit_policy,
            aggregation=aggregation,
            strict=strict,
            outputs=declared,
            case_type=model,
        )
        return made

    @classmethod
    def from_frame(
        cls,
        name: str,
        frame: pd.DataFrame,
        model: type,
        *,
        outputs: Iterable[str | Output],
        otherwise: Value | Mapping[str, Value],
        owner: str | None = None,
        hit_policy: HitPolicy = "FIRST",
        aggregation: Aggregation | None = None,
        strict: bool = False,
    ) -> Self:
        """A table from a frame: a row a rule, a column an input or output.

        Args:
            name: the policy's name.
            frame: its columns are called as the fields of `model` (`order.total` within another) or by an expression of FEEL
                over them; as the outputs; `because`; and, where rules have names, `rule`. Cells are texts in FEEL: of inputs
                unary tests (missing, empty or `-`: asks nothing), of outputs values, so that a text stands in quotes: `"pay"`.
                Where all `values` of an `Output` are listed and are texts, one of them may stand without. A cell that is no
                text is its value.
            model: the model that the rules are about.
            outputs: the outputs, by name or as `Output` with the values that they may have.
            otherwise: what a case gets that no row covers, as for a table.
            owner: who answers for it.
            hit_policy: which of the rows that match count, as for a table.
            aggregation: of COLLECT, as for a table.
            strict: whether a table that `check` finds wrong is refused.

        Raises:
            DefinitionError: naming row, column and cell; also as for a table.

        >>> import pandas as pd
        >>> from pydantic import BaseModel
        >>> from abpo_sdk import DecisionTable
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> frame = pd.DataFrame({"amount": ["<= 500"], "decision": ['"pay"'], "because": ["the claim is small"]})
        >>> DecisionTable.from_frame("claims", frame, Claim, outputs=["decision"], otherwise="refer").outcome({"amount": 3})
        'pay'
        """
        from abpo_sdk.policies.sheets.reading import rules_of_sheet, sheet_of_frame

        declared = declared_outputs(name, outputs)
        made: Self = _maker(cls)(
            name,
            *rules_of_sheet(sheet_of_frame(frame), model, declared),
            otherwise=otherwise,
            owner=owner,
            hit_policy=hit_policy,
            aggregation=aggregation,
            strict=strict,
            outputs=declared,
            case_type=model,
        )
        return made

    @classmethod
    def from_csv(
        cls,
        name: str,
        path: str | PathLike[str],
        model: type,
        *,
        outputs: Iterable[str | Output],
        otherwise: Value | Mapping[str, Value],
        owner: str | None = None,
        hit_policy: HitPolicy = "FIRST",
        aggregation: Aggregation | None = None,
        strict: bool = False,
        delimiter: str = ",",
    ) -> Self:
        r"""A table from a CSV file in UTF-8, whose first line names the columns; see `from_frame` for what they and the cells mean.

        Args:
            name: the policy's name.
            path: of the file.
            model: the model that the rules are about.
            outputs: the outputs, by name or as `Output` with the values that they may have.
            otherwise: what a case gets that no row covers, as for a table.
            owner: who answers for it.
            hit_policy: which of the rows that match count, as for a table.
            aggregation: of COLLECT, as for a table.
            strict: whether a table that `check` finds wrong is refused.
            delimiter: what stands between the cells.

        Raises:
            DefinitionError: naming file, line, column and cell; also as for a table.
            OSError: the file cannot be read.

        >>> import tempfile, pathlib
        >>> from pydantic import BaseModel
        >>> from abpo_sdk import DecisionTable
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> path = pathlib.Path(tempfile.mkdtemp(), "claims.csv")
        >>> _ = path.write_text("amount;decision;because\n<= 500;true;the claim is small\n")
        >>> claims = DecisionTable.from_csv("claims", path, Claim, outputs=["decision"], otherwise=False, delimiter=";")
        >>> claims.result(Claim(amount=3))
        True
        """
        from abpo_sdk.policies.sheets.reading import rules_of_sheet, sheet_of_csv

        declared = declared_outputs(name, outputs)
        made: Self = _maker(cls)(
            name,
            *rules_of_sheet(sheet_of_csv(path, delimiter), model, declared),
            otherwise=otherwise,
            owner=owner,
            hit_policy=hit_policy,
            aggregation=aggregation,
            strict=strict,
            outputs=declared,
            case_type=model,
        )
        return made

    def to_frame(self) -> pd.DataFrame:
        """The table as a frame of texts in FEEL, which `from_frame` reads as the same table.

        What is no test of one input is a column of its own, whose heading is the condition and whose cells are `true`.

        Raises:
            DefinitionError: something that FEEL cannot say; names the row.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk import DecisionTable, fields, rule
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
        >>> DecisionTable("claims", small, otherwise="refer").to_frame().to_dict("records")
        [{'amount': '<= 500', 'outcome': '"pay"', 'because': 'the claim is small'}]
        """
        from abpo_sdk.policies.sheets.writing import frame_of

        return frame_of(self._table)

    def to_csv(self, path: str | PathLike[str], *, delimiter: str = ",") -> None:
        """Write the table into a CSV file in UTF-8, which `from_csv` reads as the same table; see `to_frame`.

        Args:
            path: of the file.
            delimiter: what stands between the cells.

        Raises:
            DefinitionError: something that FEEL cannot say, or a reason that a spreadsheet would take for a formula.
            OSError: the file cannot be written.
        """
        from abpo_sdk.policies.sheets.writing import write_csv

        write_csv(self._table, path, delimiter)

    @classmethod
    def from_dmn(cls, file: str | Path, decision: str | None = None) -> Self:
        """The table of a decision in a file of DMN 1.3, 1.4 or 1.5, as a policy about what the decision requires.

        Args:
            file: a path; or a text of XML, which begins with "<".
            decision: the decision's name; None where the file has one table.

        Raises:
            DmnError: there is no such table, there are several and none was named, or something of it is not supported; names
                the file, the line, the rule, the column and the text.
            OSError: the file cannot be read.
        """
        from abpo_sdk.policies.dmn.single import read_table  # seldom asked

        return cast("Self", read_table(_maker(cls), file, decision))

    def to_dmn(self, path: str | Path | None = None, *, version: Literal["1.3", "1.4", "1.5"] = "1.3") -> str:
        """The table as a file of DMN, which `from_dmn` reads as the same table, and which modelers open.

        The inputs are the fields that the table reads. A part of a condition that asks something of one expression becomes a
        cell; any other becomes a column of its own with the cell `true`.

        Args:
            path: where to write it; None: nowhere.
            version: of DMN; dmn-js and Camunda's modeler open 1.3 alone.

        Returns:
            the text of the file.

        Raises:
            DmnError: something that DMN cannot say; names the rule and the construct.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk import DecisionTable, fields, rule
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
        >>> claims = DecisionTable("claims", small, otherwise="refer")
        >>> again = DecisionTable.from_dmn(claims.to_dmn())
        >>> again.version == claims.version, again.outcome({"amount": 700})
        (True, 'refer')
        """
        from abpo_sdk.policies.dmn.writing import save, table_as_dmn  # seldom asked

        return save(table_as_dmn(self._table, version), path)

    def trace(self, case: Any) -> Trace:
        """How the table comes to what it decides about a case: which rows match and count, and what keeps the others from it.

        Args:
            case: as for a call.

        Raises:
            MissingInput, MistypedInput: it is no case of the table's type. What else a call would raise stands in the trace.

        >>> from pydantic import BaseModel
        >>> from abpo_sdk import DecisionTable, fields, rule
        >>> class Claim(BaseModel):
        ...     amount: int
        >>> small = rule(fields(Claim).amount <= 500, then="pay", because="the claim is small")
        >>> print(DecisionTable("claims", small, otherwise="refer").trace(Claim(amount=742)))
        claims: refer, since no row matches
        row 1: amount 742, needs <= 500
        """
        from abpo_sdk.policies.trace import trace_of

        return trace_of(self._table, self._typed(case))

    def show(self, case: Any) -> Shown:
        """The table with a case: printed, or shown in a notebook, it marks the rows that match and the cells that do not.

        Args:
            case: as for `trace`.

        Raises:
            MissingInput, MistypedInput: as for `trace`.
        """
        from abpo_sdk.policies.showing import shown

        return shown(self._table, self._typed(case))

    def text(self) -> str:
        """The table as plain text, at most 100 columns wide."""
        from abpo_sdk.policies.showing import as_text

        return as_text(self._table)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from abpo_sdk.policies.showing import as_html

        return as_html(self._table)


def _maker(cls: type) -> Any:
    """The class of the table, to be called with what a table takes."""
    return cls
