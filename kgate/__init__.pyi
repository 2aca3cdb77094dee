# What type checkers see of the lazy names in __init__.py. A stub, because an import there, even for type checkers alone, would point
# from the lowest floor to the highest.
from kgate.config import Options as Options
from kgate.finding import Finding as Finding
from kgate.finding import Severity as Severity
from kgate.gate import gate as gate
from kgate.outcome import Report as Report

__version__: str
