"""Images: which ones the manifests run, and what a scanner says about them."""

from kgate.errors import SettingError
from kgate.images.judge import Judged, judge
from kgate.images.rules import RULES
from kgate.images.scan import SCANNERS
from kgate.images.settings import SCHEMA, ImagesSettings, Scan, from_config

__all__ = ["RULES", "SCANNERS", "SCHEMA", "ImagesSettings", "Judged", "Scan", "SettingError", "from_config", "judge"]
