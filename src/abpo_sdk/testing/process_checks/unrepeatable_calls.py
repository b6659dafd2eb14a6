"""Which calls a replay would not repeat: by what is called, whatever its name is where it is called."""

from __future__ import annotations

import ast
import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

from abpo_sdk.testing.process_checks.findings import Kind
from abpo_sdk.testing.process_checks.name_resolution import OWN, Body, Thing


def _words(text: str) -> set[str]:
    return set(text.split())


CLOCKS = {"now", "utcnow", "today"}

NAMES: dict[Kind, dict[str, set[str]]] = {
    "clock": {
        "time": _words(
            "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns thread_time "
            "localtime gmtime ctime strftime"
        ),
        "datetime": CLOCKS,
        "pandas": CLOCKS,
        "arrow": CLOCKS,
        "pendulum": CLOCKS,
    },
    "randomness": {"uuid": {"uuid1", "uuid4", "uuid6", "uuid7"}, "os": {"urandom", "getrandom"}},
    "waiting": {root: {"sleep"} for root in ("time", "asyncio", "anyio", "trio", "gevent")},
    "environment": {
        "os": {"getenv", "getpid", "getppid", "getcwd", "getlogin", "cpu_count", "uname"},
        "socket": {"gethostname", "getfqdn"},
        "locale": {"getlocale", "localeconv"},
    },
    "input and output": {
        "builtins": {"open", "input"},
        "io": {"open", "open_code"},
        "os": _words(
            "access chmod chown link listdir lstat makedirs mkdir open popen read remove removedirs rename renames replace rmdir "
            "scandir startfile stat symlink system truncate unlink utime walk write"
        ),
        "posixpath": {"exists", "isdir", "isfile", "islink", "lexists", "realpath"},
        "ntpath": {"exists", "isdir", "isfile", "islink", "lexists", "realpath"},
        "genericpath": {"exists", "getatime", "getctime", "getmtime", "getsize", "isdir", "isfile", "samefile"},
        "pathlib": _words(
            "chmod cwd exists expanduser glob hardlink_to home is_dir is_file is_symlink iterdir lstat mkdir open owner "
            "read_bytes read_text rename replace resolve rglob rmdir samefile stat symlink_to touch unlink walk "
            "write_bytes write_text"
        ),
        "pandas": _words(
            "read_csv read_excel read_feather read_fwf read_html read_json read_orc read_parquet read_pickle read_sql read_sql_query "
            "read_sql_table read_table read_xml to_csv to_excel to_feather to_json to_parquet to_pickle to_sql"
        ),
        "numpy": {"fromfile", "genfromtxt", "load", "loadtxt", "save", "savetxt", "savez"},
    },
    "threads and tasks": {
        "threading": {"Thread", "Timer", "start_new_thread"},
        "asyncio": _words(
            "Task TaskGroup as_completed create_task ensure_future gather run run_coroutine_threadsafe shield timeout timeout_at "
            "to_thread wait wait_for"
        ),
        "anyio": {"create_task_group", "run", "run_sync"},
        "trio": {"open_nursery", "run"},
        "joblib": {"Parallel", "delayed"},
    },
    "identity": {"builtins": {"hash", "id"}},
}
"""Of each kind, the names that count, by the package that has them."""

PACKAGES: dict[Kind, set[str]] = {
    "randomness": {"random", "secrets"},
    "environment": {"platform"},
    "input and output": _words(
        "MySQLdb aiofiles aiohttp anthropic asyncpg boto3 botocore confluent_kafka cx_Oracle fileinput ftplib glob grpc httpx "
        "imaplib kafka openai oracledb paramiko pika playwright poplib psycopg psycopg2 pymongo pymssql pymysql pyodbc redis "
        "requests selenium shutil smtplib snowflake socket socketserver sqlalchemy sqlite3 subprocess telnetlib tempfile "
        "urllib3 webbrowser websockets"
    ),
    "threads and tasks": {"concurrent", "multiprocessing"},
}
"""Of each kind, the packages of which every call counts."""

PARTS: dict[Kind, tuple[str, ...]] = {
    "randomness": ("numpy.random.",),
    "input and output": ("http.client.", "urllib.request."),
}
"""Of each kind, what the dotted names begin with of which every call counts."""

OPTIONAL_MOMENT = {"localtime": 0, "gmtime": 0, "ctime": 0, "strftime": 1}
"""Functions that read the clock only where they are not given a moment, and at which place that is."""


def calls(body: Body) -> Iterator[tuple[Kind, ast.AST]]:
    """The calls in a body that a replay would not repeat, and what is read of the environment without a call."""
    for node in body.nodes():
        if isinstance(node, ast.Call):
            kind = _kind_of_call(body, node)
            if kind is not None:
                yield kind, node
            for given in (*node.args, *(keyword.value for keyword in node.keywords)):
                handed = _kind_of_handed(body, given)
                if handed is not None:
                    yield handed, given
        elif (
            isinstance(node, (ast.Attribute, ast.Name))
            and isinstance(node.ctx, ast.Load)
            and _reads_environment(body, node)
        ):
            yield "environment", node


def kind_of(thing: Thing) -> Kind | None:
    """The kind of what a call to a thing does; None where a replay repeats it, or nothing is known."""
    if thing.root == OWN:
        return "clock" if thing.path.endswith("SystemClock.now") else None
    if thing.of is not None and issubclass(thing.of, dt.date) and thing.last in CLOCKS:
        return "clock"
    if isinstance(thing.value, type) and issubclass(thing.value, BaseException):
        return None
    for kind, names in NAMES.items():
        if thing.last in names.get(thing.root, ()):
            return kind
    for kind, packages in PACKAGES.items():
        if thing.root in packages:
            return kind
    for kind, beginnings in PARTS.items():
        if thing.path.startswith(beginnings):
            return kind
    return None


def _kind_of_call(body: Body, node: ast.Call) -> Kind | None:
    if isinstance(node.func, ast.Attribute) and node.func.attr == "run_in_executor":
        return "threads and tasks"
    thing = body.thing(node.func)
    if thing is None or _is_seeded(thing, node) or _is_of_a_seeded(body, node):
        return None
    if thing.root == "time" and len(node.args) > OPTIONAL_MOMENT.get(thing.last, len(node.args)):
        return None
    return kind_of(thing)


def _kind_of_handed(body: Body, node: ast.AST) -> Kind | None:
    """The kind of a function that is handed on, to be called by others."""
    if not isinstance(node, (ast.Name, ast.Attribute)):
        return None
    thing = body.thing(node)
    if thing is None or thing.instance or isinstance(thing.value, type) or not callable(thing.value):
        return None
    kind: Kind | None = kind_of(thing)
    return kind


def _is_seeded(thing: Thing, node: ast.Call) -> bool:
    """Whether a generator of random numbers is made of a seed, so that it gives the same ones in each replay."""
    kind: Any = thing.value
    seeded = isinstance(kind, type) and issubclass(kind, random.Random) and not issubclass(kind, random.SystemRandom)
    return bool(node.args or node.keywords) and (seeded or thing.path.endswith(("random.default_rng", "default_rng")))


def _is_of_a_seeded(body: Body, node: ast.Call) -> bool:
    """Whether it is a method of such a generator that was made just there."""
    made = node.func.value if isinstance(node.func, ast.Attribute) else None
    thing = body.thing(made.func) if isinstance(made, ast.Call) else None
    return isinstance(made, ast.Call) and thing is not None and _is_seeded(thing, made)


def _reads_environment(body: Body, node: ast.Attribute | ast.Name) -> bool:
    thing = body.thing(node)
    return thing is not None and (
        thing.path in ("os.environ", "os.environb", "os._Environ", "sys.argv")
        and (thing.instance or isinstance(node, ast.Attribute))
    )
