"""Where somebody's functions are: `MODULE:FUNCTION`, a `.py` file, a notebook or a module by its dotted name.

Splitting the name and finding the file is for whoever asks; `loaded` runs the code and belongs into a child process.
"""

from __future__ import annotations

import ast
import json
import linecache
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from derivs.errors import DerivsError, nearest

LARGEST: Final = 20_000_000            # bytes of a file
LONGEST: Final = 400                   # characters of somebody else's message
FILES: Final = 100                     # files that are looked through for the frameworks they import

# A library by the framework that it brings along.
FRAMEWORKS: Final[Mapping[str, str]] = {
    "jax": "jax", "flax": "jax", "equinox": "jax", "optax": "jax", "haiku": "jax", "chex": "jax",
    "torch": "torch", "torchvision": "torch", "lightning": "torch", "pytorch_lightning": "torch"}


@dataclass(frozen=True, slots=True)
class Source:
    """A module and the functions in it. module: an absolute path or a dotted name, found from `folder`."""

    module: str
    backward: str = ""
    forward: str = ""
    folder: str = ""

    @property
    def is_file(self) -> bool:
        return self.module.endswith((".py", ".ipynb"))

    @property
    def name(self) -> str:
        """As it was typed, without the folders."""
        return f"{Path(self.module).name if self.is_file else self.module}:{self.backward or self.forward}"

    @property
    def functions(self) -> Mapping[str, str]:
        """The names of the functions, by what they are."""
        return {role: name for role, name in (("forward", self.forward), ("backward", self.backward)) if name}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> Source:
        return Source(**fields)


def source(text: str, forward: str = "", only_forward: bool = False) -> Source:
    """`MODULE:FUNCTION` taken apart; the file is looked for, and not read. Raises DerivsError."""
    module, colon, function = text.rpartition(":")
    if not colon or not module or not function:
        named = text.rstrip(":") or "MODULE"
        raise DerivsError(f"{text!r} names no function", mend=f"write {named}:FUNCTION, as in softmax.py:backward")
    if not all(part.isidentifier() for part in function.split(".")):
        raise DerivsError(f"{function!r} is no name of a function", where=text, mend="write MODULE:FUNCTION")
    backward, forward = ("", function) if only_forward else (function, forward)
    path = Path(module)
    if path.suffix not in (".py", ".ipynb"):
        if path.is_file() or len(path.parts) > 1 or not all(part.isidentifier() for part in module.split(".")):
            raise DerivsError("this is neither a .py file, nor a notebook, nor a module by its dotted name",
                              where=module, mend=nearest(path.name, _beside(path)))
        return Source(module, backward, forward, str(Path.cwd()))
    if not path.is_file():
        raise DerivsError("there is no such file", where=module, mend=nearest(path.name, _beside(path)))
    path = path.resolve()
    return Source(str(path), backward, forward, str(path.parent))


def _beside(path: Path) -> list[str]:
    """The files that may have been meant."""
    folder = path.parent
    return sorted(one.name for one in folder.iterdir() if one.suffix in (".py", ".ipynb")) if folder.is_dir() else []


# ---- in the child ----------------------------------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Loaded:
    """Functions by what they are, and what was passed over on the way."""

    functions: Mapping[str, object]
    remarks: tuple[str, ...] = ()


def loaded(source: Source) -> Loaded:
    """The functions, the code having been run. Raises DerivsError with the author's own line."""
    if source.folder not in sys.path:
        sys.path.insert(0, source.folder)
    remarks: list[str] = []
    if source.module.endswith(".ipynb"):
        module = _notebook(Path(source.module), remarks)
    elif source.is_file:
        module = _file(Path(source.module))
    else:
        module = _dotted(source.module)
    try:
        functions = {role: _found(module, name, source) for role, name in source.functions.items()}
    except DerivsError as error:
        if remarks:                    # the cell that should have made it may be the one that failed
            error.mend = "\n    ".join(filter(None, (error.mend, *remarks)))
        raise
    return Loaded(functions, tuple(remarks))


def frameworks(source: Source) -> set[str]:
    """The frameworks that it imports, itself or through files beside it; found by reading, not by running."""
    path = Path(source.module)
    if not source.is_file:
        top = PathFinder.find_spec(source.module.split(".")[0], [source.folder, *sys.path])
        path = Path(source.folder, *source.module.split(".")).with_suffix(".py")
        if not path.is_file() and top is not None and top.origin:
            path = Path(top.origin)
    new, seen, found = [path], set[Path](), set[str]()
    while new and len(seen) < FILES:
        path = new.pop()
        seen.add(path)
        try:
            texts = [text for text, _ in _cells(path)] if path.suffix == ".ipynb" else [_text(path)]
            names = {name for text in texts for name in _imported(ast.parse(text))}
        except (DerivsError, SyntaxError, ValueError, RecursionError, MemoryError):
            continue                   # said when it is loaded
        found |= {FRAMEWORKS[name] for name in names & FRAMEWORKS.keys()}
        new += [beside for name in names if (beside := path.with_name(f"{name}.py")).is_file() and beside not in seen]
    return found


def _imported(tree: ast.AST) -> Iterator[str]:
    """The first words of the modules that are imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise DerivsError(f"larger than {LARGEST // 1_000_000} MB", where=path.name)
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DerivsError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=path.name) from error
    except UnicodeDecodeError as error:
        raise DerivsError(f"this is not UTF-8: byte {error.start + 1}", where=path.name,
                          mend="save it as UTF-8") from error


def _file(path: Path) -> ModuleType:
    code = _compiled(_text(path), str(path), path.name)
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[path.stem] = module    # as `import` does: a dataclass looks its own module up
    try:
        exec(code, module.__dict__)
    except BaseException as error:
        raise _failed(error, path.name) from None
    return module


def _dotted(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing and (name == missing or name.startswith(f"{missing}.")):
            raise DerivsError(f"there is no module {missing}", where=name,
                              mend="it is looked for in the current folder and among what is installed") from None
        raise _failed(error, name) from None
    except BaseException as error:
        raise _failed(error, name) from None


def _notebook(path: Path, remarks: list[str]) -> ModuleType:
    """The code cells in order. One that fails is passed over with a remark: the functions may all be in others."""
    module = ModuleType(path.stem)
    module.__dict__["display"] = print             # a notebook has it without an import
    module.__file__ = str(path)
    sys.modules[path.stem] = module
    for number, (text, dropped) in enumerate(_cells(path), 1):
        where = f"{path.name}, code cell {number}"
        if dropped:
            remarks.append(f"{where}: left out: {'; '.join(dropped)}")
        linecache.cache[where] = len(text), None, text.splitlines(True), where
        try:
            exec(_compiled(text, where, where), module.__dict__)
        except DerivsError as error:
            remarks.append(_in_a_line(error))
        except BaseException as error:
            remarks.append(_in_a_line(_failed(error, where)))
    return module


def _cells(path: Path) -> list[tuple[str, list[str]]]:
    """The text of each code cell, magics and shell lines commented out, and these lines."""
    try:
        cells = json.loads(_text(path))["cells"]
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DerivsError("this is no notebook", where=path.name, mend="save it anew from Jupyter") from error
    return [_without_magics(text) for text in texts]


def _without_magics(text: str) -> tuple[str, list[str]]:
    """`%matplotlib`, `!pip install`, and the whole of a cell that begins with `%%`; line numbers stay."""
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%"):
        return "\n" * len(lines), [first.strip()]
    magic = [line for line in lines if line.lstrip().startswith(("%", "!"))]
    try:
        ast.parse(text)                # `%` may begin a line of an expression that goes on
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        kept = [_passed(line) if line in magic else line for line in lines]
        return "\n".join(kept), [line.strip() for line in magic]
    return text, []


def _passed(line: str) -> str:
    """The line may be all that stands under an `if`."""
    return line[:len(line) - len(line.lstrip())] + "pass"


def _compiled(text: str, file: str, shown: str) -> Any:
    try:
        return compile(text, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        line = (error.text or "").rstrip("\n")
        caret = f"{line}\n    {' ' * max((error.offset or 1) - 1, 0)}^" if line else ""
        raise DerivsError(f"this is not Python: {error.msg}", where=_place(shown, error.lineno), mend=caret) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise DerivsError(f"this is not Python: {said(error)}", where=shown) from None


def _found(module: ModuleType, name: str, source: Source) -> object:
    value: object = module
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            known = [key for key, one in vars(value).items() if callable(one) and not key.startswith("_")]
            raise DerivsError(f"there is no function {name!r} in it", where=source.name.rpartition(":")[0],
                              mend=nearest(part, known) or "there is no function in it at all") from None
    return value


def _failed(error: BaseException, where: str) -> DerivsError:
    """What it raised while it was loaded, at its own last line."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if frame.filename != __file__ and not frame.filename.startswith("<frozen")]
    libraries = "site-packages", os.path.dirname(os.__file__)
    own = [frame for frame in frames if not any(part in frame.filename for part in libraries)] or frames
    place, line = (_place(_shown(own[-1].filename), own[-1].lineno), own[-1].line or "") if own else (where, "")
    if isinstance(error, SyntaxError):             # of a file that it imports
        place, line = _place(_shown(error.filename or where), error.lineno), (error.text or "").rstrip("\n")
        return DerivsError(f"this is not Python: {error.msg}", where=place, mend=line)
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.split(".")[0]
        return DerivsError(f"it imports {error.name}, which is not installed here", where=place,
                           mend=f"{line}\n    install {package}, or put {package}.py beside it")
    if isinstance(error, SystemExit):
        return DerivsError("it ends the program while it is loaded", where=place,
                           mend=f'{line}\n    put it under if __name__ == "__main__":')
    return DerivsError(f"while it is loaded: {said(error)}", where=place, mend=line)


def said(error: BaseException) -> str:
    """`ValueError: words`, for errors whose words may be anything."""
    try:
        words = " ".join(str(error)[:LONGEST].split())
    except BaseException:              # its own __str__ fails
        words = ""
    return f"{type(error).__name__}: {words}".rstrip(": ")


def _place(file: str, line: int | None) -> str:
    return f"{file}:{line}" if line else file


def _shown(file: str) -> str:
    return Path(file).name


def _in_a_line(error: DerivsError) -> str:
    return " | ".join(str(error).split("\n    ")).strip()
