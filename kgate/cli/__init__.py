"""argv -> Options; Report -> output and exit code. The only handler of KgateError, the only place that prints.

What a command needs is imported when it runs: `kgate --help` imports click and nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import click

from kgate import __version__
from kgate.cli.output import Output, complain, on_terminal, outputs, say, silence_stdout, style, write_stdout
from kgate.errors import KgateError

if TYPE_CHECKING:
    from kgate.cli.fixing import Mended, Wanted
    from kgate.cli.memory import Answer, Memory
    from kgate.config import Options
    from kgate.outcome import Report

USAGE, INCOMPLETE, INTERRUPTED = 2, 3, 130
_STAGES = ("load", "validate", "policy", "images", "rollout")
_WHERE_TO_REPORT = "this is a fault of kgate: please report it with the file that causes it; KGATE_DEBUG=1 shows the traceback"


def main() -> NoReturn:
    """The console script. A run is short: collecting garbage costs more than it gives back."""
    import gc

    gc.disable()
    _leave(run(sys.argv[1:]))


def _leave(code: int) -> NoReturn:
    """`sys.exit`, but the system takes back the memory all at once: taking half a million objects apart takes 30 ms."""
    import atexit

    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):  # one that was closed before the start is None
            stream.flush()
    except OSError:  # nobody reads: as Python itself ends then
        sys.exit(code)
    atexit._run_exitfuncs()
    os._exit(code)


def run(argv: Sequence[str]) -> int:
    """The exit code; whatever goes wrong is one line on stderr."""
    if asked := os.environ.get("_KGATE_COMPLETE"):
        from click.shell_completion import shell_complete

        return shell_complete(app, {}, "kgate", "_KGATE_COMPLETE", asked)
    try:
        with app.make_context("kgate", list(argv), obj=tuple(argv)) as context:
            code = app.invoke(context)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except KgateError as fault:
        complain(fault.message, fault.hint)
    except click.UsageError as fault:
        command = fault.ctx.command_path if fault.ctx else "kgate"
        complain(fault.format_message(), f"{command} --help tells how it is used")
    except click.ClickException as fault:
        complain(fault.format_message())
    except (KeyboardInterrupt, click.Abort):
        say("kgate: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        silence_stdout()
    except Exception as bug:
        if os.environ.get("KGATE_DEBUG"):
            raise
        complain(f"internal error: {type(bug).__name__}: {bug}", _WHERE_TO_REPORT)
    return USAGE


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, invoke_without_command=True)
@click.version_option(__version__, message="kgate %(version)s")
@click.pass_context
def app(context: click.Context) -> None:
    """Is this Kubernetes Deployment safe to apply?

    Exit codes: 0 passed, 1 the gate failed, 2 kgate could not do the run, 3 something asked for could not be checked, 130 interrupted.
    """
    _help_without_command(context)


def _help_without_command(context: click.Context) -> None:
    """A script that forgot the command has checked nothing: that must not be 0."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(USAGE)


_Command = Callable[..., int]


def _report_option(formats: str) -> Callable[[_Command], _Command]:
    told = f"Write the result as FORMAT ({formats}) to PATH, or to stdout. Repeatable."
    return click.option("--report", "reports", multiple=True, metavar="FORMAT[:PATH]", help=told)


_color = click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colours; auto is on a terminal."
)
_config = click.option("--config", envvar="KGATE_CONFIG", metavar="FILE", help="The settings file, instead of .kgate.yaml.")
_config_or_base = click.option(
    "--config",
    envvar="KGATE_CONFIG",
    metavar="FILE|base",
    help="The settings file, instead of .kgate.yaml; the word base: those at --base, which a change cannot loosen.",
)


@app.command(short_help="Is it safe? The gate, over files and folders.")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--stage", "stages", multiple=True, type=click.Choice(_STAGES), help="Run only this stage. Repeatable; default: all.")
@_report_option("text, concise, json, sarif, junit, github, gitlab, markdown, html")
@click.option("--kubernetes-version", metavar="MINOR", help="Version of the API server, such as 1.36. Default: the newest known.")
@click.option("--base", metavar="REF", help="Roll out from the state at this git revision, not from nothing.")
@click.option("--cluster", metavar="FILE", help="The cluster to rehearse on. Default: the settings' one, else an assumed one.")
@click.option("--crds", multiple=True, metavar="PATH", help="CustomResourceDefinitions that are not part of the check. Repeatable.")
@click.option("--pod-security", metavar="LEVEL[:VERSION]", help="Pod Security Standard of namespaces without a label for it.")
@click.option("--fail-on", type=click.Choice(["error", "warning"]), help="The mildest severity that fails the gate. Default: error.")
@_config_or_base
@click.option("--baseline", metavar="FILE", help="Findings that FILE knows do not count. Default: that of the settings.")
@click.option("--no-baseline", is_flag=True, help="Use no baseline, whatever the settings say.")
@click.option("--write-baseline", metavar="FILE", help="Let FILE know what is found now, so that only what is new fails.")
@click.option("--no-waivers", is_flag=True, help="Show everything as if nobody had waived anything.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), metavar="N", help="Processes at once, where there is enough to do. Default: one a processor."
)
@click.option("--no-cache", is_flag=True, help="Use no results of earlier runs.")
@click.option("--offline", is_flag=True, help="Use no network at all.")
@click.option(
    "--force-exclude", is_flag=True, help="Exclude named files as well, and pass when none is left: for tools that name every file."
)
@click.option("--fix", "mend", is_flag=True, help="Make the safe fixes first, as `kgate fix` does, and check what is left.")
@click.option("--watch", is_flag=True, help="Check again whenever a file changes, until interrupted.")
@click.option("-q", "--quiet", count=True, help="Print the verdict line only; twice: print nothing, the exit code tells.")
@click.option("-v", "--verbose", count=True, help="Tell on stderr where the settings come from and how long it took.")
@_color
def check(
    paths: tuple[str, ...], reports: tuple[str, ...], mend: bool, watch: bool, quiet: int, verbose: int, color: str, **flags: Any
) -> int:
    """The gate: loads, validates, judges, scans and rehearses the manifests of PATHS.

    PATHS are files, folders, or - for standard input; default: the working directory.
    """
    import time

    if watch:
        _watched(paths, reports, mend, flags)
    started = time.monotonic()
    memory = None if mend or flags["no_cache"] or flags["write_baseline"] or flags["base"] else _memory(paths, reports, quiet, color, flags)
    answer = memory.recall() if memory else None
    told = "as an earlier run on the same files said"
    if answer is None:
        answer, told = _checked(paths, reports, mend, quiet, color, flags, memory)
    for path, text in answer.reports:
        Output(format="", path=path).write(text)
    if all(path for path, _ in answer.reports) and quiet < 2:
        say(answer.verdict)
    if verbose:
        say(f"kgate: {told}; took {time.monotonic() - started:.2f} s")
    return answer.exit_code


def _watched(paths: tuple[str, ...], reports: tuple[str, ...], mend: bool, flags: dict[str, Any]) -> NoReturn:
    """Only an interrupt ends it. What could never be checked is refused first."""
    from kgate.cli.watching import Watch, named
    from kgate.report import REPORTERS

    if mend or flags["write_baseline"] or "-" in paths:
        raise click.UsageError("--watch does not go with --fix, --write-baseline or standard input: they are for one run")
    argv = list(click.get_current_context().find_root().obj)
    argv.remove("--watch")
    asked = outputs(reports, REPORTERS, default="text")

    def files() -> list[str]:
        with _settings(paths or (".",), **flags) as options:
            return named(options)

    from kgate import config as settings

    always = [*(paths or (".",)), *settings.candidates(paths or (".",), named=flags["config"])]
    Watch(argv=argv, always=always, named=files, written=[output.path for output in asked if output.path]).go()


def _memory(paths: tuple[str, ...], reports: tuple[str, ...], quiet: int, color: str, flags: dict[str, Any]) -> Memory | None:
    from kgate.cli.memory import Memory

    return Memory.of({"paths": paths, "reports": reports, "quiet": quiet, "color": color, **flags}, paths or (".",), stdout=sys.stdout)


def _checked(
    paths: tuple[str, ...], reports: tuple[str, ...], mend: bool, quiet: int, color: str, flags: dict[str, Any], memory: Memory | None
) -> tuple[Answer, str]:
    """What the run says, and where its settings come from."""
    from kgate.cli.memory import Answer
    from kgate.report import REPORTERS, Style, summary

    asked = outputs(reports, REPORTERS, default="text" if on_terminal(sys.stdout) else "concise")
    if memory:
        memory.watch()
    with _settings(paths or (".",), **flags) as options:
        if mend:
            _fixed(options, paths)
        report = _gated(options)
    look = style(color, quiet)
    if options.write_baseline:
        _write_baseline(report, options.write_baseline)
    told = tuple((output.path, REPORTERS[output.format](report, look(output))) for output in asked)
    answer = Answer(reports=told, verdict=f"kgate: {summary.verdict(report, Style())}", exit_code=report.exit_code)
    if memory and options.baseline is None:  # a baseline also asks which files are there, which memory does not hear
        memory.keep(answer)
    return answer, f"settings: {options.settings_file or 'none, defaults hold'}"


@contextmanager
def _settings(paths: tuple[str, ...], *, config: str | None, base: str | None, **flags: Any) -> Iterator[Options]:
    """The options of a run. Those of the base hold as long as the files that they name are there."""
    from kgate import config as settings

    if config != "base":
        yield _options(paths, settings.settled(settings.discover(paths, named=config)), base=base, **flags)
        return
    if base is None:
        raise click.UsageError("--config base needs --base REF: the settings are those of REF")
    import tempfile

    with tempfile.TemporaryDirectory(prefix="kgate-") as folder:
        options = settings.settled_at_base(base, paths, folder=os.path.realpath(folder))
        try:
            yield _options(paths, options, base=base, **flags)
        except KgateError as fault:
            if options.guard is None:
                raise
            raise KgateError(options.guard.named(fault.message), hint=options.guard.named(fault.hint)) from fault


def _gated(options: Options) -> Report:
    from kgate.cli.progress import Progress
    from kgate.gate import gate

    with Progress() as progress:
        return gate(options, progress=progress)


def _write_baseline(report: Report, file: str) -> None:
    """What it cannot know is told: what still fails would otherwise be a riddle."""
    from kgate.accepted import home_of
    from kgate.baseline.book import taken, written
    from kgate.report.style import counted

    known = [f for f in report.findings if f.baselined]
    Output(format="baseline", path=file).write(written(taken(known, home_of(file))))
    left = sum(1 for f in report.findings if f.waived is None)
    told = f"; {counted(left, 'finding')} of rules that no baseline covers left out" if left else ""
    say(f"kgate: baseline {file}: {counted(len(known), 'finding')}{told}")


def _options(
    paths: tuple[str, ...],
    options: Options,
    *,
    stages: tuple[str, ...],
    kubernetes_version: str | None,
    base: str | None,
    cluster: str | None,
    crds: tuple[str, ...],
    pod_security: str | None,
    fail_on: str | None,
    baseline: str | None,
    no_baseline: bool,
    write_baseline: str | None,
    no_waivers: bool,
    jobs: int | None,
    no_cache: bool,
    offline: bool,
    force_exclude: bool,
) -> Options:
    """The settings, overruled by the flags."""
    from kgate import config as settings
    from kgate.finding import Severity, Stage

    images = replace(options.images, offline=offline, cache=not no_cache, jobs=jobs or options.images.jobs)
    return replace(
        options,
        paths=paths,
        stages=tuple(s for s in Stage if s.value in stages) or options.stages,
        kubernetes_version=settings.version(kubernetes_version) if kubernetes_version else options.kubernetes_version,
        fail_on=Severity(fail_on) if fail_on else options.fail_on,
        force_exclude=force_exclude,
        crds=(*options.crds, *crds),
        base=base,
        waive=not no_waivers,
        baseline=None if no_baseline else baseline or options.baseline,
        baseline_root=None if baseline else options.baseline_root,
        write_baseline=write_baseline,
        cache=not no_cache,
        jobs=jobs or 0,
        policy=settings.held_to(options.policy, pod_security) if pod_security else options.policy,
        images=images,
        rollout=replace(options.rollout, cluster=cluster) if cluster else options.rollout,
    )


@app.command(short_help="Change the files so that findings go away.")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--diff", is_flag=True, help="Show what would change, and change nothing; exit code 1 when something would.")
@click.option("--unsafe", is_flag=True, help="Make fixes as well that may change what a running program may do.")
@click.option("--rule", "only", multiple=True, metavar="ID", help="Fix findings of this rule alone, by identifier or name. Repeatable.")
@click.option("--pin-digests", is_flag=True, help="Ask registries for the digests of tags, and write tag@digest.")
@click.option("--kubernetes-version", metavar="MINOR", help="Version of the API server, such as 1.36. Default: the newest known.")
@click.option("--pod-security", metavar="LEVEL[:VERSION]", help="Pod Security Standard of namespaces without a label for it.")
@_config
@click.option("--offline", is_flag=True, help="Use no network at all.")
@click.option("--force-exclude", is_flag=True, help="Exclude named files as well: for tools that name every file.")
@click.option("-q", "--quiet", count=True, help="Print the sum only; twice: print nothing.")
@_color
def fix(
    paths: tuple[str, ...], diff: bool, unsafe: bool, only: tuple[str, ...], pin_digests: bool, quiet: int, color: str, **flags: Any
) -> int:
    """Makes the safe fixes in the files of PATHS; nothing but what has to change does. See `kgate explain RULE` for what a fix is.

    Exit codes: 0 done, or nothing to do; 1 --diff, and something would change; 2 kgate could not do it; 3 something asked for was refused.
    """
    from kgate.cli import fixing
    from kgate.report import Style

    look = style(color, quiet)(Output(format="text"))
    with _settings(paths or (".",), **(_unasked() | flags)) as options:
        wanted = fixing.Wanted(unsafe=unsafe, rules=_ids(only, options), pins=pin_digests)
        mended = _mended(options, wanted)
    if diff:
        write_stdout(fixing.difference(mended, look))
        for line in fixing.told(mended, Style(quiet=quiet), would=True).splitlines():
            say(line)
        return 1 if mended.new else mended.exit_code
    mended = fixing.written(mended, paths)
    write_stdout(fixing.told(mended, look))
    return mended.exit_code


def _unasked() -> dict[str, Any]:
    """What `check` has flags for and other commands have not, as nobody asked for it."""
    import inspect

    wanted = {**inspect.signature(_settings).parameters, **inspect.signature(_options).parameters}
    options = {p.name: p for p in check.params if isinstance(p, click.Option) and p.name in wanted}
    return {str(name): () if p.multiple else False if p.is_flag else None for name, p in options.items()}


def _fixed(options: Options, paths: tuple[str, ...]) -> None:
    """`check --fix`: what is left is what the check then tells."""
    from kgate.cli import fixing

    done = fixing.written(_mended(options, fixing.Wanted()), paths)
    say(f"kgate: {fixing.summed(done)}")


def _mended(options: Options, wanted: Wanted) -> Mended:
    from kgate.cli import fixing
    from kgate.cli.progress import Progress

    with Progress() as progress:
        return fixing.mend(options, wanted, progress=progress)


def _ids(rules: tuple[str, ...], options: Options) -> frozenset[str]:
    from kgate import policy
    from kgate.cli import catalogue

    own = policy.catalog_of(options.policy.paths).rules
    return frozenset(catalogue.find(rule, own).id for rule in rules)


@app.command(short_help="List the apps: what is rendered, and what is not.")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@_report_option("text, json")
@click.option("--kubernetes-version", metavar="MINOR", help="Version that charts are told, such as 1.36. Default: the newest known.")
@_config
@click.option("--force-exclude", is_flag=True, help="Exclude named files as well: for tools that name every file.")
@_color
def apps(paths: tuple[str, ...], reports: tuple[str, ...], color: str, **flags: Any) -> int:
    """The kustomizations, charts, Applications, ApplicationSets, Flux Kustomizations and HelmReleases in PATHS: where each goes, what
    renders it from which files, and why one is not rendered. They are those that `kgate check` judges.

    Exit codes: 0 all are rendered or come from elsewhere; 2 kgate could not do it; 3 some are not rendered.
    """
    from kgate.cli import rendered as told
    from kgate.gate import loaded

    asked, look = outputs(reports, told.FORMATS, default="text"), style(color)
    with _settings(paths or (".",), **(_unasked() | flags)) as options:
        found = loaded(options).renderings
    for output in asked:
        output.write(told.FORMATS[output.format](found, look(output)))
    return told.exit_code(found)


@app.command(short_help="Play scenarios on the engine alone.")
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@_report_option("text, json")
@_color
def simulate(scenarios: tuple[str, ...], reports: tuple[str, ...], color: str) -> int:
    """The engine alone: plays scenario files (or folders of them) in virtual time and prints what happens."""
    from kgate.cli import playing

    asked = outputs(reports, playing.FORMATS, default="text")
    look = style(color)
    played = tuple(playing.play(scenarios))
    for output in asked:
        output.write("".join(playing.FORMATS[output.format](p, look(output)) for p in played))
    return INCOMPLETE if any(p.recording is None for p in played) else 0


@app.command(short_help="How many more of these pods fit on a cluster.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--cluster", metavar="FILE", help="The cluster. Default: the settings' one, else an assumed one.")
@click.option("--replicas", type=click.IntRange(0, 10_000), metavar="N", help="How many are wanted, instead of what the objects say.")
@_report_option("text, json")
@_config
@_color
def place(
    paths: tuple[str, ...], cluster: str | None, replicas: int | None, reports: tuple[str, ...], config: str | None, color: str
) -> int:
    """How many pods of each Deployment (or other object with pods) in PATHS fit, what is in the way of the next, and which nodes would do.

    Exit codes: 0 as many fit as are wanted, 1 they do not, 2 kgate could not do the run, 3 the cluster is only assumed and too small.
    """
    from kgate import config as settings
    from kgate.cli import placing

    asked, look = outputs(reports, placing.FORMATS, default="text"), style(color)
    options = replace(settings.settled(settings.discover(paths, named=config)), paths=paths)
    if cluster:
        options = replace(options, rollout=replace(options.rollout, cluster=cluster))
    placement = placing.place(options, replicas)
    for output in asked:
        output.write(placing.FORMATS[output.format](placement, look(output)))
    return placement.exit_code


@app.command(short_help="Run the examples of policies and the expectations of scenarios.")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@_report_option("text, json")
@_color
def test(paths: tuple[str, ...], reports: tuple[str, ...], color: str) -> int:
    """Do policies and scenarios say what they promise? Tries the examples of policies, plays scenarios and judges their `expect`.

    PATHS are files and folders of either; default: the built-in policies, and the scenarios below the working directory.
    """
    from kgate.cli import testing

    asked = outputs(reports, testing.FORMATS, default="text")
    look, outcome = style(color), testing.test(paths)
    for output in asked:
        output.write(testing.FORMATS[output.format](outcome, look(output)))
    return outcome.exit_code


@app.command(short_help="Pack what kubectl says of a cluster into a cluster file.")
@click.argument("files", nargs=-1, metavar="[FILES]...")
@click.option("-o", "--output", metavar="FILE", help="Where the cluster file goes (JSON when it ends in .json). Default: stdout.")
@click.option("--taken", metavar="TIME", help="When the input was made, such as 2026-01-31T12:00:00Z. Default: the newest time in it.")
def snapshot(files: tuple[str, ...], output: str | None, taken: str | None) -> int:
    """Packs `kubectl get nodes,pods,... -A -o json` into a cluster file to rehearse rollouts on; kgate itself never asks a cluster.

    FILES hold what kubectl printed; default: standard input. No environment, command, annotation, Secret or ConfigMap gets into the result.
    """
    from kgate.cli import packing
    from kgate.rollout.snapshot import written

    packed = packing.pack(files, taken=taken)
    Output(format="cluster", path=output).write(written(packed, as_json=output is not None and output.endswith(".json")))
    for note in packed.notes:
        say(f"kgate: {note}")
    return 0


@app.command(short_help="List what kgate can find.")
@_report_option("text, json, markdown")
@_color
def rules(reports: tuple[str, ...], color: str) -> int:
    """The catalogue: every rule, its severity and what it finds."""
    import json

    from kgate.cli import catalogue, rulespage

    look, every = style(color), catalogue.rules()
    shown: dict[str, Callable[[Output], str]] = {
        "text": lambda output: catalogue.table(every, look(output)),
        "json": lambda _: "".join(json.dumps(catalogue.as_json(r)) + "\n" for r in every),
        "markdown": lambda _: rulespage.page(every),
    }
    for output in outputs(reports, shown, default="text"):
        output.write(shown[output.format](output))
    return 0


@app.command(short_help="Tell all about one rule.")
@click.argument("rule", metavar="ID")
@_report_option("text, json, markdown")
@_color
def explain(rule: str, reports: tuple[str, ...], color: str) -> int:
    """One rule, by identifier or name: what it finds, why that matters, what to write instead."""
    import json

    from kgate.cli import catalogue, rulespage

    look, found = style(color), catalogue.find(rule)
    shown: dict[str, Callable[[Output], str]] = {
        "text": lambda output: catalogue.explained(found, look(output)),
        "json": lambda _: json.dumps(catalogue.as_json(found)) + "\n",
        "markdown": lambda _: rulespage.section(found),
    }
    for output in outputs(reports, shown, default="text"):
        output.write(shown[output.format](output))
    return 0


@app.command(short_help="Write settings to begin with, and tell how to go on.")
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
def init(folder: str) -> int:
    """Look at FOLDER (default: here), write a .kgate.yaml to begin with, and print what goes into pre-commit and CI.

    Nothing else is written, and settings that are there already are left alone.
    """
    from pathlib import Path

    from kgate.cli import setup

    layout = setup.look(Path(folder))
    written = setup.write(Path(folder), setup.settings_text(layout))
    write_stdout(f"found: {layout.in_words()}\nwritten: {written}\n\n{setup.NEXT}")
    return 0


@app.command(short_help="Tell what kgate finds on this machine.")
@_config
@_color
def doctor(config: str | None, color: str) -> int:
    """Tell what kgate finds on this machine, and what it cannot do without the rest. Exit codes: 0 ready, 2 something has to be mended."""
    from kgate import config as settings
    from kgate.cli import machine

    found = tuple(machine.answers(settings.discover((".",), named=config)))
    write_stdout(machine.as_text(found, style(color)(Output(format="text"))))
    return USAGE if any(a.state == "wrong" for a in found) else 0


@app.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the completion script of SHELL, to be sourced or put where the shell looks for such scripts."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    write_stdout(kind(app, {}, "kgate", "_KGATE_COMPLETE").source() + "\n")
    return 0


@app.group(invoke_without_command=True)
@click.pass_context
def config(context: click.Context) -> None:
    """The settings in .kgate.yaml."""
    _help_without_command(context)


@config.command(short_help="Print every setting that holds, and where it comes from.")
@_report_option("text, json")
@_config
@_color
def show(reports: tuple[str, ...], config: str | None, color: str) -> int:
    """Print every setting that holds, and where it comes from: a line of the settings file, or the default."""
    from kgate import config as settings
    from kgate.cli import shown

    asked, look = outputs(reports, ("text", "json"), default="text"), style(color)
    file = settings.discover((".",), named=config)
    every = shown.settings(file)
    for output in asked:
        output.write(shown.as_json(file, every) if output.format == "json" else shown.as_text(file, every, look(output)))
    return 0


@config.command(short_help="Print the JSON schema of .kgate.yaml.")
def schema() -> int:
    """Print the JSON schema (draft-07) of .kgate.yaml, for editors."""
    import json

    from kgate import config as settings

    write_stdout(json.dumps(settings.schema(), indent=2) + "\n")
    return 0


@config.command("check", short_help="Say whether the settings are right.")
@click.argument("files", nargs=-1, metavar="[FILES]...")
@_config
def check_settings(files: tuple[str, ...], config: str | None) -> int:
    """Read the settings FILES (default: the one a check would use) and say whether they are right."""
    from kgate import config as settings

    for file in files or (config,):
        found = settings.discover((".",), named=file)
        settings.settled(found)
        write_stdout(f"{found}: settings are right\n" if found else f"no {settings.FILE_NAME} here: the defaults hold\n")
    return 0
