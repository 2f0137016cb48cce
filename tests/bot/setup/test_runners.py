"""Runners in a cluster: Kubernetes takes the values, and they give no more than the page says."""

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from .tools import run
from .written import ROOT

RUNNERS = ROOT / "docs" / "runners"
VALUES = yaml.safe_load((RUNNERS / "values.yaml").read_text(encoding="utf-8"))
POLICY = yaml.safe_load((RUNNERS / "network-policy.yaml").read_text(encoding="utf-8"))
KUBERNETES = "1.34"
# The keys that the chart gha-runner-scale-set 0.14.2 has in its values.yaml. The whole template was
# also held against the schema of its resource `AutoscalingRunnerSet`, with unknown fields refused.
CHART_KEYS = {
    *("annotations", "containerMode", "controllerServiceAccount", "fullnameOverride"),
    *("githubConfigSecret", "githubConfigUrl", "githubServerTLS", "keyVault", "labels"),
    *("listenerMetrics", "listenerTemplate", "maxRunners", "minRunners", "namespaceOverride"),
    *("proxy", "resourceMeta", "runnerGroup", "runnerScaleSetName", "scaleSetLabels", "template"),
}


def takes(document: dict[str, Any], folder: Path) -> bool:
    """Whether Kubernetes' own schema takes it, unknown fields refused."""
    file = folder / "document.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    done = run("kubernetes-validate", "--strict", "-k", KUBERNETES, file.name, cwd=folder)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode == 0


def pod() -> dict[str, Any]:
    template = json.loads(json.dumps(VALUES["template"]))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "runner", **template["metadata"]},
        "spec": template["spec"],
    }


def test_kubernetes_takes_the_pod_and_the_policy(tmp_path: Path) -> None:
    assert takes(pod(), tmp_path)
    assert takes(POLICY, tmp_path)


def test_a_field_that_there_is_not_would_be_seen(tmp_path: Path) -> None:
    wrong = pod()
    wrong["spec"]["automountServiceAccountTokens"] = False
    assert not takes(wrong, tmp_path)
    wrong = pod()
    wrong["spec"]["containers"][0]["securityContext"]["capabilities"]["drop"] = "ALL"
    assert not takes(wrong, tmp_path)


def test_the_chart_knows_every_key() -> None:
    assert set(VALUES) <= CHART_KEYS
    assert isinstance(VALUES["githubConfigSecret"], str), "a secret by its name, none in the file"


def test_a_job_has_no_way_out_of_its_pod() -> None:
    spec = VALUES["template"]["spec"]
    assert "containerMode" not in VALUES
    assert spec["automountServiceAccountToken"] is False
    assert spec["restartPolicy"] == "Never" and spec["activeDeadlineSeconds"] <= 7200
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(spec)
    for volume in spec["volumes"]:
        assert set(volume) == {"name", "emptyDir"}
        assert volume["emptyDir"]["sizeLimit"]
    [container] = spec["containers"]
    context = container["securityContext"]
    assert context["allowPrivilegeEscalation"] is False and context["privileged"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert "@sha256:" in container["image"]
    assert "env" not in container and "envFrom" not in container


def allowed(address: str) -> bool:
    """Whether a runner may reach an address by TLS."""
    where = ipaddress.ip_address(address)
    blocks = [
        peer["ipBlock"]
        for rule in POLICY["spec"]["egress"]
        for peer in rule["to"]
        if "ipBlock" in peer and {"protocol": "TCP", "port": 443} in rule["ports"]
    ]
    return any(
        where in ipaddress.ip_network(block["cidr"])
        and not any(where in ipaddress.ip_network(one) for one in block["except"])
        for block in blocks
    )


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("140.82.121.4", True),
        ("169.254.169.254", False),
        ("10.0.0.1", False),
        ("172.31.255.1", False),
        ("192.168.1.1", False),
        ("100.100.100.200", False),
        ("127.0.0.1", False),
    ],
)
def test_a_runner_reaches_the_internet_and_nothing_of_ours(address: str, expected: bool) -> None:
    assert allowed(address) is expected


def test_the_policy_is_for_these_pods() -> None:
    labels = VALUES["template"]["metadata"]["labels"]
    assert POLICY["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert sorted(POLICY["spec"]["policyTypes"]) == ["Egress", "Ingress"]
    assert POLICY["spec"]["ingress"] == []
