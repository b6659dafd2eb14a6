"""Codecs: what goes in comes back equal, always as the same tree; what would be lost is refused."""

import datetime as dt
import enum
import json
import math
import os
import subprocess
import sys
import textwrap
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple, Optional
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    RootModel,
    StringConstraints,
    computed_field,
    field_serializer,
)
from typing_extensions import TypedDict

from abpo_sdk.errors import DefinitionError, LossyRoundTrip, MistypedInput, NotCanonical
from abpo_sdk.values import Codec
from abpo_sdk.values.encoded import Encoded, PersonalValue, file_digest

UTC = dt.UTC
BERLIN = ZoneInfo("Europe/Berlin")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Line(BaseModel):
    net: Decimal
    tags: frozenset[str] = frozenset()


@dataclass
class Party:
    name: str
    since: dt.date | None = None
    levels: dict[Level, set[int]] = field(default_factory=dict)


class Address(TypedDict):
    city: str
    at: dt.datetime


class Invoice(BaseModel):
    number: str
    total: Decimal
    day: dt.date
    received: dt.datetime
    due_in: dt.timedelta
    colour: Colour
    lines: list[Line]
    codes: set[str]
    party: Party
    status: Literal["open", "paid"]
    note: str | None = None
    by_colour: dict[Colour, set[str]] = {}
    address: Optional[Address] = None  # noqa: UP045  the old spelling is a type of its own
    share: float = 0.0
    id: UUID = UUID(int=7)


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    total: Decimal
    at: dt.datetime
    wait: dt.timedelta
    pair: tuple[int, str]
    codes: frozenset[int]
    colour: Colour


class Aliased(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True)

    total: Decimal = Field(alias="grandTotal")
    lines: list[Line] = Field(validation_alias="positions", serialization_alias="rows")


class Codes(RootModel[dict[str, set[int]]]):
    pass


class Pair(NamedTuple):
    name: str
    amount: Decimal


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    number: str


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12)
zones = st.sampled_from([UTC, BERLIN, ZoneInfo("America/St_Johns"), dt.timezone(dt.timedelta(hours=5, minutes=45))])
moments = st.datetimes(min_value=dt.datetime(1950, 1, 1), timezones=zones).filter(  # noqa: DTZ001  the zone is added
    lambda moment: moment == moment.astimezone(UTC)  # not so in hours that a clock skips or repeats
)
floats = st.floats(allow_nan=False, allow_infinity=False)
lines = st.builds(Line, net=decimals, tags=st.frozensets(texts, max_size=4))
levels = st.dictionaries(st.sampled_from(Level), st.sets(st.integers(), max_size=4), max_size=2)
parties = st.builds(Party, name=texts, since=st.none() | st.dates(), levels=levels)
addresses = st.fixed_dictionaries({"city": texts, "at": moments})
invoices = st.builds(
    Invoice,
    number=texts,
    total=decimals,
    received=moments,
    due_in=st.timedeltas(),
    lines=st.lists(lines, max_size=3),
    codes=st.sets(texts, max_size=6),
    party=parties,
    note=st.none() | texts,
    by_colour=st.dictionaries(st.sampled_from(Colour), st.sets(texts, max_size=4), max_size=2),
    address=st.none() | addresses,
    share=floats,
    id=st.uuids(),
)
stricts = st.builds(
    Strict,
    total=decimals,
    at=moments,
    wait=st.timedeltas(),
    pair=st.tuples(st.integers(), texts),
    colour=st.sampled_from(Colour),
)
aliased = st.builds(
    lambda total, rows: Aliased(grandTotal=total, positions=rows), decimals, st.lists(lines, max_size=2)
)

ANY = st.one_of(
    st.tuples(st.just(Invoice), invoices),
    st.tuples(st.just(Strict), stricts),
    st.tuples(st.just(Aliased), aliased),
    st.tuples(st.just(Party), parties),
    st.tuples(st.just(Address), addresses),
    st.tuples(st.just(Codes), st.dictionaries(texts, st.sets(st.integers(), max_size=5), max_size=3).map(Codes)),
    st.tuples(st.just(Pair), st.builds(Pair, name=texts, amount=decimals)),
    st.tuples(st.just(Open), st.builds(Open, number=texts, more=st.integers() | texts)),
    st.tuples(st.just(set[frozenset[str]]), st.sets(st.frozensets(texts, max_size=3), max_size=4)),
    st.tuples(st.just(set[tuple[str, frozenset[int]]]), st.sets(st.tuples(texts, st.frozensets(st.integers())), max_size=3)),
    st.tuples(st.just(list[Invoice | Party]), st.lists(invoices | parties, max_size=2)),
    st.tuples(st.just(dict[dt.date, list[Decimal | None]]), st.dictionaries(st.dates(), st.lists(st.none() | decimals), max_size=3)),
    st.tuples(st.just(deque[dt.datetime]), st.lists(moments, max_size=3).map(deque)),
    st.tuples(st.just(dt.timedelta | None), st.none() | st.timedeltas()),
    st.tuples(st.just(int | str), st.integers() | texts),
    st.tuples(st.just(Any), st.recursive(st.none() | st.booleans() | st.integers() | texts | floats, lambda s: st.lists(s, max_size=3) | st.dictionaries(texts, s, max_size=3), max_leaves=8)),
)  # fmt: skip


def codec(annotation):
    return Codec(annotation, where="the thing")


# What comes back


@settings(max_examples=250, deadline=None)
@given(ANY)
def test_what_comes_back_is_equal_and_of_the_same_type(typed):
    annotation, value = typed
    encoded, back = codec(annotation).round_trip(value)
    assert type(back) is type(value) or (annotation is Any and back == value)  # JSON has one kind of number: 1.0 is 1
    assert back == value
    assert codec(annotation).decode(json.loads(json.dumps(encoded.tree))) == back


@settings(max_examples=100, deadline=None)
@given(ANY)
def test_what_came_back_has_the_same_tree_as_what_went_in_up_to_the_spelling_of_zones(typed):
    annotation, value = typed
    first, back = codec(annotation).round_trip(value)
    second, again = codec(annotation).round_trip(back)
    assert second.tree == first.tree
    assert again == back


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, unique=True, max_size=8), st.randoms())
def test_equal_sets_have_one_tree_however_they_were_filled(items, random):
    shuffled = list(items)
    random.shuffle(shuffled)
    one, other = codec(set[str]).encode(set(items)), codec(set[str]).encode(set(shuffled))
    assert one.tree == other.tree
    assert sorted(one.tree) == sorted(items)


def test_sets_at_every_depth_have_the_same_order_under_every_hash_seed():
    script = textwrap.dedent(
        """
        import enum, json
        from dataclasses import dataclass
        from typing import Annotated
        from pydantic import BaseModel
        from abpo_sdk.values import Codec, Personal

        class Colour(enum.Enum):
            RED = "red"
            BLUE = "blue"

        @dataclass(frozen=True)
        class Item:
            name: str
            tags: frozenset[str]

        class Case(BaseModel):
            who: str
            codes: set[str]
            nested: set[frozenset[str]]
            pairs: set[tuple[str, frozenset[str]]]
            items: set[Item]
            by_colour: dict[Colour, set[str]]
            held: list[dict[str, set[str]]]
            secret: Annotated[set[str], Personal("secrets", subject_field="who")]

        words = ["one", "two", "three", "four", "five", "six", "seven"]
        case = Case(
            who="w", codes=set(words), nested={frozenset(words[n:]) for n in range(5)},
            pairs={(w, frozenset(words)) for w in words}, items={Item(w, frozenset(words)) for w in words},
            by_colour={Colour.RED: set(words)}, held=[{"a": set(words)}], secret=set(words),
        )
        encoded, back = Codec(Case, where="it").round_trip(case)
        assert back == case
        print(json.dumps(encoded.tree))
        """
    )
    trees = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(trees) == 1
    assert json.loads(trees.pop())["codes"] == sorted(["one", "two", "three", "four", "five", "six", "seven"])


def test_trees_hold_decimals_times_and_durations_as_text():
    value = {"a": Decimal("1.10"), "b": Decimal("-0.00")}
    assert codec(dict[str, Decimal]).encode(value).tree == {"a": "1.10", "b": "-0.00"}
    assert codec(dt.datetime).encode(dt.datetime(2026, 3, 1, 12, tzinfo=UTC)).tree == "2026-03-01T12:00:00Z"
    assert codec(dt.timedelta).encode(dt.timedelta(hours=8)).tree == "PT8H"
    assert codec(Colour).encode(Colour.RED).tree == "red"


def test_the_tree_uses_the_names_of_the_fields_and_not_their_aliases():
    value = Aliased(grandTotal=Decimal("12.00"), positions=[])
    assert codec(Aliased).encode(value).tree == {"total": "12.00", "lines": []}


@pytest.mark.parametrize(
    "moment",
    [
        dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
        dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
        dt.datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN),
    ],
    ids=["first", "second", "skipped"],
)
def test_a_time_that_a_clock_repeats_or_skips_comes_back_as_the_same_moment(moment):
    _, back = codec(list[dict[str, dt.datetime]]).round_trip([{"at": moment}])
    assert back[0]["at"].timestamp() == moment.timestamp()
    _, address = codec(Address).round_trip({"city": "Berlin", "at": moment})
    assert address["at"].timestamp() == moment.timestamp()
    _, held = codec(Strict).round_trip(strict := strict_at(moment))
    assert held.at.timestamp() == strict.at.timestamp()


def strict_at(moment):
    codes = frozenset({1, 2})
    return Strict(total=Decimal(1), at=moment, wait=dt.timedelta(1), pair=(1, "a"), codes=codes, colour=Colour.RED)


def test_computed_fields_are_not_stored():
    class Sum(BaseModel):
        model_config = ConfigDict(extra="forbid")

        a: int

        @computed_field
        @property
        def twice(self) -> int:
            return self.a * 2

    encoded, back = codec(Sum).round_trip(Sum(a=2))
    assert encoded.tree == {"a": 2}
    assert back.twice == 4


def test_fields_whose_annotations_carry_unhashable_marks_are_fine():
    class Marked(BaseModel):
        names: list[Annotated[str, {"max": 3}]]

    assert codec(Marked).round_trip(Marked(names=["a"]))[1] == Marked(names=["a"])


def test_none_is_a_value_of_an_optional_type():
    assert codec(Line | None).round_trip(None)[1] is None


# Files


def test_a_path_stands_with_the_digest_of_its_content(tmp_path):
    here, absent = tmp_path / "a.txt", tmp_path / "b.txt"
    here.write_text("abc")
    encoded = codec(dict[str, list[Path]]).encode({"files": [here, absent, tmp_path]})
    assert encoded.tree == {"files": [str(here), str(absent), str(tmp_path)]}
    assert encoded.files == {
        str(here): "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        str(absent): None,
        str(tmp_path): None,
    }
    here.write_text("abd")
    assert codec(Path).encode(here).files != {str(here): encoded.files[str(here)]}


def test_paths_in_keys_sets_and_pure_paths_are_found_too(tmp_path):
    assert set(codec(dict[Path, int]).encode({tmp_path / "a": 1}).files) == {str(tmp_path / "a")}
    assert set(codec(set[Path]).encode({tmp_path / "a"}).files) == {str(tmp_path / "a")}
    assert set(codec(PurePosixPath).encode(PurePosixPath("/a/b")).files) == {"/a/b"}


def test_a_value_without_files_names_none():
    assert codec(str).encode("/etc/hostname").files is None


def test_another_way_to_take_digests_can_be_given(tmp_path):
    assert codec(Path).encode(tmp_path / "a", digest=lambda path: path.name).files == {str(tmp_path / "a"): "a"}


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    blocked = tmp_path / "file" / "below"
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(MistypedInput, match="below' cannot be read"):
        file_digest(blocked)


# What would be lost


class Base(BaseModel):
    x: Any = None


class Derived(Base):
    y: int = 1


@dataclass
class Plain:
    n: int = 0
    x: float = 0.0
    d: Decimal = Decimal(0)
    day: dt.date = dt.date(2026, 1, 1)
    anything: Any = None
    items: list[int] = field(default_factory=list)


class Private(BaseModel):
    x: int
    _seen: int = PrivateAttr(default=0)


class Excluding(BaseModel):
    x: int
    y: int = Field(default=0, exclude=True)


class Rounding(BaseModel):
    total: Decimal

    @field_serializer("total")
    def short(self, value: Decimal) -> str:
        return str(round(value))


def private(seen):
    value = Private(x=1)
    value._seen = seen
    return value


class Numbers(RootModel[list[int]]):
    pass


LOSSY = {
    "a decimal under Any": (Any, Decimal("1.1")),
    "a decimal in a list of Any": (list, [Decimal("1.1")]),
    "a decimal in a field of Any": (Base, Base(x=Decimal(1))),
    "a time under Any": (Any, dt.datetime(2026, 1, 1, tzinfo=UTC)),
    "a tuple under Any": (Any, (1, 2)),
    "a set under Any": (Any, {1}),
    "a model under Any": (Any, Base()),
    "number keys under Any": (dict, {1: "a"}),
    "a subclass where the base is declared": (Base, Derived()),
    "a subclass in a list of the base": (list[Base], [Derived()]),
    "a private attribute": (Private, private(3)),
    "an excluded field": (Excluding, Excluding(x=1, y=2)),
    "a serialiser that rounds": (Rounding, Rounding(total=Decimal("1.5"))),
    "True for an integer": (int, True),
    "True for a float": (float, True),
    "True for a decimal": (Decimal, True),
    "True in a list of integers": (list[int], [True]),
    "True in a set of integers": (set[int], {True}),
    "True in a mapping of numbers": (dict[str, float], {"a": False}),
    "True in a root model": (Numbers, Numbers.model_construct([True])),
    "True in a dataclass": (Plain, Plain(n=True)),
    "True in a list of a dataclass": (Plain, Plain(items=[1, True])),
    "True in an unvalidated model": (Line, Line.model_construct(net=Decimal(1), tags=[True])),
    "an integer for a truth value": (bool, 1),
    "a float for a decimal": (Plain, Plain(d=0.5)),
    "a time for a date": (Plain, Plain(day=dt.datetime(2026, 1, 1, tzinfo=UTC))),
    "another type": (int, "1"),
    "another model": (Line, Base()),
    "NaN": (float, math.nan),
    "NaN in a list": (list[float], [1.0, math.nan]),
    "NaN under Any": (Any, math.nan),
    "NaN in a dataclass": (Plain, Plain(x=math.nan)),
    "infinity": (float, math.inf),
    "infinity in a mapping": (dict[str, float], {"a": -math.inf}),
    "infinity in a dataclass": (Plain, Plain(x=math.inf)),
    "infinity under Any": (Any, math.inf),
    "a decimal NaN": (Decimal, Decimal("NaN")),
    "a decimal infinity": (Decimal, Decimal("-Infinity")),
    "bytes that are no text": (bytes, b"\xff"),
    "half a surrogate pair": (str, "\ud800"),
    "an offset with seconds": (dt.datetime, dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(seconds=90)))),
}


@pytest.mark.parametrize(("annotation", "value"), LOSSY.values(), ids=LOSSY.keys())
def test_a_lossy_round_trip_is_refused_and_says_what_it_belongs_to(annotation, value):
    with pytest.raises(LossyRoundTrip, match="the thing: "):
        codec(annotation).round_trip(value)


def test_the_refusal_names_the_field_and_the_types():
    with pytest.raises(LossyRoundTrip, match="field 'x' of Base"):
        codec(Base).round_trip(Base(x=Decimal(1)))
    with pytest.raises(LossyRoundTrip, match="field 'n' of Plain"):
        codec(Plain).round_trip(Plain(n=True))
    with pytest.raises(LossyRoundTrip, match="a Derived comes back as a Base"):
        codec(Base).round_trip(Derived())
    with pytest.raises(LossyRoundTrip, match="a str was given where int is declared"):
        codec(int).round_trip("1")
    with pytest.raises(LossyRoundTrip, match=r"field '\[1\]\.n' of list: a bool comes back as a int"):
        codec(list[Plain]).round_trip([Plain(n=1), Plain(n=True)])


@pytest.mark.parametrize(
    ("annotation", "value", "words"),
    [
        (dict[str, Any], {"ada@example.com": math.nan}, r"field '\[\.\.\.\]' of dict: nan is no number"),
        (list[Any], [1.0, math.inf], r"field '\[1\]' of list: inf is no number"),
    ],
    ids=str,
)
def test_a_number_that_is_none_is_named_with_its_place_and_without_keys(annotation, value, words):
    with pytest.raises(LossyRoundTrip, match=words) as error:
        codec(annotation).round_trip(value)
    assert "ada" not in str(error.value)


def test_a_model_that_lacks_a_field_is_named_with_the_field():
    class Bill(BaseModel):
        number: str
        lines: list[Base]

    with pytest.raises(LossyRoundTrip, match="a Bill without its field 'lines' was given"):
        codec(Bill).round_trip(Bill.model_construct(number="7"))


def test_what_is_as_good_as_its_default_is_not_lossy():
    assert codec(Private).round_trip(private(0))[1] == private(0)
    assert codec(Excluding).round_trip(Excluding(x=1))[1] == Excluding(x=1)
    assert codec(list[bool]).round_trip([True, False])[1] == [True, False]


def test_a_value_whose_comparison_fails_is_refused():
    @dataclass(eq=False)
    class Odd:
        x: int

        def __eq__(self, other):
            raise RuntimeError("no")

        __hash__ = None

    with pytest.raises(LossyRoundTrip, match="compares unequal"):
        codec(Odd).round_trip(Odd(1))


def test_what_was_stored_otherwise_is_refused_without_its_value():
    with pytest.raises(LossyRoundTrip, match=r"the thing: what was stored is no Line: net") as error:
        codec(Line).decode({"net": "4711x"})
    assert "4711" not in str(error.value)


# Times without a zone

NAIVE = dt.datetime(2026, 1, 1)  # noqa: DTZ001  a time without a zone on purpose


@dataclass
class Held:
    anything: Any


@pytest.mark.parametrize(
    ("annotation", "value", "place"),
    [
        (dt.datetime, NAIVE, "it"),
        (Any, NAIVE, "it"),
        (dt.datetime | None, NAIVE, "it"),
        (list[dt.datetime], [NAIVE], "0"),
        (tuple[int, dt.datetime], (1, NAIVE), "1"),
        (deque[dt.datetime], deque([NAIVE]), "0"),
        (set[dt.datetime], {NAIVE}, "0"),
        (dict[str, list[dt.datetime]], {"a": [NAIVE]}, "a.0"),
        (dict[dt.datetime, int], {NAIVE: 1}, "it"),
        (Address, {"city": "Berlin", "at": NAIVE}, "at"),
        (list[Address], [{"city": "Berlin", "at": NAIVE}], "0.at"),
        (Held, Held([{"b": NAIVE}]), "anything.0.b"),
        (Open, Open(number="1", more=NAIVE), "more"),
        (RootModel[list[dt.datetime]], RootModel[list[dt.datetime]]([NAIVE]), "0"),
    ],
)
def test_a_time_without_a_zone_is_refused_at_any_depth_and_its_place_named(annotation, value, place):
    with pytest.raises(MistypedInput, match=f"the thing: {place} is 2026-01-01T00:00:00, a time without a zone"):
        codec(annotation).encode(value)


# Types


class Unfinished(BaseModel):
    later: "NoSuchName"  # noqa: F821  on purpose


@pytest.mark.parametrize("annotation", [type("Opaque", (), {}), "NoSuchName", list[Unfinished], Unfinished])
def test_a_type_that_cannot_be_stored_is_refused_when_it_is_declared(annotation):
    with pytest.raises(DefinitionError, match="the thing: "):
        codec(annotation)


def test_a_callable_is_told_to_become_wiring():
    from collections.abc import Callable

    with pytest.raises(DefinitionError, match=r"a callable cannot be stored; make it wiring by putting it after `\*`"):
        codec(Callable[[], None])


def test_personal_places_are_seen_from_further_out():
    encoded = Encoded({"iban": "x"}, (PersonalValue(("iban",), "bank account", "acme"),))
    assert encoded.within("case", 0) == (PersonalValue(("case", 0, "iban"), "bank account", "acme"),)


# plain JSON, which goes a shorter way

plain_or_not = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**54), 2**54)
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.decimals(allow_nan=False)
    | st.builds(PurePosixPath, st.just("a.txt")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 3), inner, max_size=3)
    ),
    max_leaves=8,
)


def attempted(codec, value):
    try:
        encoded, back = codec.round_trip(value)
        return encoded.json, encoded.tree, encoded.files, repr(back)
    except (LossyRoundTrip, NotCanonical) as error:
        return type(error)


@pytest.mark.parametrize("annotation", [Any, dict[str, Any], dict, list[Any], list, str, int, bool], ids=str)
@given(value=plain_or_not)
@settings(max_examples=150, deadline=None)
def test_plain_json_is_encoded_as_it_is_by_the_longer_way(annotation, value):
    longer = Annotated[annotation, AfterValidator(lambda value: value)]
    assert attempted(Codec(annotation, where="x"), value) == attempted(Codec(longer, where="x"), value)


def test_what_a_type_adds_to_plain_json_is_not_passed_over():
    trimmed = Annotated[str, StringConstraints(strip_whitespace=True)]
    for annotation, value in (
        (trimmed, " a "),
        (dict[trimmed, Any], {" a ": 1}),
        (Annotated[list[Any], Field(max_length=1)], [1, 2]),
        (Annotated[dict[str, Any], PlainSerializer(lambda _: {})], {"a": 1}),
    ):
        with pytest.raises(LossyRoundTrip):
            Codec(annotation, where="x").round_trip(value)


def test_a_value_that_was_read_from_its_json_has_a_tree_of_its_own():
    value = {"lines": [1]}
    encoded = Codec(dict[str, Any], where="x").encode(value)
    value["lines"].append(2)
    assert (encoded.tree, encoded.json) == ({"lines": [1]}, b'{"lines":[1]}')
