"""The command line: argv, files, progress and exit status; all else is called.

Exit status: 0 all holds; 1 something is refuted, undecided, or not as the exercise claims; 2 usage or unreadable input;
130 stopped by Ctrl-C. What is slow to import is imported in the command that needs it, so that `--help` is quick.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from derivs.errors import DerivsError

if TYPE_CHECKING:
    from derivs.derivation import Solution
    from derivs.marks import Report
    from derivs.papers import Paper
    from derivs.problem import Problem
    from derivs.reading.document import Kind
    from derivs.rubric import Rubric
    from derivs.sheet.blocks import Document
    from derivs.sheet.document import Detail
    from derivs.sheet.settings import Settings
    from derivs.verdict import Verdict

EXAMPLES = 100
FORMATS = ("tex", "html", "pdf")
DETAILS = ("answer", "steps", "all")
VERSIONS = {"derivs": "", "SymPy": "sympy", "JAX": "jax", "python-flint": "flint"}    # name on a sheet: its module
KINDS: dict[str, Kind] = {".tex": "tex", ".md": "md", ".markdown": "md", ".txt": "md", ".ipynb": "ipynb"}
LARGEST = 40_000_000                   # bytes of a text

examples_option = click.option("--examples", type=click.IntRange(0), default=EXAMPLES, show_default=True, metavar="N",
                               help="How many random inputs autodiff is asked at, per target; 0: it is not asked.")
seed_option = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="S",
                           help="The seed of all random choices; the same seed, the same run.")
detail_option = click.option("--detail", type=click.Choice(DETAILS), default="steps", show_default=True,
                             help="answer: the results and how each was established; steps: the derivations too; all: "
                                  "the verdict on every step too, and the formulas that people wrote.")
json_option = click.option("--json", "as_json", is_flag=True,
                           help="Print one JSON object instead; its fields are in docs/json.md.")


class _Group(click.Group):
    """Errors for people: a DerivsError is printed as it reads and ends with status 2, Ctrl-C ends with 130."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DerivsError as error:
            click.echo(f"derivs: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("\nderivs: stopped; nothing half-written is left behind", err=True)
            ctx.exit(130)
        except BrokenPipeError:        # `derivs list | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Derive, prove and typeset the gradients of backprop exercises.

    \b
    derivs list                 which exercises there are
    derivs show batchnorm       one derivation, here in the terminal
    derivs verify               prove every answer, and compare it with autodiff
    derivs sheet                an answer sheet: answers/answers.tex, .html and .pdf
    derivs check batchnorm a.tex   a hand derivation, line by line
    derivs declare mine.toml    how an exercise written in LaTeX is understood
    derivs test relu a.py:backward   somebody's backward pass, tried at random inputs

    NAME is the name of an exercise, or the path of a file of your own. Exit status: 0 all holds, 1 something does not,
    2 usage or unreadable input.
    """


@main.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the exercises, what they ask for, and where they come from."""
    from derivs.report import listing
    problems = _loaded(())
    if as_json:
        _print_json(listing(problems))
        return
    rows = [(entry["name"], entry["title"], ", ".join(entry["targets"]), entry["source"])
            for entry in listing(problems)["exercises"]]
    _print_table(("name", "exercise", "asks for", "source"), rows)


@main.command()
@click.argument("name")
@detail_option
@examples_option
@seed_option
@json_option
def show(name: str, detail: Detail, examples: int, seed: int, as_json: bool) -> None:
    """Show one derivation in the terminal."""
    solutions = _solved(_loaded((name,)), examples, seed, with_hands=as_json or detail == "all")
    if as_json:
        _print_report("show", solutions, examples, seed)
    else:
        from derivs.sheet.document import document
        from derivs.sheet.terminal import terminal
        page = document(solutions, detail=detail, lettered=False)
        click.echo(terminal(page, color=sys.stdout.isatty()), nl=False)
    _exit(solutions)


@main.command(short_help="Prove the answers and compare them with autodiff.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@examples_option
@seed_option
@json_option
def verify(names: tuple[str, ...], examples: int, seed: int, as_json: bool) -> None:
    """Prove the answers, judge the hand formulas, and compare with autodiff.

    Without NAME, all exercises.
    """
    solutions = _solved(_loaded(names), examples, seed)
    if as_json:
        _print_report("verify", solutions, examples, seed)
    else:
        _print_verdicts(solutions)
    _exit(solutions)


@main.command(short_help="Write an answer sheet: LaTeX, HTML and PDF.")
@click.argument("names", metavar="[NAME|FILE|DIR]...", nargs=-1)
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("answers"), show_default=True,
              metavar="DIR", help="The folder to write to; it is made where it does not exist.")
@click.option("--format", "formats", default=None, metavar="FORMATS",
              help="Which files to write, with commas between them.  [default: tex,html,pdf]")
@click.option("--fragment", is_flag=True,
              help="Write the LaTeX as a part to \\input into a document of your own, and by default nothing else.")
@click.option("--blank", is_flag=True, help="The questions, with room to write; nothing is solved.")
@click.option("--key", is_flag=True, help="The results alone.")
@detail_option
@click.option("--settings", "settings_file", metavar="FILE",
              help="A TOML file with title, course, date, author, room and [notation]; see docs/sheets.md.")
@click.option("--title", metavar="TEXT", help="The title of the sheet.")
@click.option("--course", metavar="TEXT", help="The course, above the title.")
@click.option("--date", metavar="DAY", help="The date on the sheet, YYYY-MM-DD.  [default: that of SOURCE_DATE_EPOCH]")
@click.option("--author", metavar="TEXT", help="Who hands it out.")
@click.option("--loss", metavar="LATEX", help="The letter of the loss.")
@click.option("--index-base", type=int, metavar="0|1", help="Where indices begin to count.")
@click.option("--layout", type=click.Choice(("column", "row")), help="What a vector is, in matrices.")
@click.option("--engine", type=click.Choice(("typst", "pdflatex")), default="typst", show_default=True,
              help="What makes the PDF. pdflatex must be installed.")
@examples_option
@seed_option
@json_option
@click.pass_context
def sheet(context: click.Context, names: tuple[str, ...], output: Path, formats: str | None, fragment: bool,
          blank: bool, key: bool, detail: Detail, settings_file: str | None, title: str | None, course: str | None,
          date: str | None, author: str | None, loss: str | None, index_base: int | None, layout: str | None,
          engine: str, examples: int, seed: int, as_json: bool) -> None:
    """Write an answer sheet: every gradient derived, proved and compared with autodiff.

    Without arguments, all exercises; a DIR stands for the exercise files in it. The files are answers.tex (compiles
    with plain pdflatex), answers.html (one page, works offline) and answers.pdf; with --blank questions.*, with --key
    key.*, with --fragment *-fragment.tex. Exit status: 0 all results hold, 1 one does not.
    """
    detail_is_given = context.get_parameter_source("detail") is not click.core.ParameterSource.DEFAULT
    if blank + key + detail_is_given > 1:
        raise click.UsageError("give one of --blank, --key and --detail")
    wanted = _formats(formats or ("tex" if fragment else ",".join(FORMATS)))
    moment = _source_date()
    settings = _settings(settings_file, {"loss": loss, "index_base": index_base, "layout": layout},
                         title=title, course=course, date=date, author=author)
    if moment is not None and not settings.date:
        settings = replace(settings, date=datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d"))
    originals = _loaded(names)
    problems = _renotated(originals, settings)
    from derivs.files import make_folder, write_atomically
    from derivs.several import tidied_between
    make_folder(output)                # before the long work, not after it
    stem = "questions" if blank else "key" if key else "answers"
    made = {}
    with tidied_between():
        solutions = [] if blank else _solved(problems, examples, seed, with_hands=detail == "all")
        compose = _composer(problems, solutions, "blank" if blank else "key" if key else detail, settings,
                            _read_back(originals, problems, seed))
        for kind in wanted:
            is_part = fragment and kind == "tex"
            path = output / f"{stem}{'-fragment' if is_part else ''}.{kind}"
            made[path] = _rendered("fragment" if is_part else kind, compose, engine, moment or 0)
    for path, content in made.items():
        write_atomically(path, content)
    files = list(map(str, made))
    if as_json and blank:
        from derivs.report import listing
        _print_json({**listing(problems), "command": "sheet", "files": files})
    elif as_json:
        _print_report("sheet", solutions, examples, seed, files=files)
    else:
        for path in made:
            click.echo(path)
        _print_failures(solutions)
    _exit(solutions)


@main.command(short_help="Judge every line of a hand derivation.")
@click.argument("problem", required=False)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--jsonl", is_flag=True,
              help="Answer requests from standard input, one JSON object a line; their fields are in docs/json.md.")
@click.option("--feedback", "sheets", multiple=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write a sheet with remarks at every line: .html, .pdf or .tex. May be given several times.")
@click.option("--rubric", metavar="FILE", help="A TOML file that says what lines are worth; see docs/feedback.md.")
@click.option("--reveal", is_flag=True, help="Put the true derivations at the end of the sheet.")
@click.option("--settings", "settings_file", metavar="FILE",
              help="A TOML file with title, course, date and author of the sheet; see docs/sheets.md.")
@click.option("--explain", is_flag=True, help="Work out the counterexample of every wrong line, step by step.")
@seed_option
@json_option
def check(problem: str | None, files: tuple[str, ...], jsonl: bool, sheets: tuple[Path, ...], rubric: str | None,
          reveal: bool, settings_file: str | None, explain: bool, seed: int, as_json: bool) -> None:
    """Judge every line of a hand derivation in LaTeX.

    PROBLEM is an exercise by name, or a .py or .toml file. A FILE is LaTeX, Markdown or a notebook; without one, or for
    -, standard input is read: a formula, or a text with formulas. Exit status: 0 every line is right, 1 one is wrong,
    ambiguous or undecided, 2 one could not be read.
    """
    if jsonl:
        if files or as_json or sheets or rubric or explain:
            raise click.UsageError("--jsonl reads requests from standard input and takes no FILE")
        from derivs.requests import serve
        sys.exit(serve(sys.stdin.buffer, sys.stdout.buffer, problem, seed))
    if problem is None:
        raise click.UsageError("Missing argument 'PROBLEM'.")
    if (reveal or settings_file is not None) and not sheets:
        raise click.UsageError("--reveal and --settings are about the sheet; add --feedback FILE")
    _feedback_kinds(sheets)
    from derivs import library
    from derivs.credit import awarded
    from derivs.marks import Report
    from derivs.papers import mark, work_on
    exercises = library.exercises(problem)
    weights = None if rubric is None else _rubric(rubric, [one.problem.name for one in exercises])
    settings = _settings(settings_file, {})
    work = [work_on(one) for one in exercises]
    papers: dict[str, Paper] = {}
    errors: list[DerivsError] = []
    for name in files or ("-",):
        try:
            papers[name] = mark(exercises, _text(name), KINDS.get(Path(name).suffix.lower(), "fragment"), seed=seed,
                                work=work)
        except DerivsError as error:
            errors.append(error.at("standard input" if name == "-" else name))
    report = Report(papers, {} if weights is None else {name: awarded(one, weights) for name, one in papers.items()},
                    explain)
    if sheets and papers:
        _write_feedback(sheets, report, [one.problem for one in exercises] if reveal else [], settings, seed)
    if as_json:
        _print_json(report.fields())
    elif papers:
        click.echo(report.text(color=sys.stdout.isatty(), ascii_only=not _shows("✓…"), width=_width()))
    _raise_all(errors)
    sys.exit(report.status)


@main.command("test", short_help="Try somebody's backward pass, in a process with limits.")
@click.argument("words", metavar="PROBLEM [PROBLEM=]MODULE:FUNCTION...", nargs=-1, required=True)
@click.option("--forward", default="", metavar="F",
              help="The forward pass beside them, by its name; or MODULE:F to try a forward pass alone.")
@click.option("--names", multiple=True, metavar="P=TENSOR", help="What a parameter stands for. May be given often.")
@click.option("--returns", default="", metavar="X,...", help="Whose gradients come back, in order.")
@click.option("--with", "framework", type=click.Choice(("numpy", "jax", "torch")),
              help="What the functions compute with, where that does not show.")
@click.option("--examples", type=click.IntRange(1), default=EXAMPLES, show_default=True, metavar="N",
              help="At how many random inputs at least.")
@seed_option
@click.option("--time", type=click.FloatRange(0.1), default=5.0, show_default=True, metavar="S",
              help="Seconds that a call may take.")
@click.option("--memory", type=click.IntRange(100), default=2000, show_default=True, metavar="MB",
              help="Memory that the process may take.")
@click.option("--sandbox", type=click.Choice(("require", "auto", "off")), default="auto", show_default=True,
              help="Whether it runs in bubblewrap: it must; where that can be had; it does not.")
@json_option
def test_(words: tuple[str, ...], forward: str, names: tuple[str, ...], returns: str, framework: str | None,
          examples: int, seed: int, time: float, memory: int, sandbox: Any, as_json: bool) -> None:
    """Try somebody's backward pass at random inputs: is each gradient the proved one, and is it well-behaved?

    MODULE is a .py file, a notebook or a module by its dotted name. Its code runs in a process with limits of time,
    memory and output, and in a sandbox where bubblewrap is installed (docs/running.md). Exit status: 0 every property
    holds, 1 one does not, 2 a function could not be tried.
    """
    from derivs.testing import command
    from derivs.testing.limits import Limits
    wanted = command.asked(words, forward)
    options = command.Options(
        examples, seed, command.pairs(names), tuple(one.strip() for one in returns.split(",") if one.strip()),
        framework or "", Limits(time=time, memory=memory), sandbox)
    if warning := command.announcement(sandbox):
        click.echo(f"derivs: {warning}", err=True)
    with _progress(len(wanted) * examples) as advance:
        outcome = command.run(wanted, options, advance)
    if as_json:
        _print_json(outcome.fields())
    else:
        click.echo(outcome.text(color=sys.stdout.isatty(), ascii_only=not _shows("✓∂")))
    sys.exit(outcome.status)


@main.command("export", short_help="Write an exercise as NumPy, JAX or PyTorch code.")
@click.argument("problem")
@click.option("--to", "target", type=click.Choice(("numpy", "jax", "torch")), required=True,
              help="Which library the code is for.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="The file to write to, instead of standard output.")
@json_option
def export_(problem: str, target: Any, output: Path | None, as_json: bool) -> None:
    """Write the proved derivation of an exercise as readable code: a forward and a backward pass.

    PROBLEM is an exercise by name, or a .py or .toml file. For JAX there is a custom_vjp too, for PyTorch an
    autograd.Function. Exit status: 0 every gradient is proved, 1 one is not, 2 a part has no vectorised form.
    """
    from derivs.export import command
    sys.exit(command.run(problem, target, output, as_json))


@main.command(short_help="Check an exercise written in LaTeX.")
@click.argument("file")
@json_option
def declare(file: str, as_json: bool) -> None:
    """Check a declaration, a TOML file, and print how it was understood."""
    from derivs.declare import declarations
    from derivs.understood import in_text, understood
    exercises = declarations(_text(file), "standard input" if file == "-" else file)
    if as_json:
        _print_json(understood(exercises))
    else:
        click.echo(in_text(exercises))


def _feedback_kinds(paths: Sequence[Path]) -> list[str]:
    """The formats of the sheets of feedback, by the ends of their names."""
    kinds = [path.suffix.lower().removeprefix(".") for path in paths]
    for kind, path in zip(kinds, paths, strict=True):
        if kind not in FORMATS:
            raise click.BadParameter(f"{str(path)!r} ends in none of .{', .'.join(FORMATS)}", param_hint="--feedback")
    return kinds


def _rubric(file: str, questions: Sequence[str]) -> Rubric:
    """The rubric of a file."""
    from derivs.rubric import rubric
    where = "standard input" if file == "-" else file
    try:
        return rubric(_text(file), questions)
    except DerivsError as error:
        raise error.at(where) from error


def _write_feedback(paths: Sequence[Path], report: Report, revealed: list[Problem], settings: Settings,
                    seed: int) -> None:
    """One sheet in all its formats; the exercises whose answers it reveals are solved for it."""
    from derivs.files import write_atomically
    from derivs.sheet.feedback import Head, feedback
    from derivs.sheet.provenance import provenance
    moment = _source_date()
    if moment is not None and not settings.date:
        settings = replace(settings, date=datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d"))
    problems = _renotated(revealed, settings)
    solutions = _solved(problems, 0, seed, with_hands=False) if problems else []
    made = provenance(solutions, _versions(solutions), settings.date, _read_back(revealed, problems, seed))
    head = Head(settings.title, settings.course, settings.author, settings.date, made)
    names = _short_names(list(report.papers))
    page = feedback({names[name]: one for name, one in report.papers.items()},
                    {names[name]: one for name, one in report.awards.items()}, head, solutions)
    for kind, path in zip(_feedback_kinds(paths), paths, strict=True):
        write_atomically(path, _rendered(kind, lambda _: page, "typst", moment or 0))


def _short_names(files: Sequence[str]) -> dict[str, str]:
    """Files without their folders, where that leaves them apart."""
    names = {file: "standard input" if file == "-" else Path(file).name for file in files}
    return names if len({*names.values()}) == len(names) else {file: file for file in files}


def _text(name: str) -> str:
    """What stands in a file, or on standard input."""
    try:
        data = sys.stdin.buffer.read(LARGEST + 1) if name == "-" else _bytes(Path(name))
        if len(data) > LARGEST:
            raise DerivsError(f"larger than {LARGEST // 1_000_000} MB", mend="split it into several files")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DerivsError(f"this is not UTF-8: byte {error.start + 1}", mend="save it as UTF-8") from error
    except OSError as error:
        raise DerivsError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=name) from error


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _shows(signs: str) -> bool:
    """Whether standard output has these signs."""
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _width() -> int:
    """Columns of the terminal; 100 where there is none."""
    return min(max(get_terminal_size((100, 24)).columns, 40), 160) if sys.stdout.isatty() else 100


def _formats(text: str) -> list[str]:
    """The formats of `--format`, each once, in their order."""
    kinds = list(dict.fromkeys(kind.strip().lower() for kind in text.split(",") if kind.strip()))
    for kind in kinds:
        if kind not in FORMATS:
            raise click.BadParameter(f"{kind!r} is not one of {', '.join(FORMATS)}", param_hint="--format")
    if not kinds:
        raise click.BadParameter(f"give at least one of {', '.join(FORMATS)}", param_hint="--format")
    return kinds


def _settings(file: str | None, notation: dict[str, Any], **flags: str | None) -> Settings:
    """The settings of the file, and over them those of the command line."""
    from derivs.sheet.settings import Settings, overridden, settings
    base = Settings()
    if file is not None:
        where = "standard input" if file == "-" else file
        try:
            base = settings(_text(file), where)
        except DerivsError as error:
            raise error.at(where) from error
    return overridden(base, notation, **flags)


def _renotated(problems: list[Problem], settings: Settings) -> list[Problem]:
    """The exercises in the notation that is asked for; every one that it does not fit is reported."""
    if settings.notation is None:
        return problems
    from derivs.notation import renotated
    names = settings.notation.names
    owners = {old: [problem for problem in problems if _has(problem, old)] for old in names}
    changed, errors = [], []
    for problem in problems:           # a name that only others of the course have is nothing to this one
        fitting = {old: new for old, new in names.items() if not owners[old] or problem in owners[old]}
        try:
            changed.append(renotated(problem, replace(settings.notation, names=fitting)))
        except DerivsError as error:
            errors.append(DerivsError(str(error), where=problem.name))
    _raise_all(errors)
    return changed


def _has(problem: Problem, name: str) -> bool:
    """Whether an exercise has a name: whether it could be called what it is called."""
    from derivs.notation import Notation, renotated
    try:
        renotated(problem, Notation(names={name: name}))
    except DerivsError:
        return False
    return True


def _read_back(originals: list[Problem], problems: list[Problem], seed: int) -> list[Verdict]:
    """The verdicts on what a new notation prints, read by the project's own reader as a line about the original."""
    if all(one is other for one, other in zip(originals, problems, strict=True)):
        return []
    from derivs.translation import agree
    return [verdict for pair in zip(originals, problems, strict=True) for _, verdict in agree(*pair, seed)]


def _composer(problems: list[Problem], solutions: list[Solution], kind: Any, settings: Settings,
              read_back: list[Verdict]) -> Callable[[float | None], Document]:
    """From the longest line, in em, to the sheet; made once for all formats."""
    from derivs.sheet.document import LIMIT, QUESTIONS, ROOM, TITLE, document, questions
    from derivs.sheet.provenance import provenance
    head: dict[str, Any] = {
        "title": settings.title or (QUESTIONS if kind == "blank" else TITLE),
        "course": settings.course, "author": settings.author, "date": settings.date,
        "provenance": provenance(solutions, _versions(solutions), settings.date, read_back)}
    if kind == "blank":
        room = settings.room or ROOM
        return cache(lambda limit: questions(problems, limit=limit or LIMIT, room=room, **head))
    return cache(lambda limit: document(solutions, detail=kind, limit=limit or LIMIT, **head))


def _versions(solutions: Sequence[Solution]) -> dict[str, str]:
    """The versions of what had a part in the results: SymPy where it read an exercise, JAX where it was asked."""
    from importlib.metadata import PackageNotFoundError, version
    asked = any(answer.agreement is not None for solution in solutions for answer in solution.answers)
    found = {}
    for name, module in VERSIONS.items():
        if not module or (solutions and module in sys.modules and (name != "JAX" or asked)):
            with suppress(PackageNotFoundError):
                found[name] = version(name.lower())
    return found or {"derivs": ""}


def _rendered(kind: str, compose: Callable[[float | None], Document], engine: str, moment: int) -> bytes:
    """The bytes of a file."""
    if kind == "fragment":
        from derivs.sheet.tex import FRAGMENT_LIMIT, fragment
        return fragment(compose(FRAGMENT_LIMIT)).encode()
    page = compose(None)
    if kind == "tex":
        from derivs.sheet.tex import tex
        return tex(page).encode()
    if kind == "html":
        from derivs.sheet.html import html
        return html(page).encode()
    from derivs.sheet import pdf
    make = pdf.pdf if engine == "typst" else pdf.pdf_by_pdflatex
    return make(page, timestamp=moment)


def _source_date() -> int | None:
    """https://reproducible-builds.org/specs/source-date-epoch/: the date on a sheet, if there is to be one."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return None
    try:
        moment = int(text)
        datetime.fromtimestamp(moment, UTC)
    except (ValueError, OverflowError, OSError):
        raise DerivsError(f"SOURCE_DATE_EPOCH is {text!r}", mend="let it be seconds since 1970, or unset it") from None
    return moment


# ---- input -----------------------------------------------------------------------------------------------------------

def _loaded(names: Sequence[str]) -> list[Problem]:
    """The exercises, in the order given; every one that cannot be read is reported."""
    from derivs import library
    known = library.names()
    problems: list[Problem] = []
    errors: list[DerivsError] = []
    for name in _expanded(names, known) if names else known:
        try:
            problems += library.load_all(name) if name.endswith(".toml") else [library.load(name)]
        except DerivsError as error:
            errors.append(error)
    _raise_all(errors)
    return problems


def _expanded(names: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    """A folder as the exercise files in it, by name; an exercise goes before a folder of the same name."""
    for name in names:
        if name in known or not Path(name).is_dir():
            yield name
            continue
        files = [str(path) for path in sorted(Path(name).iterdir())
                 if path.suffix in (".py", ".toml") and not path.name.startswith("_")]
        if not files:
            raise DerivsError("there is no exercise in this folder", where=name,
                              mend="an exercise is a file *.py or *.toml")
        yield from files


def _raise_all(errors: Sequence[DerivsError]) -> None:
    """All errors at once, in reading order."""
    if errors:
        first, *others = errors
        raise first if not others else DerivsError("\nderivs: ".join(map(str, errors)))


def _solved(problems: Sequence[Problem], examples: int, seed: int, *, with_hands: bool = True) -> list[Solution]:
    """The solutions, with a progress bar where somebody watches."""
    from derivs.several import solutions
    solved: list[Solution] = []
    errors: list[DerivsError] = []
    with _progress(len(problems)) as advance:
        advance(problems[0].name if problems else "", 0)
        found = solutions(problems, examples=examples, seed=seed, with_hands=with_hands)
        for problem, one in zip(problems, found, strict=True):
            if isinstance(one, DerivsError):
                errors.append(one)
            else:
                solved.append(one)
            advance(problem.name, 1)
    _raise_all(errors)
    return solved


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, int], None]]:
    """A bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda name, done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda name, done: bar.update(task, description=name, advance=done)


# ---- output ----------------------------------------------------------------------------------------------------------

def _exit(solutions: Sequence[Solution]) -> None:
    from derivs.report import succeeded
    sys.exit(0 if all(map(succeeded, solutions)) else 1)


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2))


def _print_report(command: str, solutions: Sequence[Solution], examples: int, seed: int, **more: Any) -> None:
    from derivs.report import report
    _print_json(report(command, solutions, examples=examples, seed=seed, **more))


def _print_verdicts(solutions: Sequence[Solution]) -> None:
    """The table of `derivs verify`, and below it what does not hold."""
    from derivs.report import as_claimed, holds
    from derivs.text import text
    from derivs.verdict import name
    rows = []
    for solution in solutions:
        problem = solution.problem
        for answer in solution.answers:
            agreement = answer.agreement
            compared = "" if agreement is None else f"{agreement.examples}" if agreement.examples else agreement.note
            worst = f"{agreement.worst:.2g}" if agreement is not None and agreement.examples else ""
            rows.append((problem.name, text(answer.target.claim.left, problem), name(answer.verdict),
                         f"{answer.milliseconds:.1f}", compared, worst, "holds" if holds(answer) else "DOES NOT HOLD"))
        for judged in solution.hands:
            claimed = "wrong" if judged.hand.wrong else "right"
            rows.append((problem.name, f"{claimed} by hand: {judged.hand.source}", name(judged.verdict),
                         f"{judged.milliseconds:.1f}", "", "",
                         "as claimed" if as_claimed(judged) else "NOT AS CLAIMED"))
    _print_table(("exercise", "formula", "verdict", "ms", "inputs", "worst", ""), rows)
    _print_failures(solutions)
    answers = [answer for solution in solutions for answer in solution.answers]
    hands = [judged for solution in solutions for judged in solution.hands]
    click.echo(f"\n{sum(map(holds, answers))} of {len(answers)} answers hold, "
               f"{sum(map(as_claimed, hands))} of {len(hands)} hand formulas are as claimed "
               "(inputs: random inputs that autodiff was asked at; worst: in units of the rounding bound)")


def _print_failures(solutions: Sequence[Solution]) -> None:
    """What does not hold, and where."""
    from derivs.report import agreement_words, agrees, as_claimed, claims_of, holds, judged_words, verdict_words
    from derivs.text import text_claim
    from derivs.verdict import Proved
    for solution in solutions:
        problem = solution.problem
        for answer in solution.answers:
            if holds(answer):
                continue
            for said, verdict in claims_of(answer):
                if not isinstance(verdict, Proved) or said is answer.target.claim:
                    click.echo(f"\n{problem.name}: {text_claim(said, problem)}")
                if not isinstance(verdict, Proved):
                    click.echo(f"    {verdict_words(verdict, problem)}")
            if answer.agreement is not None and not agrees(answer.agreement):
                click.echo(f"    {agreement_words(answer.agreement)}")
                for line in answer.agreement.failure.splitlines():
                    click.echo(f"        {line}")
        for judged in solution.hands:
            if not as_claimed(judged):
                claim = text_claim(judged.hand.claim, problem)
                click.echo(f"\n{problem.name}: {claim}   [{judged.hand.source}]")
                click.echo(f"    {judged_words(judged, problem)}")


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table that fits the terminal; where there is none, columns two spaces apart, whole, one row a line."""
    if not sys.stdout.isatty():
        widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
        for row in (head, *rows):
            click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    table = Table(box=box.SIMPLE_HEAD)
    for name in head:
        table.add_column(name)
    for row in rows:
        table.add_row(*(Text(cell, style="bold red" if cell.isupper() and len(cell) > 9 else "") for cell in row))
    Console().print(table)


if __name__ == "__main__":
    main()
