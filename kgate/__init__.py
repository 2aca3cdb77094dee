"""kgate: is this Kubernetes Deployment safe to apply?"""

__version__ = "0.1.0"
