"""Formats of strings in the schema of a custom resource (kube-openapi pkg/validation/strfmt).

Each answers True or False, or None where only Go's own parser could tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from unicodedata import category

from kgate.validate import addresses

Answer = bool | None

_HEX = "[0-9a-fA-F]"
_GO_DURATION = re.compile(r"[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)").fullmatch
_SCALA = re.compile(r"([0-9]+)[\t\n\f\r ]*([A-Za-zµ]+)")
_UNITS = {"ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"}
_LONG_UNITS = ("nano", "micro", "milli", "sec", "min", "hour", "day", "week")
_MOST = 2**63 - 1
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})").fullmatch
_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[^\n][0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})").fullmatch
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*+@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*+").fullmatch
_PATH = r"/[A-Za-z0-9._~@!$&'()*+,;=:/-]*+"
_URL = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*+://[A-Za-z0-9.-]++(?::[0-9]{{1,5}})?(?:{_PATH})?(?:\?[A-Za-z0-9._~=&/,;:+-]*+)?").fullmatch
_ABSOLUTE = re.compile(rf"(?!//){_PATH}").fullmatch
_COLOUR = r"(?:0|[1-9][0-9]?|1[0-9][0-9]?|2[0-4][0-9]|25[0-5])"
_BLANK = r"[\t\n\f\r ]*+"


def answer(name: str, text: str, minor: tuple[int, ...]) -> Answer:
    """Whether `text` is a `name` (written with or without dashes); None for a format that the server does not look at."""
    normal = name.replace("-", "")
    if normal in _LATER and minor < (1, 34):
        return None
    check = FORMATS.get(normal)
    return None if check is None else check(text)


def known(name: str, minor: tuple[int, ...]) -> bool:
    """Whether the server looks at this format of strings; it ignores the others."""
    normal = name.replace("-", "")
    return normal in FORMATS and (normal not in _LATER or minor >= (1, 34))


def _full(expression: str, flags: int = 0) -> Callable[[str], Answer]:
    compiled = re.compile(expression, flags).fullmatch
    return lambda text: compiled(text) is not None


def _uuid(version: str, variant: str) -> Callable[[str], Answer]:
    return _full(f"{_HEX}{{8}}-?{_HEX}{{4}}-?{version}{_HEX}{{{4 - len(version)}}}-?{variant}-?{_HEX}{{12}}")


def _ipv4(text: str) -> Answer:
    return "." in text and addresses.is_ip(text)


def _ipv6(text: str) -> Answer:
    return ":" in text and addresses.is_ip(text)


def _cidr(text: str) -> Answer:
    address, slash, bits = text.partition("/")
    if not slash or not addresses.is_ip(address) or not (bits.isascii() and bits.isdigit()) or len(bits) > 6:
        return False
    return int(bits) <= (128 if ":" in address else 32)


_MAC = [_full(rf"{_HEX}{{2}}(?:{sep}{_HEX}{{2}}){{{n}}}") for sep in (":", "-") for n in (5, 7, 19)] + [
    _full(rf"{_HEX}{{4}}(?:\.{_HEX}{{4}}){{{n}}}") for n in (2, 3, 9)
]


def _mac(text: str) -> Answer:
    """net.ParseMAC: 6, 8 or 20 bytes."""
    return any(form(text) for form in _MAC)


def _date(text: str) -> Answer:
    found = _DATE(text)
    if not found:
        return False
    year, month, day = map(int, found.groups())
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1]:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return (month, day) != (2, 29) or leap


def _datetime(text: str) -> Answer:
    """What follows a second `t` is not looked at."""
    parts = text.lower().split("t")
    if len(text) < 4 or len(parts) < 2 or not _date(parts[0]):
        return False
    found = _TIME(parts[1])
    return bool(found) and found[1] <= "23" and found[2] <= "59" and found[3] <= "59"  # type: ignore[index]


def _duration(text: str) -> Answer:
    """time.ParseDuration, else Scala's: any number with a unit, anywhere."""
    if _GO_DURATION(text) and all(int(n) <= _MOST for n in re.findall(r"[0-9]{1,40}", text)):
        return True
    right = False
    for digits, written in _SCALA.findall(text):
        if len(digits) > 40 or int(digits) > _MOST:
            return False
        unit = written.lower()
        right = right or unit in _UNITS or unit.startswith(_LONG_UNITS)
    return right


def _email(text: str) -> Answer:
    return True if _EMAIL(text) else False if "@" not in text else None


def _uri(text: str) -> Answer:
    """url.ParseRequestURI: absolute, or a path from the root."""
    if _URL(text) or _ABSOLUTE(text) or text == "*":
        return True
    return False if not text or (":" not in text and not text.startswith("/")) else None


def _hostname(text: str) -> Answer:
    """One label, which may end in a dash, or labels before a top level of letters. Symbols of any script count as letters in labels."""
    labels = text.split(".")
    if len(text.encode("utf-8", "replace")) > 255 or any(len(label.encode("utf-8", "replace")) > 63 for label in labels):
        return False
    if len(labels) == 1:
        head, rest = text[:1], text[1:].removeprefix("-")
        return _worded(head) and (not rest or _worded(rest))
    top = labels[-1]
    if len(top) < 2 or not all((c.isascii() and c.isalpha()) or (not c.isascii() and category(c)[0] == "L") for c in top):
        return False
    return all(_worded(label.replace("-", "")) and label[0] != "-" != label[-1] for label in labels[:-1])


def _worded(text: str) -> bool:
    """Not empty, and nothing but letters, digits of ASCII and symbols."""
    return bool(text) and all((c.isascii() and c.isalnum()) or category(c)[0] in "LS" for c in text)


def _isbn10(text: str) -> Answer:
    digits = re.sub(r"[\t\n\f\r -]+", "", text)
    if not re.fullmatch("[0-9]{9}[0-9X]", digits):
        return False
    return sum((i + 1) * (10 if d == "X" else int(d)) for i, d in enumerate(digits)) % 11 == 0


def _isbn13(text: str) -> Answer:
    digits = re.sub(r"[\t\n\f\r -]+", "", text)
    return bool(re.fullmatch("[0-9]{13}", digits)) and sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits)) % 10 == 0


_base64 = _full("(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_ssn = _full("[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}")
_short = _full("[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_long = _full(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")

FORMATS: Mapping[str, Callable[[str], Answer]] = {
    "bsonobjectid": _full(f"{_HEX}{{24}}"),
    "uri": _uri,
    "email": _email,
    "hostname": _hostname,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "cidr": _cidr,
    "mac": _mac,
    "uuid": _uuid("", f"{_HEX}{{4}}"),
    "uuid3": _uuid("3", f"{_HEX}{{4}}"),
    "uuid4": _uuid("4", f"[89abAB]{_HEX}{{3}}"),
    "uuid5": _uuid("5", f"[89abAB]{_HEX}{{3}}"),
    "isbn": lambda text: bool(_isbn10(text) or _isbn13(text)),
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "creditcard": lambda _: None,
    "ssn": lambda text: len(text) == 11 and _ssn(text),
    "hexcolor": _full(f"#?(?:{_HEX}{{3}}|{_HEX}{{6}})"),
    "rgbcolor": _full(rf"rgb\({_BLANK}{_COLOUR}(?:{_BLANK},{_BLANK}{_COLOUR}){{2}}{_BLANK}\)"),
    "byte": lambda text: bool(text) and _base64(text),
    "password": lambda _: True,
    "date": _date,
    "duration": _duration,
    "datetime": _datetime,
    "k8sshortname": lambda text: len(text) <= 63 and _short(text),
    "k8slongname": lambda text: len(text) <= 253 and _long(text),
}
_LATER = ("k8sshortname", "k8slongname")
