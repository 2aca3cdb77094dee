"""pkg/kubelet: kubelet (who wakes when, what is written), podworker and container (what runs), prober, images, backoff, podstatus."""

from kgate.engine.kubelet.kubelet import Kubelet

__all__ = ["Kubelet"]
