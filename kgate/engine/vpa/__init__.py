"""The vertical pod autoscaler, as a model: a project of its own that clusters may have (kubernetes/autoscaler/vertical-pod-autoscaler)."""
