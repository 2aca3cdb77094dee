"""A small Kubernetes control plane in memory and in virtual time. It knows nothing of linting."""
