"""The rules that a waiver may name, and those that it may not."""

from __future__ import annotations

from collections.abc import Iterable

from kgate.finding import Rule, Severity, Stage

_MOST_GUESSES = 50
"""Of one run: each takes milliseconds, and a text can hold a hundred thousand wrong names."""


class Book:
    """`locked` are identifiers of rules that nobody may waive."""

    def __init__(self, rules: Iterable[Rule], locked: Iterable[str] = ()) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._ids = {word: rule.id for rule in self._rules.values() for word in (rule.id.lower(), rule.name.lower())}
        self._locked = frozenset(locked)
        self._guesses = _MOST_GUESSES

    def id_of(self, word: str) -> str | None:
        """Of an identifier or a name, upper or lower case."""
        return self._ids.get(word.lower())

    def rule(self, identifier: str) -> Rule:
        return self._rules[identifier]

    def nearest(self, word: str) -> str:
        """The known name or identifier that looks most like `word`; empty when none does."""
        if self._guesses <= 0 or len(word) > 100:
            return ""
        self._guesses -= 1
        import difflib

        close = difflib.get_close_matches(word.lower(), self._ids, n=1)
        if not close:
            return ""
        rule = self._rules[self._ids[close[0]]]
        return rule.id if close[0] == rule.id.lower() else rule.name

    def refusal(self, identifier: str) -> str:
        """Why a finding of the rule cannot be waived; empty when it can."""
        rule = self._rules[identifier]
        if identifier in self._locked:
            return "the rule is locked"
        if identifier.startswith("KG90"):
            return "it tells of waivers and baselines"
        if rule.stage is Stage.LOAD and rule.severity is Severity.ERROR:
            return "what cannot be read cannot be applied"
        if rule.stage is Stage.VALIDATE and rule.severity is Severity.ERROR:
            return "the API server refuses the object whatever is waived here"
        return ""
