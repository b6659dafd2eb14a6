import pytest

from abpo_sdk.auditors import BiasAuditor, GroupCounts


@pytest.fixture
def judge_selections():
    """Judges {group: (selected, n)}."""

    def judge(table, **settings):
        cells = {g: {"favourable": k, "unfavourable": n - k} for g, (k, n) in table.items()}
        return BiasAuditor(by=["group"], favourable="yes", **settings).judge(GroupCounts.from_cells(cells))

    return judge
