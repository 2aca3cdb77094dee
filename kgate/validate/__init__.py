"""Stage validate: what the API server of a Kubernetes minor would refuse in a create, or in a change of the base, strictly validated."""

from kgate.validate.cause import Cause
from kgate.validate.judge import Judged, causes, judge
from kgate.validate.rules import RULES
from kgate.validate.versions import NEWEST, VERSIONS, minor

__all__ = ["NEWEST", "RULES", "VERSIONS", "Cause", "Judged", "causes", "judge", "minor"]
