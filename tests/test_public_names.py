"""The core words: exported, loaded on first use, and the same things as in their rooms."""

import importlib
import subprocess
import sys

import pytest

import abpo_sdk


@pytest.mark.parametrize("name", abpo_sdk.__all__)
def test_an_exported_name_is_the_thing_of_that_name_in_its_room(name):
    value = getattr(abpo_sdk, name)
    room = importlib.import_module(f"abpo_sdk.{abpo_sdk._ROOM_OF[name]}")
    assert value is getattr(room, name)
    assert name in room.__all__
    assert getattr(value, "__name__", name) == name or name == "Wired"


def test_a_room_is_named_for_every_exported_name_and_for_no_other():
    assert sorted(abpo_sdk._ROOM_OF) == sorted(abpo_sdk.__all__)


def test_the_exported_names_are_sorted_and_each_stands_once():
    assert list(abpo_sdk.__all__) == sorted(set(abpo_sdk.__all__), key=lambda name: (not name.isupper(), name))


def test_dir_shows_every_exported_name():
    assert set(abpo_sdk.__all__) <= set(dir(abpo_sdk))


def test_an_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="module 'abpo_sdk' has no attribute 'DecisionTabel'"):
        _ = abpo_sdk.DecisionTabel


def test_a_star_import_gives_every_exported_name():
    names = {}
    exec("from abpo_sdk import *", names)
    assert set(abpo_sdk.__all__) <= set(names)


def test_importing_the_package_loads_no_room_and_the_first_use_of_a_name_loads_its_own():
    script = (
        "import sys, abpo_sdk\n"
        "assert not [m for m in sys.modules if m.startswith('abpo_sdk.') and m != 'abpo_sdk.lazy_words']\n"
        "assert set(abpo_sdk.__all__) <= set(dir(abpo_sdk))\n"
        "abpo_sdk.fields\n"
        "assert 'abpo_sdk.conditions' in sys.modules and 'abpo_sdk.runtime' not in sys.modules\n"
        "assert 'fields' in vars(abpo_sdk)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "room", ["conditions", "errors", "gates", "ledger", "lineage", "policies", "runtime", "steps", "values"]
)
def test_every_name_that_a_room_exports_exists_in_it(room):
    module = importlib.import_module(f"abpo_sdk.{room}")
    assert list(module.__all__) == sorted(
        set(module.__all__), key=lambda name: (not name.isupper(), name[0].islower(), name)
    )
    assert not [name for name in module.__all__ if not hasattr(module, name)]
