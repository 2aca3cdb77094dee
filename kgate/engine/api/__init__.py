"""The API's objects as frozen structs, and the arithmetic on their fields.

None of them can be part of a cycle (`gc=False`): the collector need not walk a cluster, whose every write makes several.
"""
