"""Pod Security Standards: which level and version a pod is held to, and what changed between versions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kgate.errors import SettingError
from kgate.finding import Severity
from kgate.policy import catalog, from_config
from kgate.policy.standard import Level, Standard, parse
from tests.policy.policy_texts import Judged, manifests_of

POD = "{apiVersion: v1, kind: Pod, metadata: {name: web%s}, spec: {%s}}"
STRICT = "allowPrivilegeEscalation: false, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}, capabilities: {drop: [ALL]}"


def names(judged: Judged, text: str | dict[str, str], standard: str = "") -> list[str]:
    config = {"pod_security": standard} if standard else {}
    return sorted({f.name for f in judged(text, config=config) if f.name.startswith("pss-")})


def pod(spec: str = "", *, security: str = STRICT, container: str = "", metadata: str = "") -> str:
    inside = ", ".join(filter(None, ["name: app", f"securityContext: {{{security}}}", container]))
    return POD % (metadata, ", ".join(filter(None, [spec, f"containers: [{{{inside}}}]"])))


def test_a_pod_that_is_strict_in_everything_is_restricted(judged: Judged) -> None:
    assert names(judged, pod(), "restricted") == []


@pytest.mark.parametrize(
    ("standard", "expected"),
    [
        ("privileged", []),
        ("baseline", ["pss-host-namespaces"]),
        (
            "restricted",
            [
                "pss-capabilities-drop-all",
                "pss-host-namespaces",
                "pss-privilege-escalation",
                "pss-run-as-non-root",
                "pss-seccomp-required",
            ],
        ),
    ],
)
def test_the_level_decides_which_controls_hold_and_all_of_them_are_errors(judged: Judged, standard: str, expected: list[str]) -> None:
    text = pod("hostPID: true", security="")
    assert names(judged, text, standard) == expected
    found = [f for f in judged(text, config={"pod_security": standard}) if f.name.startswith("pss-")]
    assert {f.severity for f in found} <= {Severity.ERROR}


def test_without_a_standard_baseline_controls_are_errors_and_restricted_ones_warnings(judged: Judged) -> None:
    severities = {f.name: f.severity for f in judged(pod("hostPID: true", security="")) if f.name.startswith("pss-")}
    assert severities.pop("pss-host-namespaces") is Severity.ERROR
    assert set(severities.values()) == {Severity.WARNING}


@pytest.mark.parametrize(
    ("spec", "security", "since", "found"),
    [
        (
            "",
            "allowPrivilegeEscalation: false, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}",
            22,
            "pss-capabilities-drop-all",
        ),
        ("", "runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}, capabilities: {drop: [ALL]}", 8, "pss-privilege-escalation"),
        ("", "allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: {drop: [ALL]}", 19, "pss-seccomp-required"),
        ("", f"{STRICT}, runAsUser: 0", 23, "pss-run-as-non-root"),
        ("", STRICT.replace("RuntimeDefault", "Unconfined"), 19, "pss-seccomp-unconfined"),
        ("hostUsers: false", f"{STRICT}, procMount: Unmasked", 35, "pss-proc-mount-restricted"),
    ],
)
def test_a_control_holds_from_the_version_that_brought_it(judged: Judged, spec: str, security: str, since: int, found: str) -> None:
    text = pod(spec, security=security)
    assert found in names(judged, text, f"restricted:1.{since}")
    assert found not in names(judged, text, f"restricted:1.{since - 1}")


@pytest.mark.parametrize(
    ("spec", "security", "since", "found"),
    [
        ("os: {name: windows}", "runAsNonRoot: true", 25, "pss-capabilities-drop-all"),
        ("os: {name: windows}", "runAsNonRoot: true", 25, "pss-privilege-escalation"),
        ("os: {name: windows}", "runAsNonRoot: true", 25, "pss-seccomp-required"),
        ("os: {name: windows}", "capabilities: {add: [SYS_TIME]}", 25, "pss-capabilities-baseline"),
        ("hostUsers: false", "", 35, "pss-run-as-non-root"),
        ("hostUsers: false", "procMount: Unmasked", 35, "pss-proc-mount"),
        ("", "seLinuxOptions: {type: container_engine_t}", 31, "pss-selinux"),
        ("securityContext: {sysctls: [{name: net.ipv4.ip_local_reserved_ports, value: x}]}", STRICT, 27, "pss-sysctls"),
        ("securityContext: {sysctls: [{name: net.ipv4.tcp_fin_timeout, value: x}]}", STRICT, 29, "pss-sysctls"),
        ("securityContext: {sysctls: [{name: net.ipv4.tcp_wmem, value: x}]}", STRICT, 32, "pss-sysctls"),
        ("securityContext: {sysctls: [{name: net.ipv4.tcp_notsent_lowat, value: x}]}", STRICT, 37, "pss-sysctls"),
    ],
)
def test_a_control_is_relaxed_from_a_version_on(judged: Judged, spec: str, security: str, since: int, found: str) -> None:
    text = pod(spec, security=security)
    assert found not in names(judged, text, f"restricted:1.{since}")
    assert found in names(judged, text, f"restricted:1.{since - 1}")


def test_the_baseline_level_knows_no_exemption_for_windows(judged: Judged) -> None:
    assert names(judged, pod("os: {name: windows}", security="capabilities: {add: [SYS_TIME]}"), "baseline") == [
        "pss-capabilities-baseline"
    ]


def test_hosts_of_probes_are_forbidden_since_1_34(judged: Judged) -> None:
    text = pod(container="livenessProbe: {tcpSocket: {port: 80, host: 10.0.0.1}}")
    assert names(judged, text, "baseline:1.33") == []
    assert names(judged, text, "baseline:1.34") == ["pss-host-probe"]


def test_seccomp_annotations_count_until_1_18(judged: Judged) -> None:
    text = pod(metadata=", annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}")
    assert names(judged, text, "baseline:1.18") == ["pss-seccomp-unconfined"]
    assert names(judged, text, "baseline:1.19") == []


def test_init_and_ephemeral_containers_are_held_to_the_same(judged: Judged) -> None:
    bad = "[{name: a, securityContext: {privileged: true}}]"
    spec = f"initContainers: {bad}, ephemeralContainers: {bad.replace('name: a', 'name: b')}"
    found = judged(pod(spec), "pss-privileged")
    assert [f.path for f in found] == [
        "/spec/initContainers/0/securityContext/privileged",
        "/spec/ephemeralContainers/0/securityContext/privileged",
    ]


NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {%s}}}"
IN_SHOP = pod("hostPID: true", security="", metadata=", namespace: shop")


@pytest.mark.parametrize(
    ("labels", "standard", "errors", "warnings"),
    [
        ("pod-security.kubernetes.io/enforce: privileged", "", 0, 0),
        ("pod-security.kubernetes.io/enforce: privileged", "restricted", 0, 0),
        ("pod-security.kubernetes.io/enforce: baseline", "", 1, 0),
        ("pod-security.kubernetes.io/enforce: baseline", "restricted", 1, 0),
        ("pod-security.kubernetes.io/enforce: restricted", "", 5, 0),
        ("pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/enforce-version: v1.18", "", 3, 0),
        ("pod-security.kubernetes.io/enforce: baseline, pod-security.kubernetes.io/warn: restricted", "", 1, 4),
        ("pod-security.kubernetes.io/audit: baseline", "", 0, 1),
        ("pod-security.kubernetes.io/audit: restricted", "baseline", 1, 4),
        ("pod-security.kubernetes.io/enforce: strict", "", 5, 0),  # the API server takes an unknown level for restricted
        ("team: shop", "baseline", 1, 0),
    ],
)
def test_the_labels_of_the_namespace_come_first(judged: Judged, labels: str, standard: str, errors: int, warnings: int) -> None:
    config = {"pod_security": standard} if standard else {}
    found = [f for f in judged({"ns.yaml": NAMESPACE % labels, "web.yaml": IN_SHOP}, config=config) if f.name.startswith("pss-")]
    assert len([f for f in found if f.severity is Severity.ERROR]) == errors
    assert len([f for f in found if f.severity is Severity.WARNING]) == warnings


def test_of_two_namespaces_of_one_name_the_one_beside_the_pod_speaks(judged: Judged) -> None:
    free, strict = (NAMESPACE % f"pod-security.kubernetes.io/enforce: {level}" for level in ("privileged", "restricted"))
    files = {"dev/ns.yaml": free, "prod/ns.yaml": strict, "dev/web.yaml": IN_SHOP, "prod/web.yaml": IN_SHOP}
    found = judged(files, "pss-host-namespaces")
    assert [f.file for f in found] == ["prod/web.yaml"]


def test_what_the_settings_say_of_a_rule_comes_before_the_standard(judged: Judged) -> None:
    config = {"pod_security": "baseline", "rules": {"pss-host-namespaces": "warning"}}
    (found,) = judged(pod("hostPID: true"), "pss-host-namespaces", config)
    assert found.severity is Severity.WARNING
    assert judged(pod("hostPID: true"), "pss-host-namespaces", {"pod_security": "baseline", "rules": {"pss-host-namespaces": "off"}}) == []


@pytest.mark.parametrize(
    ("text", "standard"),
    [
        ("baseline", Standard(level=Level.BASELINE)),
        ("restricted:latest", Standard(level=Level.RESTRICTED)),
        ("restricted:1.30", Standard(level=Level.RESTRICTED, minor=30)),
        ("restricted:v1.9", Standard(level=Level.RESTRICTED, minor=9)),
    ],
)
def test_a_standard_is_a_level_and_a_version(text: str, standard: Standard) -> None:
    assert parse(text) == standard


@pytest.mark.parametrize("text", ["", "strict", "baseline:", "baseline:30", "restricted:1.030", "restricted:2.1", "Baseline"])
def test_any_other_text_is_refused_where_it_stands(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (level|version)"):
        parse(text)
    if text:
        with pytest.raises(SettingError) as fault:
            from_config({"pod_security": text})
        assert fault.value.path == ("pod_security",)


def test_every_control_of_a_standard_is_named_for_it() -> None:
    assert [p.name for p in catalog().policies if (p.standard is not None) != p.name.startswith("pss-")] == []


BANK = Path(__file__).parent.parent.parent.parent / "shared" / "bank" / "pod_security"


@pytest.mark.slow
@pytest.mark.skipif(not BANK.is_dir(), reason="the upstream fixtures are not here")
def test_the_upstream_fixtures_are_judged_as_upstream_judges_them() -> None:
    from kgate.policy import judge

    wrong = []
    for entry in json.loads((BANK / "index.json").read_text())["entries"]:
        standard = f"{entry['level']}:{entry['version']}"
        found = judge(manifests_of((BANK / entry["file"]).read_text()), catalog(), from_config({"pod_security": standard}))
        if any(f.name.startswith("pss-") for f in found) is not (entry["expect"] == "fail"):
            wrong.append(f"{standard} {entry['file']}")
    assert wrong == []
