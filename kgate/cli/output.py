"""Where text goes: stdout as bytes, report files whole or not at all, complaints one clean line on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgate.errors import KgateError, UsageError

if TYPE_CHECKING:
    from kgate.report import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One `--report FORMAT[:PATH]`."""

    format: str
    path: str | None = None
    """None: standard output."""

    def write(self, text: str) -> None:
        if self.path is None:
            write_stdout(text)
        else:
            _write_file(self.path, text)


def outputs(reports: Sequence[str], formats: Iterable[str], *, default: str) -> tuple[Output, ...]:
    """What `--report` asks for, `default` on stdout when it is absent. Raises UsageError before anything has run."""
    known = tuple(formats)
    asked = tuple(_parsed(report, known) for report in reports) or (Output(format=default),)
    for i, output in enumerate(asked):
        if any(_place(output) == _place(other) for other in asked[:i]):
            raise UsageError(
                f"two reports want to be written to {output.path or 'stdout'}", hint="give all but one a file: --report json:report.json"
            )
        if output.path is not None and not Path(output.path).absolute().parent.is_dir():
            raise UsageError(f"{output.path}: there is no such folder to write the report to")
    return asked


def _parsed(report: str, known: Sequence[str]) -> Output:
    name, colon, path = report.partition(":")
    if name not in known:
        from difflib import get_close_matches

        close = get_close_matches(name, known, n=1)
        raise UsageError(f"unknown report format {name!r}", hint=f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}")
    if colon and not path:
        raise UsageError(f"--report {report}: the path is empty", hint=f"--report {name} writes to stdout")
    return Output(format=name, path=path if colon and path != "-" else None)


def _place(output: Output) -> str | None:
    return None if output.path is None else os.path.realpath(output.path)


def write_stdout(text: str) -> None:
    """The same bytes in every locale: what is not ASCII is UTF-8. A reader that went away (`| head`) is no fault of the run."""
    if not text:
        return
    if sys.stdout is None:  # started with `>&-`
        raise KgateError("cannot write to stdout: it is closed")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        silence_stdout()
    except OSError as fault:
        silence_stdout()
        raise KgateError(f"cannot write to stdout: {fault.strerror}") from fault


def silence_stdout() -> None:
    """Let nothing complain at exit about a stdout that takes no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _write_file(path: str, text: str) -> None:
    """A reader sees the old report or the new one, never half of one. Devices and pipes are written in place."""
    try:
        target = Path(os.path.realpath(path))
        data = text.encode("utf-8", "backslashreplace")
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            _replace_file(target, data)
    except OSError as fault:
        raise KgateError(f"cannot write the report to {path}: {fault.strerror}") from fault


def _replace_file(target: Path, data: bytes) -> None:
    import tempfile

    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Reading it means setting it; kgate has one thread that creates files."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def style(color: str, quiet: int = 0) -> Callable[[Output], Style]:
    """How each output looks: a file is coloured only when somebody insists."""
    from kgate.report import Style, colour_wanted

    terminal = Style(
        colour=colour_wanted(color, os.environ, tty=on_terminal(sys.stdout)),
        ascii=not _utf8(sys.stdout),
        quiet=quiet,
        below=_below(),
    )
    file = replace(terminal, colour=color == "always", ascii=False, quiet=0)
    return lambda output: terminal if output.path is None else file


def _below() -> str:
    """The working directory as seen from the root of its git repository, empty at the root and outside of one."""
    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    inside = here.relative_to(root).as_posix()
    return "" if inside == "." else inside


def say(line: str) -> None:
    """One line on stderr, whatever foreign text it holds."""
    from kgate.finding import clean
    from kgate.report.style import inert

    if sys.stderr is None:
        return
    text = inert(clean(line))
    text = text if _utf8(sys.stderr) else text.encode("ascii", "backslashreplace").decode()
    try:
        sys.stderr.write(text.encode("utf-8", "backslashreplace").decode() + "\n")
        sys.stderr.flush()
    except OSError:
        return  # nobody is left to tell


def complain(message: str, hint: str = "") -> None:
    say(f"kgate: error: {message}")
    if hint:
        say(f"  hint: {hint}")


def on_terminal(stream: Any) -> bool:
    """False for a stream that was closed before kgate started, which Python shows as None."""
    return stream is not None and bool(stream.isatty())


def _utf8(stream: Any) -> bool:
    return (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "") == "utf8"
