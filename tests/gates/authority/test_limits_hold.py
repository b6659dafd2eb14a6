"""Whatever is asked, in whichever order: what was approved stays within every limit, over every window. The oracle adds up all of them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from abpo_sdk.gates.authority.limit import Limit
from abpo_sdk.gates.authority.limits import Limits
from abpo_sdk.values.clock import from_text
from tests.gates.authority.spent_rows import Approvals, spend

DAY = timedelta(days=1)
ZONES = ["UTC", "Europe/Berlin", "America/Havana"]
CASE = {"controller": 50, "cfo": 120}

NIGHTS = [datetime(2024, 3, 30, 12, tzinfo=UTC), datetime(2024, 11, 2, 18, tzinfo=UTC)]
"""Before the nights in which the clocks of Berlin go forward and those of Havana go back."""

moments = st.sampled_from([NIGHTS[0] + timedelta(hours=hours) for hours in range(0, 60, 3)]) | st.sampled_from(
    [NIGHTS[1] + timedelta(minutes=minutes) for minutes in (0, 599, 600, 630, 660, 1440, 2100, 2160)]
)
over_time = st.builds(
    Limit,
    st.sampled_from(sorted(CASE)),
    st.integers(20, 90),
    st.just("EUR"),
    per=st.sampled_from([timedelta(hours=6), DAY]),
    kind=st.sampled_from([None, "invoice"]),
    across=st.sampled_from([("person",), ("counterparty",), ("role",), ("person", "counterparty")]),
    count=st.sampled_from([None, 1, 2]),
) | st.builds(
    Limit,
    st.sampled_from(sorted(CASE)),
    st.integers(20, 90),
    st.just("EUR"),
    per=st.sampled_from(["day", "week", "month"]),
    zone=st.sampled_from(ZONES),
    across=st.sampled_from([("person",), ("counterparty",), ("role",), ("person", "counterparty")]),
    count=st.sampled_from([None, 1, 2]),
)
asked = st.tuples(
    st.builds(
        spend,
        st.integers(0, 40),
        st.sampled_from(["EUR", "EUR", "USD"]),
        kind=st.sampled_from(["invoice", "refund"]),
        counterparty=st.sampled_from(["acme", "bolt"]),
        linked=st.sampled_from([None, "1", "2", "3", "4", "5"]),
        within=st.just(DAY),
    ),
    st.sampled_from(["maria@acme", "otto@acme"]),
    st.sampled_from(sorted(CASE)),
    moments,
)


def local_period(limit, moment):
    """The day, week or month that a person would read off a clock and a calendar on the wall."""
    local = moment.astimezone(ZoneInfo(limit.zone))
    return {"day": local.date(), "week": local.isocalendar()[:2], "month": (local.year, local.month)}[limit.per]


def windows(limit, rows):
    """Every window of a limit that holds a row."""
    if isinstance(limit.per, str):
        for period in {local_period(limit, from_text(row.at)) for row in rows}:
            yield [row for row in rows if local_period(limit, from_text(row.at)) == period]
    else:
        yield from sliding(rows, limit.per)


def sliding(rows, length):
    for last in rows:
        end = from_text(last.at)
        yield [row for row in rows if end - length < from_text(row.at) <= end]


def groups(rows, keys):
    for key in {tuple(getattr(row, k) for k in keys) for row in rows}:
        yield [row for row in rows if tuple(getattr(row, k) for k in keys) == key]


@settings(max_examples=200)
@given(st.lists(over_time, min_size=1, max_size=3), st.lists(asked, min_size=3, max_size=25))
def test_no_window_ever_holds_more_than_its_limit(limits, approvals_asked):
    cases = [Limit(role, most, "EUR") for role, most in CASE.items()]
    approvals = Approvals(Limits(*cases, *limits))
    for what, person, role, at in approvals_asked:
        approvals.approve(what, person=person, role=role, at=at)
    assert all(row.currency == "EUR" and row.amount <= 100 * CASE[row.role] for row in approvals.rows)
    for limit in limits:
        counted = [row for row in approvals.rows if row.role == limit.role and limit.kind in (None, row.kind)]
        for group in groups(counted, limit.across):
            for window in windows(limit, group):
                assert sum(row.amount for row in window) <= 100 * limit.amount
                assert limit.count is None or len(window) <= limit.count
    clusters = list(groups([r for r in approvals.rows if r.linked], ["linked"]))
    for cluster in clusters:
        for window in sliding(cluster, DAY):
            assert sum(row.amount for row in window) <= 100 * max(CASE[row.role] for row in window)


@settings(max_examples=200)
@given(
    st.sampled_from(
        [("day", zone) for zone in ZONES] + [("week", "Europe/Berlin"), (timedelta(hours=6), "UTC"), (DAY, "UTC")]
    ),
    st.sampled_from(NIGHTS),
    st.lists(st.tuples(st.sampled_from([15, 25]), st.integers(0, 96)), min_size=8, max_size=40),
)
def test_one_limit_over_time_holds_over_every_window_and_refuses_nothing_that_all_of_them_allow(time, night, halves):
    per, zone = time
    limit = Limit("controller", 40, "EUR", per=per, zone=zone)
    approvals = Approvals(Limits(Limit("controller", 40, "EUR"), limit))
    for amount, half in sorted(halves, key=lambda pair: pair[1]):  # as a clock goes
        at = night + timedelta(minutes=30 * half)
        before = list(approvals.rows)
        approved = approvals.approve(spend(amount), at=at)
        if not approved:
            approvals.add(spend(amount), at=at)
        assert approved is all(
            sum(row.amount for row in window) <= 40 * 100 for window in windows(limit, approvals.rows)
        )
        if not approved:
            approvals.rows = before


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=8),
    st.lists(st.sampled_from(["maria@acme", "otto@acme"]), min_size=8, max_size=8),
    st.lists(st.integers(0, 47), min_size=8, max_size=8),
    st.permutations(range(8)),
)
def test_an_amount_in_parts_never_gets_more_approved_than_the_whole_would(parts, people, hours, order):
    def part(amount):
        return spend(amount, counterparty="acme", linked="4711", within=timedelta(days=2))

    whole = Approvals(Limits(Limit("controller", 100, "EUR"))).consult(part(sum(parts))).allowed
    approvals = Approvals(Limits(Limit("controller", 100, "EUR")))
    start = datetime(2026, 3, 28, tzinfo=UTC)
    given_way = [
        approvals.approve(part(parts[n]), person=people[n], at=start + timedelta(hours=hours[n]))
        for n in order
        if n < len(parts)
    ]
    assert all(given_way) is whole
    assert sum(row.amount for row in approvals.rows) <= 100 * 100


@given(st.lists(asked, max_size=12), asked)
def test_what_is_in_force_beside_never_widens_what_may_be_approved(before, last):
    narrow = Limit("controller", 60, "EUR", per="day", across=("role",))
    cases = [Limit(role, most, "EUR") for role, most in CASE.items()]
    approvals = Approvals(Limits(*cases))
    for what, person, role, at in before:
        approvals.approve(what, person=person, role=role, at=at)
    what, person, role, at = last
    plain = approvals.consult(what, person=person, role=role, at=at)
    approvals.limits = Limits(*cases, narrow)
    assert plain.allowed or not approvals.consult(what, person=person, role=role, at=at).allowed
