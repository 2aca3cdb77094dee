"""Every function of the server's CEL by its name (apiserver pkg/cel/environment/base.go), whatever the version."""

from __future__ import annotations

from collections.abc import Mapping

from kgate.cel import addresses, conversions, formats, lists, mathematics, optionals, quantities, regex, semver, strings, times, urls
from kgate.cel.function import Function

FUNCTIONS: Mapping[str, Function] = {
    **conversions.FUNCTIONS,
    **times.FUNCTIONS,
    **strings.FUNCTIONS,
    **regex.FUNCTIONS,
    **lists.FUNCTIONS,
    **optionals.FUNCTIONS,
    **urls.FUNCTIONS,
    **quantities.FUNCTIONS,
    **addresses.FUNCTIONS,
    **semver.FUNCTIONS,
    **formats.FUNCTIONS,
    **mathematics.FUNCTIONS,
}
