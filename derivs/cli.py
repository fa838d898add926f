"""The command line: argv, files, progress and exit status; all else is called.

Exit status: 0 all holds; 1 something is refuted, undecided, or not as the exercise claims; 2 usage or unreadable input;
130 stopped by Ctrl-C. What is slow to import is imported in the command that needs it, so that `--help` is quick.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from derivs.commands import console, given
from derivs.errors import DerivsError

if TYPE_CHECKING:
    from derivs.sheet.document import Detail

EXAMPLES = 100
DETAILS = ("answer", "steps", "all")

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
    derivs export relu --to numpy    a forward and a backward pass as code

    NAME is the name of an exercise, or the path of a file of your own. Exit status: 0 all holds, 1 something does not,
    2 usage or unreadable input.
    """


@main.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the exercises, what they ask for, and where they come from."""
    from derivs.report import listing
    problems = given.problems(())
    if as_json:
        console.print_json(listing(problems))
        return
    rows = [(entry["name"], entry["title"], ", ".join(entry["targets"]), entry["source"])
            for entry in listing(problems)["exercises"]]
    console.print_table(("name", "exercise", "asks for", "source"), rows)


@main.command()
@click.argument("name")
@detail_option
@examples_option
@seed_option
@json_option
def show(name: str, detail: Detail, examples: int, seed: int, as_json: bool) -> None:
    """Show one derivation in the terminal."""
    from derivs.commands import solving, verdicts
    solutions = solving.solved(given.problems((name,)), examples, seed, with_hands=as_json or detail == "all")
    if as_json:
        verdicts.print_report("show", solutions, examples, seed)
    else:
        from derivs.sheet.document import document
        from derivs.sheet.terminal import terminal
        page = document(solutions, detail=detail, lettered=False)
        click.echo(terminal(page, color=sys.stdout.isatty()), nl=False)
    sys.exit(solving.status(solutions))


@main.command(short_help="Prove the answers and compare them with autodiff.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@examples_option
@seed_option
@json_option
def verify(names: tuple[str, ...], examples: int, seed: int, as_json: bool) -> None:
    """Prove the answers, judge the hand formulas, and compare with autodiff.

    Without NAME, all exercises.
    """
    from derivs.commands import solving, verdicts
    solutions = solving.solved(given.problems(names), examples, seed)
    if as_json:
        verdicts.print_report("verify", solutions, examples, seed)
    else:
        verdicts.print_verdicts(solutions)
    sys.exit(solving.status(solutions))


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
    from derivs.commands import sheets
    wanted = sheets.formats(formats or ("tex" if fragment else ",".join(given.FORMATS)))
    settings = given.settings(settings_file, {"loss": loss, "index_base": index_base, "layout": layout},
                              title=title, course=course, date=date, author=author)
    kind = "blank" if blank else "key" if key else detail
    sys.exit(sheets.write(names, output, wanted, kind, settings, examples=examples, seed=seed, engine=engine,
                          fragment=fragment, as_json=as_json))


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
    from derivs.commands import checking
    sys.exit(checking.run(problem, files or ("-",), checking.Sheets(sheets, reveal, settings_file), rubric,
                          explain=explain, seed=seed, as_json=as_json))


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
    with console.progress(len(wanted) * examples) as advance:
        outcome = command.run(wanted, options, advance)
    if as_json:
        console.print_json(outcome.fields())
    else:
        click.echo(outcome.text(color=sys.stdout.isatty(), ascii_only=not console.shows("✓∂")))
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
    exercises = declarations(given.read(file), "standard input" if file == "-" else file)
    if as_json:
        console.print_json(understood(exercises))
    else:
        click.echo(in_text(exercises))


# ---- input -----------------------------------------------------------------------------------------------------------


# ---- output ----------------------------------------------------------------------------------------------------------


if __name__ == "__main__":
    main()
