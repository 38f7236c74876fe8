"""Disk space where images, environments and temporary files go."""

from envkit.diagnose.examination import Answer, Examination, severity_below, unknown

_MIB_IN_GIB = 1024
_BYTES_IN_MIB = 1024 * 1024


def check_images(examination: Examination) -> Answer:
    """Look at the space where Docker stores images."""
    daemon = examination.daemon
    if daemon is None or daemon.root is None:
        return unknown("no Docker daemon on this machine was asked", "/info of Docker's daemon")
    return _space(examination, "disk-images", "images", daemon.root, _free(examination, daemon.root), "free-images")


def check_environments(examination: Examination) -> Answer:
    """Look at the space where native environments live."""
    return _space(
        examination, "disk-environments", "native environments", "$XDG_DATA_HOME", examination.facts.disk_free_mib
    )


def check_temporary_files(examination: Examination) -> Answer:
    """Look at the space for temporary files."""
    path = examination.host.variable("TMPDIR") or "/tmp"  # noqa: S108 - looked at, not written
    return _space(examination, "disk-temporary", "temporary files", path, _free(examination, path))


def _free(examination: Examination, path: str) -> int | None:
    free = examination.host.free_bytes(path)
    return None if free is None else free // _BYTES_IN_MIB


def _space(
    examination: Examination, name: str, purpose: str, path: str, free_mib: int | None, *remedies: str
) -> Answer:
    if free_mib is None:
        return unknown(f"free space for {purpose} not known", path)
    threshold = examination.threshold(name)
    gib = free_mib / _MIB_IN_GIB
    seen = f"{gib:.1f} GiB for {purpose}"
    severity = severity_below(threshold, gib)
    if severity is None:
        return Answer(seen, path)
    wanted = threshold.error if severity == "error" else threshold.warning
    findings = examination.finding(
        "disk-low",
        "disk_free_mib",
        f"{gib:.1f} GiB are free at {path}, less than {wanted} GiB",
        severity=severity,
        remedies=(*remedies, "free-space"),
        purpose=purpose,
        reason=threshold.reason,
        path=path,
    )
    return Answer(seen, path, findings)


CHECKS = (check_images, check_environments, check_temporary_files)
