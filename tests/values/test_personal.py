"""Personal marks: found wherever they lie, and refused where what they mark could not be sealed."""

import datetime as dt
import enum
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NewType, NotRequired, Optional, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, computed_field, model_serializer
from typing_extensions import TypeAliasType, TypedDict

from abpo_sdk.errors import DefinitionError, EncryptionError, MistypedInput
from abpo_sdk.values import Codec, Personal, PersonalValue
from abpo_sdk.values.traversal import holds_personal, personal_in

ACCOUNT = Personal("bank account", subject_field="owner")
SALARY = Personal("salary", subject_field="owner")


class Colour(enum.Enum):
    RED = "red"


class Party(BaseModel):
    owner: str | None = "acme"
    iban: Annotated[str, ACCOUNT] = "DE12"


@dataclass(frozen=True)
class Payee:
    owner: str
    iban: Annotated[str | None, ACCOUNT] = None


class Spellings(BaseModel):
    owner: str
    plain: Annotated[str, ACCOUNT]
    optional_outside: Annotated[Optional[str], ACCOUNT]  # noqa: UP045  the old spelling is a type of its own
    optional_inside: Optional[Annotated[str, ACCOUNT]]  # noqa: UP045
    union: Annotated[str, ACCOUNT] | None
    items: list[Annotated[str, ACCOUNT]]
    values: dict[str, Annotated[str, ACCOUNT]]
    whole: Annotated[list[str], ACCOUNT]
    checked: Annotated[str, Field(min_length=1), ACCOUNT]
    default: Annotated[str, ACCOUNT] = Field("x", alias="aka")
    number: Annotated[Decimal, SALARY] = Decimal(1)
    open: str = ""


class Root(RootModel[list[Party]]):
    pass


class Wide(BaseModel):
    model_config = ConfigDict(extra="allow")


class Outer(BaseModel):
    party: Party
    maybe: Party | None = None
    more: list[Party] = []
    by_name: dict[str, Payee] = {}
    anything: Any = None


def found(annotation, value):
    return {(*p.path, p.label, p.subject) for p in Codec(annotation, where="the thing").encode(value).personal}


def account(*path, subject="acme"):
    return (*path, "bank account", subject)


# Found


def test_a_mark_is_found_however_the_annotation_is_spelt():
    value = Spellings(
        owner="acme",
        plain="1",
        optional_outside="2",
        optional_inside="3",
        union="4",
        items=["5"],
        values={"a": "6"},
        whole=["7"],
        checked="8",
        aka="9",
    )
    names = set(Spellings.model_fields) - {"owner", "open", "number"}
    assert found(Spellings, value) == {*(account(name) for name in names), ("number", "salary", "acme")}


def test_a_personal_field_without_a_value_needs_no_seal_and_no_subject():
    assert found(Payee, Payee(owner="")) == set()
    assert found(Payee, Payee(owner="", iban=None)) == set()


@pytest.mark.parametrize(
    ("annotation", "value", "places"),
    [
        (Party, Party(), [()]),
        (Party | None, Party(), [()]),
        (list[Party], [Party(), Party()], [(0,), (1,)]),
        (tuple[int, Party], (1, Party()), [(1,)]),
        (deque[Party], deque([Party()]), [(0,)]),
        (dict[str, Party], {"a": Party()}, [("a",)]),
        (dict[int, Party], {1: Party()}, [("1",)]),
        (dict[dt.date, Party], {dt.date(2026, 1, 2): Party()}, [("2026-01-02",)]),
        (dict[dt.datetime, Party], {dt.datetime(2026, 1, 2, tzinfo=dt.UTC): Party()}, [("2026-01-02T00:00:00Z",)]),
        (dict[Colour, Party], {Colour.RED: Party()}, [("red",)]),
        (dict[bool, Party], {True: Party()}, [("true",)]),
        (dict[str, list[dict[str, Party]]], {"a": [{"b": Party()}]}, [("a", 0, "b")]),
        (Root, Root([Party()]), [(0,)]),
        (Outer, Outer(party=Party()), [("party",)]),
        (Outer, Outer(party=Party(), maybe=Party(), more=[Party()]), [("party",), ("maybe",), ("more", 0)]),
        (Outer, Outer(party=Party(), by_name={"x": Payee("acme", "DE1")}), [("party",), ("by_name", "x")]),
        (Outer, Outer(party=Party(), anything=[Party()]), [("party",), ("anything", 0)]),
        (Wide, Wide(more=Party()), [("more",)]),
        (Any, Party(), [()]),
        (dict[str, Any], {"case": Party()}, [("case",)]),
    ],
)
def test_a_mark_is_found_at_any_depth(annotation, value, places):
    assert found(annotation, value) == {account(*place, "iban") for place in places}


@given(
    st.recursive(
        st.builds(Party, iban=st.text(max_size=3)) | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
        max_leaves=12,
    )
)
def test_exactly_the_marked_places_are_found_and_each_leads_to_its_value(value):
    def places(node, path=()):
        if isinstance(node, Party):
            yield (*path, "iban"), node.iban
        for key, item in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            yield from places(item, (*path, key))

    encoded = Codec(Any, where="the thing").encode(value)
    assert [p.path for p in encoded.personal] == [path for path, _ in places(value)]
    for path, iban in places(value):
        node = encoded.tree
        for step in path:
            node = node[step]
        assert node == iban


def test_each_place_says_whose_it_is():
    encoded = Codec(list[Party], where="the thing").encode([Party(owner="a"), Party(owner="b")])
    assert encoded.personal == (
        PersonalValue((0, "iban"), "bank account", "a"),
        PersonalValue((1, "iban"), "bank account", "b"),
    )


def test_a_subject_that_is_no_text_is_written_as_one():
    class Account(BaseModel):
        owner: int
        iban: Annotated[str, ACCOUNT]

    assert found(Account, Account(owner=7, iban="x")) == {account("iban", subject="7")}


def test_a_marked_model_is_sealed_as_a_whole():
    class Firm(BaseModel):
        owner: str
        boss: Annotated[Party, Personal("the boss", subject_field="owner")]
        staff: Annotated[set[Payee], Personal("the staff", subject_field="owner")] = set()

    value = Firm(owner="f", boss=Party(), staff={Payee("b", "1"), Payee("a", "2")})
    assert found(Firm, value) == {("boss", "the boss", "f"), ("staff", "the staff", "f")}


def test_what_lies_inside_of_a_personal_field_is_checked_too(tmp_path):
    class Born(BaseModel):
        owner: str
        at: Annotated[dt.datetime, Personal("birth", subject_field="owner")]
        photo: Annotated[Path | None, Personal("photo", subject_field="owner")] = None

    with pytest.raises(MistypedInput, match="a time without a zone") as error:
        found(Born, Born(owner="a", at=dt.datetime(1970, 1, 2)))  # noqa: DTZ001  on purpose
    assert "1970" not in str(error.value)
    assert "at (personal, so not shown)" in str(error.value)
    value = Born(owner="a", at=dt.datetime(1970, 1, 2, tzinfo=dt.UTC), photo=tmp_path / "p")
    assert Codec(Born, where="the thing").encode(value).files == {str(tmp_path / "p"): None}


def test_a_computed_field_does_not_carry_a_personal_value_past_its_seal():
    class Shown(Party):
        @computed_field
        @property
        def text(self) -> str:
            return f"pays to {self.iban}"

    encoded = Codec(Shown, where="the thing").encode(Shown(iban="SECRET"))
    assert encoded.tree == {"owner": "acme", "iban": "SECRET"}


# Refused


@pytest.mark.parametrize("owner", ["", None])
def test_a_personal_field_without_a_subject_is_refused_and_its_value_kept_out_of_the_message(owner):
    with pytest.raises(EncryptionError, match="'iban' has no subject, because 'owner' is empty") as error:
        found(list[Party], [Party(owner=owner, iban="SECRET")])
    assert "SECRET" not in str(error.value)


def test_a_set_of_things_with_personal_fields_is_refused():
    with pytest.raises(
        EncryptionError, match="the thing: it is a set of things with personal fields; use a list or tuple"
    ):
        found(set[Payee], {Payee("a", "SECRET")})
    with pytest.raises(EncryptionError, match=r"the thing: a\.0 is a set"):
        found(dict[str, list[frozenset[Payee]]], {"a": [frozenset({Payee("a", "SECRET")})]})
    assert found(set[Payee], {Payee("a")}) == set()


class Reshaped(Party):
    @model_serializer
    def short(self) -> dict[str, str]:
        return {"account": self.iban}


class Hiding(BaseModel):
    owner: str
    iban: Annotated[str, ACCOUNT] = Field(exclude=True)


@pytest.mark.parametrize(
    "value", [Reshaped(iban="SECRET"), Hiding(owner="a", iban="SECRET")], ids=["reshaped", "excluded"]
)
def test_a_personal_field_that_is_not_where_its_model_says_is_refused(value):
    with pytest.raises(EncryptionError, match="'iban' is not where its model says") as error:
        found(type(value), value)
    assert "SECRET" not in str(error.value)


class Orphan(BaseModel):
    iban: Annotated[str, Personal("bank account", subject_field="nobody")]


class Holder(BaseModel):
    orphans: list[dict[str, Orphan | None]]


@pytest.mark.parametrize("annotation", [Orphan, list[Orphan], Holder, dict[str, Holder | None]])
def test_a_subject_field_that_the_model_does_not_have_is_refused_when_it_is_declared(annotation):
    with pytest.raises(
        DefinitionError, match=r"Orphan\.iban is personal, and its subject_field 'nobody' is no field of Orphan"
    ):
        Codec(annotation, where="the thing")


class Row(TypedDict):
    owner: str
    iban: NotRequired[Annotated[str, ACCOUNT]]


class Pair(NamedTuple):
    owner: str
    iban: Annotated[str, ACCOUNT]


class Table(BaseModel):
    rows: list[Row]


@pytest.mark.parametrize("annotation", [Row, Pair, list[Row], Table, Pair | None])
def test_marks_on_types_whose_values_do_not_show_it_are_refused_when_declared(annotation):
    with pytest.raises(DefinitionError, match="could not be encrypted; make it a pydantic model or a dataclass"):
        Codec(annotation, where="the thing")


class Tree(BaseModel):
    owner: str
    iban: Annotated[str, ACCOUNT]
    below: list["Tree"] = []


def test_a_model_that_holds_itself_is_searched_to_its_end():
    value = Tree(owner="a", iban="1", below=[Tree(owner="b", iban="2")])
    assert found(Tree, value) == {account("iban", subject="a"), account("below", 0, "iban", subject="b")}


# The mark itself


def test_the_mask_is_the_label_in_angle_brackets():
    assert ACCOUNT.mask == "<bank account>"


def test_a_mark_needs_its_subject_by_name():
    with pytest.raises(TypeError):
        Personal("bank account", "owner")
    with pytest.raises(TypeError):
        Personal("bank account")


@pytest.mark.parametrize(
    ("annotation", "mark"),
    [
        (str, None),
        (Annotated[str, "a note"], None),
        (Annotated[str, "a note", ACCOUNT], ACCOUNT),
        (Annotated[list[Annotated[str, SALARY]], ACCOUNT], ACCOUNT),
        (list[dict[str, Annotated[str, SALARY] | None]], SALARY),
        (Party, None),
    ],
)
def test_the_outermost_mark_of_an_annotation_counts(annotation, mark):
    assert personal_in(annotation) == mark


def test_whether_a_type_holds_something_personal_is_seen_through_models():
    assert holds_personal(Outer)
    assert holds_personal(list[Table] | None)
    assert not holds_personal(Wide)
    assert not holds_personal(dict[str, Any])


# other names for what is personal

MarkedIban = Annotated[str, Personal("bank account", subject_field="supplier")]
NewIban = NewType("NewIban", MarkedIban)
BoundIban = TypeVar("BoundIban", bound=MarkedIban)


class Renamed(BaseModel):
    supplier: str
    iban: NewIban


class Accounts(TypedDict):
    supplier: str
    iban: MarkedIban


NewAccounts = NewType("NewAccounts", Accounts)
AliasedAccounts = TypeAliasType("AliasedAccounts", Accounts)


@pytest.mark.parametrize("annotation", [MarkedIban, NewIban, BoundIban, TypeAliasType("AliasedIban", NewIban)], ids=str)
def test_a_mark_is_seen_behind_every_name_for_it(annotation):
    assert personal_in(annotation).label == "bank account"


def test_a_field_that_is_personal_by_another_name_is_sealed():
    encoded = Codec(Renamed, where="x").encode(Renamed(supplier="acme", iban=NewIban("DE89")))
    assert [(part.path, part.subject) for part in encoded.personal] == [(("iban",), "acme")]


@pytest.mark.parametrize("annotation", [Accounts, NewAccounts, AliasedAccounts, list[NewAccounts]], ids=str)
def test_a_typed_dictionary_with_personal_fields_is_refused_behind_every_name_for_it(annotation):
    with pytest.raises(DefinitionError, match="Accounts has personal fields"):
        Codec(annotation, where="x")
