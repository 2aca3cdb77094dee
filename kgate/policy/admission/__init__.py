"""Kubernetes' own admission policies: ValidatingAdmissionPolicies with their bindings, as the API server asks them.

What gates are the policies of the repository (and of `policy.paths`) that a binding there binds. A policy about Pods judges Pods; with
`policy.admission.pods` also the pods that workloads make.
"""

from __future__ import annotations

from kgate.policy.admission.judge import Judged, concerned, judge

__all__ = ["Judged", "concerned", "judge"]
