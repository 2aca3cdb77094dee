"""The controllers of kube-controller-manager. They meet only in the store."""
