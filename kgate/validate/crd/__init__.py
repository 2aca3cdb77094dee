"""Custom resources: what the API server refuses once their CustomResourceDefinition is there (apiextensions-apiserver)."""

from kgate.validate.crd.definitions import Definition, Definitions
from kgate.validate.crd.resource import Checked, checked

__all__ = ["Checked", "Definition", "Definitions", "checked"]
