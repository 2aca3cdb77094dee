"""What the images stage can find."""

from __future__ import annotations

from kgate.finding import Rule, Severity, Stage

EXPLOITED = Rule(
    id="KG3000",
    name="image-exploited",
    stage=Stage.IMAGES,
    severity=Severity.ERROR,
    summary="image has a vulnerability that is known to be exploited",
    why="The list of known exploited vulnerabilities (images.kev) has it: attackers use it now, whatever its severity, fixed or not.",
    remediation="update the image to one with the fixed version, or take the package out of it",
    references=("CWE-1395",),
)

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

MISSING = Rule(
    id="KG3005",
    name="image-missing",
    stage=Stage.IMAGES,
    severity=Severity.ERROR,
    summary="image is not in its registry",
    why="The registry says that it has no such image, so every new pod waits in ImagePullBackOff.",
    remediation="check the name and the tag, or push the image first",
)

PLATFORM_MISSING = Rule(
    id="KG3006",
    name="image-platform-missing",
    stage=Stage.IMAGES,
    severity=Severity.ERROR,
    summary="image does not exist for the nodes' platform",
    why="A container runtime finds no image for its node in the index and does not pull, or starts a program of another processor.",
    remediation="build the image for the platform, or set images.platform to that of the nodes",
)

WAIVER_EXPIRED = Rule(
    id="KG3007",
    name="image-waiver-expired",
    stage=Stage.IMAGES,
    severity=Severity.WARNING,
    summary="waiver of a vulnerability has expired",
    why="A waiver holds until its day, so that somebody looks again; since then the vulnerability counts.",
    remediation="remove the waiver, or look again and give it a new day",
)

WAIVER_UNUSED = Rule(
    id="KG3008",
    name="image-waiver-unused",
    stage=Stage.IMAGES,
    severity=Severity.INFO,
    summary="waiver of a vulnerability covers nothing",
    why="All images that it may concern were scanned, and none has the vulnerability: what is left of it would hide the next one.",
    remediation="remove the waiver",
)

OUTDATED = Rule(
    id="KG3009",
    name="image-outdated",
    stage=Stage.IMAGES,
    severity=Severity.INFO,
    summary="registry has a newer tag that fits the pattern",
    why="The settings (images.updates) ask to tell of newer tags of this repository.",
    remediation="try the newer tag",
)

ROLLBACK = Rule(
    id="KG3010",
    name="image-rollback",
    stage=Stage.IMAGES,
    severity=Severity.WARNING,
    summary="a rollback would return to an image that would not pass today",
    why="When an update goes wrong, Kubernetes or somebody in a hurry returns to the revision before; its image has to be there and fit.",
    remediation="keep the image in the registry, or know that the way back is closed and have another one ready",
)

RULES: tuple[Rule, ...] = (
    EXPLOITED,
    NOT_SCANNED,
    VULNERABLE,
    UNFIXED,
    END_OF_LIFE,
    MISSING,
    PLATFORM_MISSING,
    WAIVER_EXPIRED,
    WAIVER_UNUSED,
    OUTDATED,
    ROLLBACK,
)
