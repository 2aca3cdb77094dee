"""Expressions and their values, as the server's CEL gives them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate import cel
from kgate.cel.values import Uint

pytestmark = pytest.mark.skipif(not cel.available(), reason="the extra cel is not installed")

SERVER = 36
OBJECT = {
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"replicas": 3, "ratio": 1.5, "containers": [{"name": "a", "image": "nginx:1"}, {"name": "b"}], "nothing": None},
}


def value(text: str, minor: int = SERVER, **names: Any) -> Any:
    names = {"object": OBJECT, **names}
    return cel.compiled(text, frozenset(names), minor).evaluate(names)[0]


@pytest.mark.parametrize(
    "text",
    [
        "object.spec.replicas == 3 && object.spec.ratio > 1",
        "object.spec.containers.all(c, has(c.name))",
        "object.spec.containers.exists(c, has(c.image) && c.image.startsWith('nginx'))",
        "object.spec.containers.exists_one(c, has(c.image))",
        "object.spec.containers.filter(c, has(c.image)).map(c, c.name) == ['a']",
        "!has(object.spec.missing) && has(object.spec.nothing) && object.spec.nothing == null",
        "object.spec.?missing.orValue(7) == 7 && object.?spec.?replicas.orValue(0) == 3",
        "object.spec.?containers[?5].hasValue() == false",
        "{'a': 1, ?'b': optional.none()} == {'a': 1} && [1, ?optional.of(2), ?optional.none()] == [1, 2]",
        "1 < 1.5 && 2u > 1 && 1.0 <= dyn(1)",
        "dyn(1) == 1.0 && dyn(1u) == 1 && dyn('1') != 1",
        "7 / 2 == 3 && -7 / 2 == -3 && -7 % 2 == -1",
        "'a' in {'a': 1} && 2 in [1, 2] && !('x' in object.metadata.labels)",
        "int('42') == 42 && string(1.5) == '1.5' && double('2') == 2.0 && uint(3) == 3u && bool('true')",
        "string(1000000.0) == '1e+06' && string(123456.0) == '123456'",
        "type(object.spec.replicas) == int && type('') == string && type(quantity('1')) == kubernetes.Quantity",
        "timestamp('2026-01-02T03:04:05Z').getFullYear() == 2026 && duration('1h30m').getMinutes() == 90",
        "timestamp('2026-01-01T00:00:00Z') + duration('24h') == timestamp('2026-01-02T00:00:00Z')",
        "timestamp('2026-01-01T00:00:00Z').getHours('+02:30') == 2",
        "'%s has %d of %.2f, %x'.format(['web', 3, 1.0, 255]) == 'web has 3 of 1.00, ff'",
        "'a,b,c'.split(',', 2) == ['a', 'b,c'] && ['a', 'b'].join('-') == 'a-b' && ' x '.trim() == 'x'",
        "'héllo'.charAt(1) == 'é' && 'hello'.substring(1, 3) == 'el' && 'aXbX'.lastIndexOf('X') == 3",
        "'abab'.replace('a', 'c', 1) == 'cbab' && 'AbÉ'.lowerAscii() == 'abÉ'",
        "'abc 123'.matches('^[a-z]+ [0-9]+$') && 'abc 123'.find('[0-9]+') == '123'",
        "'a1b22'.findAll('[a-z]([0-9]+)') == ['a1', 'b22'] && 'a1b22'.findAll('[0-9]', 2) == ['1', '2'] && 'x'.find('y') == ''",
        "[1, 2, 3].isSorted() && [1, 2].sum() == 3 && ['b', 'a'].min() == 'a' && [1.0, 2.0].max() == 2.0",
        "[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2 && [1].indexOf(3) == -1",
        "sets.contains([1, 2], [2]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 1], [1])",
        "[3, 1, 2].sort() == [1, 2, 3] && [[1], [2]].flatten() == [1, 2] && [1, 1].distinct() == [1] && [1, 2].reverse() == [2, 1]",
        "[{'n': 2}, {'n': 1}].sortBy(x, x.n)[0].n == 1 && lists.range(3) == [0, 1, 2] && [1, 2, 3].slice(1, 2) == [2]",
        "[1, 2].transformList(i, v, i + v) == [1, 3] && {'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
        "{'a': 1}.exists(k, v, k == 'a' && v == 1) && [5].all(i, v, v > i)",
        "url('https://u:p@example.com:80/a b/c?x=1&y=2&x=3').getHost() == 'example.com:80'",
        "url('https://example.com:80/p?x=1&x=3').getQuery() == {'x': ['1', '3']} && isURL('/path') && !isURL('../p')",
        "url('https://[::1]:80/p').getHostname() == '::1' && url('https://h/a').getPort() == '' && url('/a').getScheme() == ''",
        "quantity('500m').isLessThan(quantity('1')) && quantity('1Gi').compareTo(quantity('1024Mi')) == 0",
        "quantity('1.5').asApproximateFloat() == 1.5 && quantity('2k').asInteger() == 2000 && !quantity('1500m').isInteger()",
        "quantity('1').add(1).sub(quantity('500m')) == quantity('1500m') && quantity('-1').sign() == -1",
        "ip('192.0.2.1').family() == 4 && string(ip('2001:DB8::1')) == '2001:db8::1' && ip.isCanonical('::1') && !isIP('1.2.3')",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.7/8').masked() == cidr('10.0.0.0/8')",
        "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('v1.2', true).minor() == 2",
        "semver('1.0.0-rc.1').isLessThan(semver('1.0.0')) && semver('1.0.0+a') == semver('1.0.0+b') && semver('1.2.3').patch() == 3",
        "!format.dns1123Label().validate('web').hasValue() && format.dns1123Label().validate('Web').value().size() == 1",
        "format.named('uuid').hasValue() && !format.named('nothing').hasValue() && !format.uri().validate('https://x/y').hasValue()",
        "format.labelValue().validate('-').hasValue() && !format.datetime().validate('2026-01-01T00:00:00Z').hasValue()",
        "strings.quote('a\"b') == '\"a\\\\\"b\"'",
    ],
)
def test_what_holds(text: str) -> None:
    assert value(text) is True


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("object.spec.missing", "no such key: missing"),
        ("object.spec.containers[2]", "index out of bounds: 2"),
        ("1 / 0", "division by zero"),
        ("1 % 0", "modulus by zero"),
        ("9223372036854775807 + 1", "integer overflow"),
        ("0u - 1u", "unsigned integer overflow"),
        ("int('x')", "type conversion error"),
        ("object.spec.replicas.startsWith('a')", "no such overload"),
        ("object.metadata.name + object.spec.replicas == ''", "no such overload"),
        ("quantity('ten')", "quantities must match"),
        ("quantity('1.5').asInteger()", "cannot convert value to integer"),
        ("ip('x')", "parse error"),
        ("optional.none().value()", "optional.none() dereference"),
        ("[].min()", "min called on empty list"),
        ("{'a': 1, 'a': 2}", "repeated key"),
        ("duration('1')", "invalid duration"),
        ("object.metadata.name.matches('[')", "missing ]"),
    ],
)
def test_what_has_no_value_says_why(text: str, says: str) -> None:
    with pytest.raises(cel.EvaluationError) as error:
        value(text)
    assert says in error.value.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("object.spec.", "Syntax error"),
        ("missing == 1", "undeclared reference to 'missing'"),
        ("isQuantity([1])", "found no matching overload for 'isQuantity'"),
        ("quantity('1').isLessThan(3)", "found no matching overload"),
        ("1 == 'a'", "found no matching overload"),
        ("nothing('a')", "undeclared reference to 'nothing'"),
        ("math.greatest(1, 2) == 2", "undeclared reference"),
    ],
)
def test_what_does_not_compile_says_why(text: str, says: str) -> None:
    with pytest.raises(cel.CompileError) as error:
        value(text)
    assert says in error.value.message


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("quantity('1').sign() == 1", 28),
        ("['a'].join() == 'a'", 29),
        ("isIP('::1')", 30),
        ("!format.byte().validate('').hasValue()", 31),
        ("[1].all(i, v, v > i)", 32),
        ("isSemver('1.0.0')", 33),
        ("lists.range(2) == [0, 1]", 34),
    ],
)
def test_a_library_is_there_from_its_release_on(text: str, since: int) -> None:
    assert value(text, since) is True
    with pytest.raises(cel.CompileError):
        value(text, since - 1)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("object.missing == 1 || true", True),
        ("true || object.missing == 1", True),
        ("object.missing == 1 && false", False),
        ("[0, 1].exists(x, 1 / x == 1)", True),
        ("![0, 1].all(x, 1 / x == 2)", True),
        ("true ? 1 == 1 : object.missing", True),
    ],
)
def test_an_error_beside_an_answer_does_not_count(text: str, answer: bool) -> None:
    assert value(text) is answer


def test_an_error_counts_where_nothing_else_decides() -> None:
    with pytest.raises(cel.EvaluationError):
        value("[0, 1].all(x, 1 / x == 1)")
    with pytest.raises(cel.EvaluationError):
        value("object.missing == 1 || false")


def test_what_only_a_cluster_knows_is_told_and_absorbed_like_an_error() -> None:
    who = cel.Unknown("who asks")
    request = {"operation": "CREATE", "userInfo": who}
    assert value("request.operation == 'UPDATE' && request.userInfo.username == 'x'", request=request) is False
    assert value("has(request.userInfo)", request=request) is True
    for text in (
        "request.userInfo.username == 'x'",
        "request.userInfo == null || false",
        "request.userInfo.x == 1 || request.missing == 1",
    ):
        with pytest.raises(cel.UnknownError, match="who asks"):
            value(text, request=request)


def test_what_is_not_known_inside_of_an_object_counts_where_it_decides() -> None:
    made = cel.Unknown("made by the server")
    old, new = {"a": 1, "uid": made}, {"a": 2, "uid": made}
    assert value("old == new", old=old, new=new) is False
    assert value("old == old", old=old) is True
    with pytest.raises(cel.UnknownError, match="made by the server"):
        value("old == {'a': 1, 'uid': 'x'}", old=old)


def test_variables_are_computed_once_and_when_they_are_asked_for() -> None:
    asked: list[str] = []

    def make(name: str) -> int:
        asked.append(name)
        return {"one": 1}[name]

    variables = cel.Lazy(["one", "broken"], make)
    assert value("variables.one + variables.one == 2 || variables.broken == 1", variables=variables) is True
    assert asked == ["one"]


def test_messages_of_protocol_buffers_are_not_made() -> None:
    with pytest.raises(cel.UnknownError):
        value("google.protobuf.Int64Value{value: 1} == 1")


@pytest.mark.parametrize(
    "text",
    [
        "lists.range(100000).all(x, lists.range(100000).all(y, x >= 0))",
        "lists.range(1000000000).size() > 0",
        (
            "'aaaaaaaaaaaaaaaaaaaa'.replace('', 'x').replace('', 'yyyyyyyyyy').replace('', 'zzzzzzzzzzzzzzzzzz').replace('', object.big)"
            ".replace('', object.big).size() > 0"
        ),
        "[1, 2, 3, 4, 5, 6, 7, 8, 9].map(a, [1, 2, 3, 4, 5, 6, 7, 8, 9].map(b, lists.range(200).map(c, lists.range(200)))).size() > 0",
    ],
)
def test_an_expression_that_costs_too_much_is_stopped(text: str) -> None:
    with pytest.raises(cel.BudgetError):
        value(text, object={"big": "x" * 1000})


def test_deep_nesting_is_no_traceback() -> None:
    text = " + ".join(["1"] * 3000)
    with pytest.raises(cel.CelError):
        value(text)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_are_divided_towards_zero(a: int, b: int) -> None:
    names = {"a": a, "b": b}
    if b == 0 or (a == -(2**63) and b == -1):
        return
    assert value("a / b * b + a % b == a", **names) is True


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_survives_its_text(number: float) -> None:
    assert value("double(string(x)) == x", x=number) is True


@given(st.text(), st.text(min_size=1))
def test_texts_are_split_and_joined_again(text: str, between: str) -> None:
    assert value("x.split(y).join(y) == x", x=text, y=between) is True


def test_unsigned_numbers_are_a_type_of_their_own() -> None:
    assert value("type(x) == uint && x + 1u == 4u", x=Uint(3)) is True


PIECES = st.sampled_from(
    [
        *(
            "1",
            "-1",
            "0",
            "2u",
            "1.5",
            "'a'",
            "b'a'",
            "true",
            "null",
            "[1, 2]",
            "[]",
            "{'a': 1}",
            "{}",
            "object",
            "object.spec",
            "object.metadata.name",
        ),
        *("duration('1h')", "timestamp('0001-01-01T00:00:00Z')", "timestamp('9999-12-31T23:59:59Z')", "optional.none()", "optional.of(1)"),
        *(
            "quantity('1e900')",
            "quantity('1Gi')",
            "ip('::1')",
            "cidr('10.0.0.0/8')",
            "url('/a')",
            "semver('1.2.3')",
            "format.uri()",
            "type(1)",
        ),
        *("9223372036854775807", "1.0e308", "'-00:01'", "'%s%d%x'", "'\\u0000'", "dyn(object)"),
    ]
)
MEMBERS = st.sampled_from(
    [
        *(
            "size",
            "contains",
            "startsWith",
            "matches",
            "find",
            "findAll",
            "split",
            "join",
            "replace",
            "substring",
            "charAt",
            "indexOf",
            "format",
        ),
        *(
            "getHours",
            "getFullYear",
            "getDayOfYear",
            "isLessThan",
            "compareTo",
            "add",
            "sub",
            "asInteger",
            "asApproximateFloat",
            "sign",
            "family",
        ),
        *(
            "containsIP",
            "masked",
            "getQuery",
            "getHost",
            "minor",
            "validate",
            "value",
            "orValue",
            "hasValue",
            "sum",
            "min",
            "isSorted",
            "sort",
            "flatten",
        ),
        *("distinct", "slice", "reverse", "trim", "lowerAscii", "lastIndexOf", "prefixLength", "unwrapOpt", "first"),
    ]
)
OPERATORS = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "in", "&&", "||"])
FUNCTIONS = st.sampled_from(
    ["int", "uint", "double", "string", "bytes", "bool", "size", "type", "dyn", "timestamp", "duration", "isIP", "isURL", "quantity"]
)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(lambda a, o, b: f"({a} {o} {b})", inner, OPERATORS, inner),
        st.builds(lambda a, m, args: f"{a}.{m}({', '.join(args)})", inner, MEMBERS, st.lists(inner, max_size=3)),
        st.builds(lambda f, a: f"{f}({a})", FUNCTIONS, inner),
        st.builds(lambda a, b: f"{a}[{b}]", inner, inner),
        st.builds(lambda a, b: f"{a}.map(x, {b})", inner, inner),
        st.builds(lambda a, b: f"{a}.all(x, {b} == x)", inner, inner),
        st.builds(lambda a, b, c: f"({a} ? {b} : {c})", inner, inner, inner),
    )


@given(st.recursive(PIECES, _larger, max_leaves=6))
def test_every_expression_has_a_value_or_a_reason(text: str) -> None:
    """Unchecked, so that types meet which the compiler would keep apart, as values of objects do."""
    from kgate.cel import engine
    from kgate.cel.program import made

    try:
        serialised, kind = engine.checked(text, SERVER, ("object",), beyond=True, unchecked=True)
        made(text, serialised, kind).evaluate({"object": OBJECT})
    except cel.CelError as error:
        assert error.message
