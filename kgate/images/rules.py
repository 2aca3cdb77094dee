"""What the images stage can find."""

from __future__ import annotations

from kgate.finding import Rule, Severity, Stage

NOT_SCANNED = Rule(
    id="KG3001",
    name="image-not-scanned",
    stage=Stage.IMAGES,
    severity=Severity.ERROR,
    summary="image could not be scanned",
    why="The settings demand a scan of every image (images.scan: required), and an image that nobody has looked into has not passed.",
    remediation="do what the message says, or set images.scan to if-available",
)

VULNERABLE = Rule(
    id="KG3002",
    name="image-vulnerable",
    stage=Stage.IMAGES,
    severity=Severity.ERROR,
    summary="image has a known vulnerability",
    why="A vulnerability that is public and fixed is one that attackers have had time to learn, and that an update of the image removes.",
    remediation="update the image to one with the fixed version",
    references=("CWE-1395",),
)

UNFIXED = Rule(
    id="KG3003",
    name="image-vulnerable-unfixed",
    stage=Stage.IMAGES,
    severity=Severity.WARNING,
    summary="image has a critical vulnerability that nobody has fixed yet",
    why="No update helps yet, so the rollout is not held up; but whoever runs the image should know.",
    remediation="use another base image, remove the package, or keep the vulnerable part out of reach until there is a fix",
    references=("CWE-1395",),
)

END_OF_LIFE = Rule(
    id="KG3004",
    name="image-end-of-life",
    stage=Stage.IMAGES,
    severity=Severity.WARNING,
    summary="image is built on a release that gets no more security updates",
    why="Vulnerabilities found since its end of life are neither fixed nor always recorded, so a scan finds fewer than there are.",
    remediation="build the image on a supported release",
    references=("CWE-1104",),
)

RULES: tuple[Rule, ...] = (NOT_SCANNED, VULNERABLE, UNFIXED, END_OF_LIFE)
