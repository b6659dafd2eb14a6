from tests.runtime.conftest import clock, opened, path  # noqa: F401  # fixtures: several workers at one ledger
