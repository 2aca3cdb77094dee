"""Functions of the server's CEL library: what is answered is the server's answer, and the rest is told as not evaluated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.validate.crd import cel, celvalue
from kgate.validate.crd.structural import structural

pytestmark = pytest.mark.skipif(not cel.available(), reason="the extra cel is not installed")

STRING = structural({"type": "string"})


def holds(rule: str, value: Any = "") -> bool:
    program = cel.program(rule)
    assert not isinstance(program, str), program
    return cel.holds(program, celvalue.converted(value, STRING, root=False))[0]


@pytest.mark.parametrize(
    "rule",
    [
        "quantity('1Gi').isGreaterThan(quantity('1000M'))",
        "quantity('500m').isLessThan(quantity('1'))",
        "quantity('1000m') == quantity('1')",
        "quantity('1k').compareTo(quantity('1000')) == 0",
        "quantity('-1').sign() == -1 && quantity('0').sign() == 0",
        "quantity('1').add(quantity('500m')) == quantity('1500m')",
        "quantity('1').sub(1).sign() == 0",
        "isQuantity('10Mi') && !isQuantity('ten') && !isQuantity('1 Gi') && !isQuantity('')",
        "ip('192.0.2.1').family() == 4 && ip('2001:db8::1').family() == 6",
        "ip('2001:DB8::0001') == ip('2001:db8::1')",
        "ip('127.0.0.1').isLoopback() && ip('::').isUnspecified() && ip('169.254.1.1').isLinkLocalUnicast()",
        "ip('224.0.0.1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast()",
        "ip('10.0.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast()",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))",
        "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.0.0.0/16').containsCIDR(cidr('10.0.0.0/8'))",
        "cidr('10.0.0.7/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.7/8') != cidr('10.0.0.0/8')",
        "cidr('10.0.0.7/8').ip() == ip('10.0.0.7') && cidr('10.0.0.7/8').prefixLength() == 8",
        "!cidr('10.0.0.0/8').containsIP('2001:db8::1')",
        "quantity('1').isInteger() && !quantity('1.2345').isLessThan(quantity('1'))",
        "url('https://example.com:80/p').getHostname() == 'example.com' && 'a1'.find('[0-9]') == '1'",
        "!format.dns1123Label().validate('web').hasValue() && semver('1.2.3').minor() == 2",
    ],
)
def test_what_the_server_answers(rule: str) -> None:
    assert holds(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "quantity(self).isLessThan(quantity('1'))",
        "ip(self).family() == 4",
        "ip('::ffff:192.0.2.1').family() == 6",
        "cidr('10.0.0.0/33').prefixLength() == 33",
        "ip('192.0.2.1').prefixLength() == 4",
    ],
)
def test_what_is_not_certain_is_not_answered(rule: str) -> None:
    program = cel.program(rule)
    if not isinstance(program, str):
        with pytest.raises(cel.UnsureError):
            cel.holds(program, celvalue.converted("x", STRING, root=False))


@given(st.integers(-(10**9), 10**9), st.sampled_from(["", "k", "M", "Ki", "Mi", "m"]), st.integers(-(10**9), 10**9))
def test_quantities_are_ordered_as_their_amounts_are(a: int, suffix: str, b: int) -> None:
    by = {"": 10**3, "k": 10**6, "M": 10**9, "Ki": 1024 * 10**3, "Mi": 1024**2 * 10**3, "m": 1}[suffix]
    assert holds(f"quantity('{a}{suffix}').isLessThan(quantity('{b}'))") is (a * by < b * 10**3)
