"""Code that is not ours: whatever it does ends in a verdict, soon, and nothing of it is left."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from derivs.errors import DerivsError
from derivs.testing import process
from derivs.testing.child import Child, _description
from derivs.testing.engine import Answer, Plan
from derivs.testing.limits import Died, Limits
from derivs.testing.sandbox import unusable
from derivs.testing.sources import source
from derivs.testing.wire import HEADER, Inbox, Malformed, packed

HOSTILE = Path(__file__).parent / "hostile"
LIMITS = Limits(time=10.0, memory=500, patience=0.1)
SHORT = replace(LIMITS, time=1.0, load=2.0)        # where time is what ends it
SOON = 15.0                            # seconds, on a machine that is busy with other tests
PLAN = Plan("backward", "numpy", {"dy": "y_bar", "x": "x"}, ("y_bar",), ("x",))
INPUTS = {"x": np.array([1.0, -2.0]), "y_bar": np.array([3.0, 4.0])}

LATE = "it did not come back in 1 s"
SLOW = "loading it took more than 2 s"
FULL = "MemoryError.*may take 500 MB"
GARBAGE = "it wrote into the pipe that its answers come through"
BROKEN = "it broke the Python that it runs in"
NO_ARRAY = "for x_bar it returns .* not an array of real numbers"
RIGHT = "right"                        # it harms nobody, and its answer counts

SAID = {
    # ---- it does not come back
    "endless:a_loop": LATE,
    "endless:a_loop_in_c": LATE,
    "endless:a_loop_in_numpy": f"{LATE}|{FULL}",
    "endless:sleep": LATE,
    "endless:a_deaf_loop": LATE,
    "endless:a_loop_that_catches_everything": LATE,
    "endless:a_trace": LATE,
    "endless:a_profile_set_for_later": LATE,
    "endless:standing_still": LATE,
    "endless:a_result_that_loops": LATE,
    "endless:an_error_that_loops": LATE,
    "endless:a_lock": LATE,
    "endless:a_thread_of_the_same_interpreter": f"{RIGHT}|{LATE}",
    # ---- it takes more than there is
    "greedy:a_hundred_gigabytes": f"{FULL}",
    "greedy:slow_growth": f"{FULL}|{LATE}|it took more than 500 MB",
    "greedy:growth_of_a_list": f"{FULL}|{LATE}|it took more than 500 MB",
    "greedy:growth_that_catches": f"{LATE}|it took more than 500 MB",
    "greedy:shared_memory": f"{LATE}|it took more than 500 MB",
    "greedy:memory_of_several_processes": f"{LATE}|it took more than 500 MB",
    "greedy:a_fork_bomb": "it started more than 8 processes",
    "greedy:a_fork_bomb_of_shells": "it started more than 8 processes",
    "greedy:threads": "can't start new thread",
    "greedy:descriptors": "Too many open files",
    "greedy:printing": "it printed more than 1 MB in one call",
    "greedy:printing_past_python": "it printed more than 1 MB in one call",
    "greedy:printing_a_thing": RIGHT,
    "greedy:a_result_of_gigabytes": FULL,
    "greedy:a_large_result": "it returned more than 100 MB",
    "greedy:a_large_message": r"ValueError: 1{100,400} \(line",
    "greedy:recursion": "RecursionError",
    "greedy:bottomless_recursion": f"{LATE}|{FULL}|signal 11|it took more than 500 MB",
    "greedy:raised_limits": "not allowed to raise maximum limit",
    "greedy:a_large_file": "File too large",
    "greedy:many_files": "it made more than 100 files",
    "greedy:files_in_deep_folders": "it made more than 100 files",
    # ---- it ends itself, or others
    "deadly:os_exit": "it ended the program with exit status 3",
    "deadly:os_exit_0": "it ended the program with exit status 0",
    "deadly:sys_exit": "SystemExit: enough",
    "deadly:ctrl_c": "KeyboardInterrupt",
    "deadly:a_real_ctrl_c": "KeyboardInterrupt",
    "deadly:a_null_pointer": r"signal 11 \(SIGSEGV: it touched memory that is not its own\)",
    "deadly:abort": r"signal 6 \(SIGABRT",
    "deadly:kill_itself": r"signal 9 \(SIGKILL",
    "deadly:kill_its_group": "it may not send a signal to group 0",
    "deadly:kill_its_parent": "it may not send a signal to process",
    "deadly:kill_its_parent_past_python": f"{RIGHT}|it ended the process that watches over it",
    "deadly:kill_everybody_past_python": f"{RIGHT}|it ended the process that watches over it",
    "deadly:an_alarm": rf"signal 14|{LATE}",
    "deadly:a_fault_in_a_thread": "signal 11",
    "deadly:an_exit_handler": RIGHT,
    "deadly:a_thread_that_goes_on": RIGHT,
    "deadly:a_daemon": RIGHT,
    "deadly:a_daemon_without_its_environment": RIGHT,
    "deadly:a_process_that_is_never_the_same": RIGHT,
    # ---- it changes files, or talks to the world
    "writers:in_its_own_folder": RIGHT,
    "writers:beside_the_code": "it may not write to '.*left_behind.txt'",
    "writers:itself": "it may not write to '.*writers.py'",
    "writers:itself_past_python": "truncate failed",
    "writers:delete_itself_past_python": "unlink failed",
    "writers:a_program_that_writes": "non-zero exit status",
    "writers:in_the_temporary_folder": "it may not write to '/tmp/derivs_left_behind.txt'",
    "writers:in_the_temporary_folder_past_python": "non-zero exit status",
    "writers:delete_a_tree": "it may not delete '.*hostile'",
    "writers:reading_standard_input": "EOFError",
    "writers:reading_standard_input_past_python": RIGHT,
    "writers:a_connection": "it may not connect to",
    "writers:the_environment": RIGHT,
    "writers:secrets": "ValueError: (?!.*hush)",
    "writers:where_it_is": r"ValueError: \S+ \[\] ''",
    # ---- it meddles with its answers
    "forgers:closing_everything": f"{BROKEN}|it closed the pipe",
    "forgers:garbage_everywhere": GARBAGE,
    "forgers:a_message_of_its_own": f"{GARBAGE}: no answer to what was asked",
    "forgers:a_long_message": f"{GARBAGE}: a header of 4294967295 bytes",
    "forgers:deep_json": f"{GARBAGE}|{BROKEN}",
    "forgers:half_a_message": "exit status 0",
    "forgers:other_libraries": BROKEN,
    "forgers:other_functions_of_the_system": f"{BROKEN}|exit status 1|{LATE}",
    "forgers:other_streams": RIGHT,
    "forgers:no_modules": "Error",
    "forgers:no_builtins": BROKEN,
    "forgers:signs_that_steer_a_terminal": r"ValueError: �\[2J�\]0;title�",
    # ---- its results are none
    "returners:an_array_of_objects": NO_ARRAY,
    "returners:an_array_of_texts": NO_ARRAY,
    "returners:a_text": NO_ARRAY,
    "returners:a_generator": NO_ARRAY,
    "returners:nested_lists": "ValueError: .*inhomogeneous",
    "returners:nothing": NO_ARRAY,
    "returners:nan": "x_bar nan nan",
    "returners:complex_numbers": NO_ARRAY,
    "returners:dates": NO_ARRAY,
    "returners:a_record": NO_ARRAY,
    "returners:the_function_itself": NO_ARRAY,
    "returners:a_module": NO_ARRAY,
    "returners:itself_inside": "ValueError",
    "returners:a_dict_with_hostile_keys": "RuntimeError: no words",
    "returners:an_array_that_raises": "RuntimeError: no array",
    "returners:an_array_that_is_equal_to_everything": "x_bar 6.0 8.0",
    "returners:an_array_that_lies": "x_bar 3.0 4.0",
    "returners:many_axes": "x_bar 0.0",
    "returners:an_empty_array_of_a_large_shape": "x_bar",
    "returners:an_error_without_words": "Wordless",
    "returners:an_error_that_is_a_base": "BaseException: the base of all",
    "returners:an_error_that_is_a_generator_exit": "GeneratorExit",
    "returners:changed_inputs": "changed x",
    "returners:changed_inputs_in_a_thread": "changed x",
    # ---- it does so while it is loaded
    "importing_loop:backward": SLOW,
    "importing_exit:backward": "it ended the program with exit status 3",
    "importing_sys_exit:backward": r"importing_sys_exit.py:5: it ends the program while it is loaded",
    "importing_memory:backward": r"importing_memory.py:5: while it is loaded: MemoryError",
    "importing_fork:backward": "it started more than 8 processes",
}

# Those whose ends depend on what they may reach are tried in the sandbox too.
REACHING = ("deadly:", "writers:", "greedy:a_fork", "greedy:many_files", "endless:a_deaf_loop", "importing_fork")
BOXES = [("off", name) for name in SAID] + [("require", name) for name in SAID if name.startswith(REACHING)]


def hostile() -> set[str]:
    """All functions in tests/hostile, by module."""
    trees = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in HOSTILE.glob("*.py")}
    return {f"{module}:{node.name}" for module, tree in trees.items() for node in tree.body
            if isinstance(node, ast.FunctionDef) and [one.arg for one in node.args.args] == ["dy", "x"]}


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is started meanwhile leaves no process and no file behind."""
    mark = f"DERIVS_TEST_{os.getpid()}"
    folders: list[str] = []
    make = tempfile.mkdtemp
    monkeypatch.setattr(process, "MARK", mark)
    monkeypatch.setattr(process.tempfile, "mkdtemp", lambda **words: folders.append(make(**words)) or folders[-1])
    before = {path: path.read_bytes() for path in HOSTILE.glob("*.py")}
    yield
    until = time.monotonic() + 5.0     # the last of a namespace is ended by the kernel, behind our back
    while (left := running(mark)) and time.monotonic() < until:
        time.sleep(0.01)
    assert left == [], "it left a process"
    assert not any(map(os.path.exists, folders)), "it left its folder"
    assert {path: path.read_bytes() for path in HOSTILE.iterdir() if path.is_file()} == before
    assert not Path("/tmp/derivs_left_behind.txt").exists()


def running(mark: str) -> list[str]:
    """Processes that carry the mark, or the number that a daemon without an environment sleeps for."""
    found = []
    for path in Path("/proc").iterdir():
        try:
            words = (path / "cmdline").read_bytes() if path.name.isdigit() else b""
            if words and (mark.encode() in (path / "environ").read_bytes() or b"10007" in words):
                found.append(f"{path.name} {words!r}")
        except OSError:                # it has ended, or is somebody else's
            continue
    return found


def said(name: str, sandbox: Any, limits: Limits) -> str:
    """What comes of one call, in words."""
    try:
        with Child(source(f"{HOSTILE / name.replace(':', '.py:')}"), limits, sandbox=sandbox) as child:
            child.plan(PLAN)
            return told(child.call(INPUTS))
    except DerivsError as error:
        return str(error)


def told(found: Answer | Died) -> str:
    if isinstance(found, Died):
        return found.sentence
    if found.error or found.mutated:
        return found.error or f"changed {', '.join(found.mutated)}"
    if not found.values:
        return "nothing"
    words = " ".join(f"{name} {' '.join(map(str, array.ravel()))}" for name, array in found.values.items())
    return "right" if words == "x_bar 3.0 0.0" else words


def test_every_hostile_function_has_a_verdict() -> None:
    assert hostile() == SAID.keys()


@pytest.mark.parametrize("sandbox, name", BOXES, ids=lambda text: text)
def test_whatever_it_does_ends_in_a_verdict(sandbox: str, name: str, traces: None, monkeypatch: pytest.MonkeyPatch
                                            ) -> None:
    if sandbox == "require" and unusable():
        pytest.skip(unusable())
    monkeypatch.setenv("MY_API_KEY", "hush")
    start = time.monotonic()
    words = said(name, sandbox, SHORT if LATE in SAID[name] or SLOW in SAID[name] else LIMITS)
    assert re.match(f"(?s).*({SAID[name]})", words), words
    assert time.monotonic() - start < SOON


# ---- a function that means well --------------------------------------------------------------------------------------

@pytest.fixture
def student(tmp_path: Path) -> Path:
    path = tmp_path / "student.py"
    path.write_text('''
import os

COUNT = 0

def backward(dy, x):
    global COUNT
    COUNT += 1
    print("call", COUNT)
    return dy * (x > 0)

def short(dy, x):
    if len(x) > 2:
        os._exit(len(x))
    return dy * (x > 0)

def slow(dy, x):
    import time
    time.sleep(0.4)
    return dy * (x > 0)
''', encoding="utf-8")
    return path


def test_calls_are_answered_by_one_process(student: Path, traces: None) -> None:
    with Child(source(f"{student}:backward"), sandbox="off") as child:
        assert child.describe()["backward"].parameters == ("dy", "x")
        child.plan(PLAN)
        for count in (1, 2, 3):
            answer = child.call(INPUTS)
            assert isinstance(answer, Answer) and not answer.error
            assert answer.values["x_bar"].tolist() == [3.0, 0.0]
            assert answer.dtypes == {"x_bar": "float64"} and answer.shapes == {"x_bar": (2,)}
            assert child.output.splitlines()[-1] == f"call {count}"


def test_two_plans_are_told_apart(student: Path) -> None:
    with Child(source(f"{student}:backward")) as child:
        fine, coarse = child.runner(PLAN), child.runner(Plan(**{**PLAN.to_json(), "dtype": "float32"}))
        assert [run(INPUTS).dtypes["x_bar"] for run in (fine, coarse, fine)] == ["float64", "float32", "float64"]


def test_after_a_death_it_is_started_anew(student: Path, traces: None) -> None:
    with Child(source(f"{student}:short")) as child:
        child.plan(PLAN)
        long = {"x": np.ones(3), "y_bar": np.ones(3)}
        assert told(child.call(INPUTS)) == "right"
        assert told(child.call(long)) == "it ended the program with exit status 3"
        assert told(child.call(INPUTS)) == "right"
        assert told(child.call(long)) == "it ended the program with exit status 3"
        assert len(child.deaths) == 1              # the second time it was remembered


def test_it_is_not_started_anew_for_ever(student: Path) -> None:
    with Child(source(f"{student}:short"), Limits(patience=0.001)) as child:
        run = child.runner(PLAN)
        assert "exit status 4" in run({"x": np.ones(4), "y_bar": np.ones(4)}).error
        assert child.gave_up
        assert run(INPUTS) == Answer()             # no answer, and no failure either
        assert "exit status 4" in run({"x": np.ones(4), "y_bar": np.ones(4)}).error


def test_all_calls_together_have_a_limit(student: Path) -> None:
    with Child(source(f"{student}:slow"), Limits(total=0.5)) as child:
        run = child.runner(PLAN)
        others = ({**INPUTS, "x": np.array([k, 1.0])} for k in range(9))
        errors = [run(inputs).error for inputs in others]
        assert errors[:2] == ["", "all its calls together took more than 0.5 s"]


def test_who_ends_the_keeper_is_found_all_the_same(student: Path, traces: None) -> None:
    with Child(source(f"{student}:slow"), sandbox="off") as child:
        child.plan(PLAN)
        assert child._process is not None
        os.kill(child._process._process.pid, signal.SIGKILL)
        assert told(child.call(INPUTS)) == "it ended the process that watches over it"


def test_who_stops_the_keeper_is_found_all_the_same(student: Path, traces: None, monkeypatch: pytest.MonkeyPatch
                                                    ) -> None:
    monkeypatch.setattr(process, "PATIENCE", 0.2)
    with Child(source(f"{student}:slow"), sandbox="off") as child:
        child.plan(PLAN)
        assert child._process is not None
        os.kill(child._process._process.pid, signal.SIGSTOP)
        assert told(child.call(INPUTS)) == "right"


FRAMEWORKS = {
    "jax": """
from beside import jax, jnp

@jax.custom_vjp
def relu(x):
    return jnp.maximum(x, 0)

relu.defvjp(lambda x: (relu(x), x), lambda x, g: (g * (x > 0),))

def greedy(x):                         # a sum alone would be fused, and take nothing
    return x + jnp.sort(jnp.arange(12_500_000_000.0) * x[0])[0]
""",
    "torch": """
from beside import torch

class relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        return g * (ctx.saved_tensors[0] > 0)

def greedy(x):
    return x + torch.ones(100_000, 125_000).sum()
"""}
BESIDE = {"jax": "import jax, jax.numpy as jnp", "torch": "import torch"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_frameworks_work_within_limits(framework: str, tmp_path: Path, traces: None) -> None:
    pytest.importorskip(framework)
    (tmp_path / "student.py").write_text(FRAMEWORKS[framework], encoding="utf-8")
    (tmp_path / "beside.py").write_text(BESIDE[framework], encoding="utf-8")
    plan = Plan("vjp", framework, {"x": "x"}, ("y_bar",), ("x",), outputs=("y",))
    limits = Limits(time=30.0, load=30.0)
    with Child(source(f"{tmp_path}/student.py:relu"), limits) as child:
        assert child.describe()["backward"].framework == framework
        answer = child.runner(plan)(INPUTS)
        assert not answer.error and answer.values["x_bar"].tolist() == [3.0, 0.0]
    with Child(source(f"{tmp_path}/student.py:greedy"), limits) as child:
        assert re.search("allocat.*it may take 2000 MB", child.runner(plan)(INPUTS).error)


def test_nothing_is_left_after_ctrl_c(student: Path, traces: None) -> None:
    with pytest.raises(KeyboardInterrupt), Child(source(f"{student}:slow")):
        raise KeyboardInterrupt


@pytest.mark.parametrize("sandbox", ["off", "auto"])
def test_nothing_is_left_after_the_program_itself_was_killed(sandbox: str, student: Path, traces: None, tmp_path: Path
                                                             ) -> None:
    """The one who asks is ended while it waits, so that it can tidy nothing up."""
    program = f'''
import tempfile, time
from derivs.testing import process
from derivs.testing.child import Child, _description
from derivs.testing.engine import Plan
from derivs.testing.sources import source

process.MARK = {process.MARK!r}
made = tempfile.mkdtemp
process.tempfile.mkdtemp = lambda **words: print(folder := made(**words), flush=True) or folder
with Child(source({f"{HOSTILE}/endless.py:a_deaf_loop"!r}), sandbox={sandbox!r}) as child:
    print("started", flush=True)
    child.runner(Plan("backward", "numpy", {{"dy": "y_bar", "x": "x"}}, ("y_bar",), ("x",)))(dict(x=1.0, y_bar=1.0))
'''
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as asker:
        assert asker.stdout is not None
        folders = [line.strip() for line in iter(asker.stdout.readline, "started\n") if line]
        time.sleep(0.3)
        asker.kill()
    until = time.monotonic() + SOON
    while any(map(os.path.exists, folders)) and time.monotonic() < until:
        time.sleep(0.02)
    assert len(folders) == (sandbox == "off" or bool(unusable())) and not any(map(os.path.exists, folders))


# ---- messages --------------------------------------------------------------------------------------------------------

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(2.5, np.float32), "c": np.zeros((0, 3)), "n": 7, "e": 1e-300,
          "flags": np.array([True, False]), "big": np.array([1, 2], ">i4")}


def read(data: bytes, largest: int = 10_000) -> Any:
    """The message, read as from a pipe: never more bytes than are wanted."""
    inbox = Inbox(largest)
    while data:
        chunk, data = data[:inbox.wanted], data[inbox.wanted:]
        if (message := inbox.feed(chunk)) is not None:
            return message
    return None


def test_a_message_comes_back_as_it_was() -> None:
    message = read(packed({"do": "call", "token": "ü"}, ARRAYS))
    assert message.fields == {"do": "call", "token": "ü"}
    assert type(message.arrays["n"]) is int and type(message.arrays["e"]) is float
    for name, value in ARRAYS.items():
        assert np.array_equal(message.arrays[name], value), name
    message.arrays["a"][0, 0] = 9                  # it may be written to


def test_nothing_with_a_pointer_in_it_is_sent() -> None:
    for array in (np.array([object()]), np.array(["a"]), np.array([1j]), np.zeros(2, "M8[s]")):
        with pytest.raises(ValueError, match="dtype"):
            packed({}, {"a": array})


def framed(header: object, body: bytes = b"") -> bytes:
    data = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">II", len(data), len(body)) + data + body


@pytest.mark.parametrize("data", [
    pytest.param(struct.pack(">II", HEADER + 1, 0), id="a long header"),
    pytest.param(struct.pack(">II", 2, 10_001), id="long arrays"),
    pytest.param(framed(b"\xff\xff"), id="no UTF-8"),
    pytest.param(framed(b"{"), id="no JSON"),
    pytest.param(framed(b"[" * 100_000), id="deep JSON"),
    pytest.param(framed(b'{"a": NaN, "arrays": []}'), id="no number"),
    pytest.param(framed(b'{"a": ' + b"9" * 10_000 + b', "arrays": []}'), id="a long number"),
    pytest.param(framed([]), id="no object"),
    pytest.param(framed({}), id="no arrays"),
    pytest.param(framed({"arrays": {"a": 1}}), id="arrays that are no list"),
    pytest.param(framed({"arrays": [["a", "<f8", [1]]]}), id="a short row"),
    pytest.param(framed({"arrays": [["a", "|O", [1], "array"]]}, bytes(8)), id="objects"),
    pytest.param(framed({"arrays": [["a", "<f8", [-1], "array"]]}, bytes(8)), id="a negative length"),
    pytest.param(framed({"arrays": [["a", "<f8", [True], "array"]]}, bytes(8)), id="a length that is no number"),
    pytest.param(framed({"arrays": [["a", "<f8", [1.0], "array"]]}, bytes(8)), id="a length that is no integer"),
    pytest.param(framed({"arrays": [["a", "<f8", [2**40, 2**40], "array"]]}, bytes(8)), id="a product beyond 64 bits"),
    pytest.param(framed({"arrays": [["a", "<f8", [1] * 65, "array"]]}, bytes(8)), id="many axes"),
    pytest.param(framed({"arrays": [["a", "<f8", [0, 2**61, 2**61], "array"]]}), id="an empty shape beyond 64 bits"),
    pytest.param(framed({"arrays": [["a", "<f8", [2], "array"]]}, bytes(8)), id="too few bytes"),
    pytest.param(framed({"arrays": [["a", "<f8", [1], "array"]]}, bytes(9)), id="too many bytes"),
    pytest.param(framed({"arrays": [["a", "<f8", [1], "int"]]}, bytes(8)), id="a number with an axis"),
    pytest.param(framed({"arrays": [["a", "<f8", [], "int"]]}, struct.pack("<d", np.inf)), id="an infinite integer"),
])
def test_what_is_no_message_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)


GOOD = {"kind": "function", "framework": "numpy", "parameters": ["dy", "x"], "name": "backward"}


@pytest.mark.parametrize("wrong", [
    {"kind": "method"}, {"framework": "cupy"}, {"parameters": [1]}, {"parameters": "dy"}, {"parameters": [["dy"]]},
    {"name": None}, {"unknown": 1}, {"defaults": {"dy": 1}},
])
def test_a_description_of_other_types_is_refused(wrong: dict[str, Any]) -> None:
    assert _description(GOOD).parameters == ("dy", "x")
    with pytest.raises((TypeError, ValueError)):
        _description(GOOD | wrong)


def test_half_a_message_is_none_yet() -> None:
    assert read(packed({}, ARRAYS)[:-1]) is None
